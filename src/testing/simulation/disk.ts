/**
 * Where a simulated program writes: the disk of its machine, and storages elsewhere. Both outlive it.
 *
 * Each step takes time: until it happens, and until its answer is there. In between the program may die; then a write that is under way
 * is there wholly, in part, or not at all. Steps that are under way together may happen in any order.
 */
import type { Random } from '../../base/random.ts'
import { FileTree, systemError } from './file-tree.ts'
import { currentWorker } from './workers.ts'
import { type Delay, type Mortal, type SimulatedWorld, worldOf } from './world.ts'
import type { Readable } from './written-batches.ts'

const STEP: Delay = { usual: 2, longest: 60 }
const FULL: Delay = { usual: 500, longest: 5000 }

/** With one of these a process takes a program over. */
const MANIFEST = /(^|\/)manifest-\d+$/

/** A step, as those who take it describe it. */
export interface DiskStep<R> {
  readonly what: string
  readonly kind: 'read' | 'write' | 'clean'
  run(): R
  /** Does a part of it: what may be left when it is interrupted, or fails. */
  half?(random: Random): void
  /** Its answer may get lost. */
  readonly isRemote?: boolean
}

/** See the file head. */
export class SimulatedDisk {
  readonly tree: FileTree = new FileTree()
  /** Storages by name: their files. */
  private readonly storages = new Map<string, Map<string, Uint8Array<ArrayBuffer>>>()
  private readonly world: SimulatedWorld
  private readonly lifeOf: (number: number) => Mortal
  private readonly random: Random
  private readonly underWay = new Set<{ readonly owner: Mortal; readonly step: DiskStep<unknown> }>()
  private fullUntil = 0
  /** The life of the program that has taken the checkpoint over last. */
  owner = 0

  /** @param lifeOf the lives of the program, by number */
  constructor(world: SimulatedWorld, lifeOf: (number: number) => Mortal) {
    this.world = world
    this.lifeOf = lifeOf
    this.random = world.random('disk')
    disks.set(world, this)
  }

  storage(name: string): Map<string, Uint8Array<ArrayBuffer>> {
    let files = this.storages.get(name)
    if (files === undefined) {
      files = new Map()
      this.storages.set(name, files)
    }
    return files
  }

  /** Takes a step for a life of the program, and for the worker that asks. Never resolves once either is dead. */
  async take<R>(life: number, step: DiskStep<R>): Promise<R> {
    const { world, random } = this
    const program = this.lifeOf(life)
    const worker = currentWorker()
    const owner: Mortal = {
      get isDead() {
        return program.isDead || worker?.isDead === true
      },
      get suspendedUntil() {
        return program.suspendedUntil
      },
    }
    const where = worker === undefined ? 'driver' : worker.name
    const entry = { owner, step: step as DiskStep<unknown> }
    this.underWay.add(entry)
    if (owner.isDead) await never()
    await world.pause(STEP, random, owner)
    this.underWay.delete(entry)
    const failure = this.failureOf(step)
    const label = `${where}: ${step.what}`
    if (failure !== undefined && !failure.isDone) {
      step.half?.(random)
      world.note(`${label} fails: ${failure.code}`)
      await world.pause(STEP, random, owner)
      throw systemError(failure.code, step.what, true)
    }
    world.note(label)
    let result: R
    try {
      result = step.run()
    } catch (error) {
      await world.pause(STEP, random, owner)
      throw error
    }
    await world.pause(STEP, random, owner)
    if (failure !== undefined) throw systemError(failure.code, step.what, true)
    return result
  }

  /** What is under way of those that have died happens, in part, or not. */
  interrupt(): void {
    for (const entry of this.underWay) {
      if (!entry.owner.isDead) continue
      this.underWay.delete(entry)
      const { step } = entry
      const fate = this.random.int(3)
      if (step.kind === 'read' || fate === 0) continue
      try {
        if (step.half !== undefined && this.world.strikes('torn-write', this.random, step.what))
          step.half(this.random)
        else if (fate === 1) step.run()
      } catch {
        // It would have failed.
      }
    }
  }

  /** A life has created a file. */
  created(path: string, life: number): void {
    if (MANIFEST.test(path)) this.owner = life
  }

  losePower(): void {
    this.tree.lose(this.random)
  }

  /** What those who live are at. */
  stepsUnderWay(): string[] {
    return [...this.underWay].filter(({ owner }) => !owner.isDead).map(({ step }) => step.what)
  }

  /** The files of the machine, as another process sees them. */
  asSeen(): Readable {
    const { tree } = this
    return {
      list: folder => (tree.exists(folder) ? tree.list(folder) : []),
      read: file => (tree.exists(file) ? tree.file(file).bytes : undefined),
    }
  }

  /** The files of a storage, as another client sees them. */
  storageAsSeen(name: string): Readable {
    const files = this.storage(name)
    return {
      list: folder => namesIn(files.keys(), folder === '.' ? '' : folder),
      read: file => files.get(file),
    }
  }

  private failureOf({ kind, what, isRemote = false }: DiskStep<unknown>): Failure | undefined {
    const { world, random } = this
    if (kind === 'read') return world.strikes('read-error', random, what) ? { code: 'EIO' } : undefined
    if (isRemote && world.strikes('lost-answer', random, what)) return { code: 'EIO', isDone: true }
    if (world.strikes('write-error', random, what)) return { code: 'EIO' }
    if (kind === 'clean') return undefined
    const now = world.clock.now()
    if (world.strikes('disk-full', random)) this.fullUntil = now + FULL.usual + random.int(FULL.longest)
    return now < this.fullUntil ? { code: 'ENOSPC' } : undefined
  }
}

/** The names in a folder of files that are named by paths. */
export function namesIn(files: Iterable<string>, folder: string): string[] {
  const prefix = folder === '' ? '' : `${folder}/`
  const inside = [...files].filter(file => file.startsWith(prefix))
  return [...new Set(inside.map(file => file.slice(prefix.length).split('/', 1)[0]!))]
}

interface Failure {
  readonly code: string
  readonly isDone?: boolean
}

const disks = new WeakMap<SimulatedWorld, SimulatedDisk>()

/** The disk of a world, by the world's number. */
export function diskOf(world: number): SimulatedDisk {
  return disks.get(worldOf(world))!
}

function never(): Promise<never> {
  return new Promise(() => {})
}
