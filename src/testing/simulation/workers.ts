/**
 * Workers of a simulation: worker loops in the thread of the program, each behind a port that copies messages as threads do, and delivers
 * them when chance has it.
 *
 * I1  Messages of one port arrive in order.
 * I2  Nothing of a dead worker happens: its messages are lost, and what its tasks wait for never comes.
 *
 * What only prepares tasks (values, stages, memory that is free again) comes with the next message that asks for something: some of it is
 * sent when garbage is collected, which no seed decides.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { Random } from '../../base/random.ts'
import { ThreadShared } from '../../context/worker-shared.ts'
import type { Carrier, CarrierEvents, StartCarrier } from '../../executor/threads/carrier.ts'
import type { FromWorker, TaskData, ToWorker, WorkerSettings } from '../../executor/threads/messages.ts'
import { WorkerLoop } from '../../executor/threads/worker-loop.ts'
import { damageFile } from './damaged-file.ts'
import { type Delay, drawn, type Mortal, type SimulatedWorld } from './world.ts'

const MESSAGE: Delay = { usual: 3, longest: 80 }
const START: Delay = { usual: 20, longest: 300 }
const NOTICED: Delay = { usual: 5, longest: 50 }
const SLOWER = 10
/** For good, batches would never catch up. */
const SLOW_FOR_MS = 5000

/** The program that workers belong to. */
export interface WorkerOwner extends Mortal {
  readonly clock: Clock
  /** Which life of the program. */
  readonly number: number
}

interface WorkerParts {
  readonly id: number
  readonly settings: WorkerSettings
  readonly logger: Logger
  readonly events: CarrierEvents
}

const current = new AsyncLocalStorage<SimulatedWorker>()

/** The worker in which the caller runs; `undefined` for the driver. */
export function currentWorker(): SimulatedWorker | undefined {
  return current.getStore()
}

/** Starts workers of a program. @param started gets each of them */
export function simulatedCarriers(
  world: SimulatedWorld,
  owner: WorkerOwner,
  logger: Logger,
  started: (worker: SimulatedWorker) => void,
): StartCarrier {
  return (id, settings, events) => {
    const worker = new SimulatedWorker(world, owner, { id, settings, logger, events })
    started(worker)
    return worker
  }
}

/** See the file head. */
export class SimulatedWorker implements Carrier, Mortal {
  readonly name: string
  private readonly world: SimulatedWorld
  private readonly owner: WorkerOwner
  private readonly events: CarrierEvents
  private readonly random: Random
  private readonly loop: WorkerLoop
  private readonly slowUntil: number
  private readonly toWorker: Port<ToWorker>
  private readonly toDriver: Port<FromWorker>
  private readonly tasks = new Map<number, string>()
  private readonly exited = Promise.withResolvers<void>()
  private hasDied = false
  private hangs = false

  constructor(world: SimulatedWorld, owner: WorkerOwner, { id, settings, logger, events }: WorkerParts) {
    this.name = `worker ${id}`
    this.world = world
    this.owner = owner
    this.events = events
    this.random = world.random(`life ${owner.number}, ${this.name}`)
    const isSlow = world.strikes('slow-worker', this.random, this.name)
    this.slowUntil = isSlow ? world.clock.now() + SLOW_FOR_MS : 0
    this.toWorker = new Port(message => this.receive(message))
    this.toDriver = new Port(message => this.tell(message))
    const port = { post: (message: FromWorker) => this.send(this.toDriver, message) }
    this.loop = new WorkerLoop(port, new ThreadShared(logger), settings, owner.clock)
    world.after(START, this.random, this, () => {
      world.note(`${this.name} has started`)
      events.message({ type: 'ready' })
    })
  }

  get isDead(): boolean {
    return this.hasDied || this.owner.isDead
  }

  get suspendedUntil(): number {
    return this.owner.suspendedUntil
  }

  post(message: ToWorker): void {
    if (isPreparation(message)) this.toWorker.prepare(structuredClone(message))
    else this.send(this.toWorker, message)
  }

  terminate(): Promise<void> {
    this.die('it was ended')
    return this.exited.promise
  }

  ref(): void {}

  unref(): void {}

  private send<M extends ToWorker | FromWorker>(port: Port<M>, message: M): void {
    if (this.isDead) return
    const { world, random } = this
    const now = world.clock.now()
    const arrives = Math.max(port.last, now + drawn(MESSAGE, random) * (now < this.slowUntil ? SLOWER : 1))
    port.last = arrives
    port.put(structuredClone(message))
    world.at(arrives, random, this, () => {
      if (!this.hangs) port.deliver()
    })
  }

  private receive(message: ToWorker): void {
    if (!isPreparation(message)) {
      if (message.type === 'task') this.tasks.set(message.task.id, taskName(message.task))
      const what = message.type === 'stop' ? 'stop' : `${message.type} ${this.taskOf(message)}`
      if (this.fails(what)) return
      this.world.note(`${this.name} gets ${what}`)
    }
    if (message.type === 'stop') void this.end()
    else current.run(this, () => this.loop.receive(message))
  }

  private tell(message: FromWorker): void {
    const what = 'task' in message ? `${message.type} ${this.taskOf(message)}` : message.type
    if (this.fails(what)) return
    const code = message.type === 'failed' ? `: ${message.error.code ?? message.error.name}` : ''
    this.world.note(`${this.name} says ${what}${code}`)
    if (message.type === 'done' && message.output !== undefined && 'path' in message.output)
      if (this.world.strikes('damaged-file', this.random, `of ${this.name}, ${what}`))
        damageFile(message.output.path, this.random)
    if (message.type === 'done' || message.type === 'failed') this.tasks.delete(message.task)
    this.events.message(message)
  }

  private fails(at: string): boolean {
    const { world, random } = this
    if (world.strikes('worker-death', random, `${this.name}, at ${at}`)) {
      this.die('a simulated death')
      return true
    }
    if (world.strikes('worker-hang', random, `${this.name}, at ${at}`)) this.hangs = true
    return this.hangs
  }

  private async end(): Promise<void> {
    await current.run(this, () => this.loop.stop())
    this.die('it exited with code 0')
  }

  private die(reason: string): void {
    if (this.hasDied) return
    this.hasDied = true
    this.world.after(NOTICED, this.random, this.owner, () => {
      this.world.note(`${this.name} has ended: ${reason}`)
      this.events.ended(reason)
      this.exited.resolve()
    })
  }

  private taskOf(message: { readonly task: number | TaskData }): string {
    const id = typeof message.task === 'number' ? message.task : message.task.id
    return this.tasks.get(id) ?? 'that is over'
  }
}

/** One direction of a port. */
class Port<M> {
  /** When the last message arrives. */
  last = 0
  private readonly queue: M[][] = []
  private readonly take: (message: M) => void
  private next: M[] = []

  constructor(take: (message: M) => void) {
    this.take = take
  }

  /** Comes with the next message. */
  prepare(message: M): void {
    this.next.push(message)
  }

  put(message: M): void {
    this.queue.push([...this.next, message])
    this.next = []
  }

  deliver(): void {
    for (const message of this.queue.shift()!) this.take(message)
  }
}

type Preparation = Exclude<ToWorker, { type: 'task' | 'cancel' | 'stop' }>

function isPreparation(message: ToWorker): message is Preparation {
  return message.type !== 'task' && message.type !== 'cancel' && message.type !== 'stop'
}

/** Job and stage have numbers that depend on what ran before in the process. */
function taskName({ partition, attempt, speculative }: TaskData): string {
  return `${partition}.${attempt}${speculative ? ', a copy' : ''}`
}
