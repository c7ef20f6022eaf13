/** The file system of a simulated machine. It travels to workers, being data. */
import { isMissing, type OutputFile, type OutputFiles } from '../../rdd/sink/output-files.ts'
import { type DiskStep, diskOf, type SimulatedDisk } from './disk.ts'
import type { FileTree, SimulatedFile } from './file-tree.ts'

/** See the file head. */
export class SimulatedFiles implements OutputFiles {
  private readonly world: number
  private readonly life: number

  constructor(world: number, life: number) {
    this.world = world
    this.life = life
  }

  makeDirectory(path: string): Promise<void> {
    return this.take(`make ${path}/`, 'write', tree => tree.makeDirectory(path))
  }

  create(path: string): Promise<OutputFile> {
    return this.open(`create ${path}`, tree => tree.create(path, false))
  }

  createNew(path: string): Promise<OutputFile> {
    return this.open(`create ${path}`, tree => tree.create(path, true))
  }

  append(path: string): Promise<OutputFile> {
    return this.open(`open ${path}`, tree => tree.file(path))
  }

  async write(path: string, text: string): Promise<void> {
    const file = await this.create(path)
    await file.write(Buffer.from(text))
    await file.sync()
    await file.close()
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    try {
      return await this.take(`read ${path}`, 'read', tree => tree.file(path).bytes.slice())
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  exists(path: string): Promise<boolean> {
    return this.take(`look for ${path}`, 'read', tree => tree.exists(path))
  }

  async list(path: string): Promise<readonly string[]> {
    try {
      return await this.take(`list ${path}/`, 'read', tree => tree.list(path))
    } catch (error) {
      if (isMissing(error)) return []
      throw error
    }
  }

  link(from: string, to: string): Promise<void> {
    return this.take(`link ${from} to ${to}`, 'write', tree => {
      tree.link(from, to)
      this.disk.created(to, this.life)
    })
  }

  rename(from: string, to: string): Promise<void> {
    return this.take(`rename ${from} to ${to}`, 'write', tree => tree.rename(from, to))
  }

  remove(path: string): Promise<void> {
    return this.take(`remove ${path}`, 'clean', tree => tree.remove(path))
  }

  removeEmpty(path: string): Promise<void> {
    return this.take(`remove ${path}/ if it is empty`, 'clean', tree => tree.removeEmpty(path))
  }

  sync(path: string): Promise<void> {
    return this.take(`sync ${path}/`, 'write', tree => tree.sync(path))
  }

  private async open(what: string, find: (tree: FileTree) => SimulatedFile): Promise<OutputFile> {
    const file = await this.take(what, 'write', find)
    const path = what.slice(what.indexOf(' ') + 1)
    return {
      write: bytes => {
        const added = Uint8Array.from(bytes)
        return this.step({
          what: `write ${path}`,
          kind: 'write',
          run: () => add(file, added),
          half: random => add(file, added.slice(0, random.int(added.length + 1))),
        })
      },
      sync: () =>
        this.take(`sync ${path}`, 'write', () => {
          file.synced = file.bytes
        }),
      close: async () => {},
    }
  }

  private take<R>(what: string, kind: DiskStep<R>['kind'], run: (tree: FileTree) => R): Promise<R> {
    return this.step({ what, kind, run: () => run(this.disk.tree) })
  }

  private step<R>(step: DiskStep<R>): Promise<R> {
    return this.disk.take(this.life, step)
  }

  private get disk(): SimulatedDisk {
    return diskOf(this.world)
  }
}

function add(file: SimulatedFile, bytes: Uint8Array): void {
  const sum = new Uint8Array(file.bytes.length + bytes.length)
  sum.set(file.bytes)
  sum.set(bytes, file.bytes.length)
  file.bytes = sum
}
