/**
 * One worker as the driver sees it: what it was sent, what it runs, and that it may end at any moment.
 *
 * I1  A task that was given to it settles once: with its result, with its error, or with WORKER_LOST when the worker ends.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import { fromWire, KindlingError, toWire } from '../../base/errors.ts'
import type { RegisteredClass } from '../../data/registered-class.ts'
import type { SpillFolder } from '../../storage/spill-folder.ts'
import type { Carrier, StartCarrier } from './carrier.ts'
import type { FromWorker, TaskData, ToWorker, WorkerSettings } from './messages.ts'
import { SentStages } from './sent-stages.ts'

/** What a task came to. */
export type DoneMessage = Extract<FromWorker, { type: 'done' }>

/** Messages that belong to no task. */
export type LooseMessage = Extract<FromWorker, { type: 'long-call' | 'floated' | 'log' }>

/** What a worker tells whoever started it. */
export interface WorkerEvents {
  ready(): void
  loose(message: LooseMessage): void
  /** It has ended. Its tasks have failed already. */
  ended(reason: string): void
}

/** A version of state that a task made. */
export type VersionMessage = Extract<FromWorker, { type: 'version' }>

interface RunningTask extends PromiseWithResolvers<DoneMessage> {
  onVersion(message: VersionMessage): void
}

/** How a task is run. */
export interface RunSettings {
  readonly signal: AbortSignal
  /** A thread whose cancelled task goes on for longer than this is ended. */
  readonly killAfterMs: number
  onVersion(message: VersionMessage): void
}

/** How a worker is started. */
export interface WorkerStart {
  readonly start: StartCarrier
  /** What all threads have. */
  readonly settings: Omit<WorkerSettings, 'spillPath'>
  /** Its files are in a folder of this one, which goes when it has ended. */
  readonly spillFolder: SpillFolder
  /** The clock that it goes by. */
  readonly clock: Clock
}

/** See the file head. */
export class WorkerThread {
  readonly id: number
  readonly stages: SentStages = new SentStages()
  /** Ids of what it was sent. */
  readonly broadcasts: Set<number> = new Set()
  readonly classes: Set<RegisteredClass> = new Set()
  private readonly carrier: Carrier
  private readonly clock: Clock
  private readonly files: SpillFolder
  private readonly tasks = new Map<number, RunningTask>()
  private hasEnded = false
  private reason: string | undefined
  private readonly exited = Promise.withResolvers<void>()

  constructor(id: number, { start, settings, spillFolder, clock }: WorkerStart, events: WorkerEvents) {
    this.id = id
    this.clock = clock
    this.files = spillFolder.ofThread(id)
    this.carrier = start(
      id,
      { ...settings, spillPath: this.files.path },
      {
        message: message => this.receive(message, events),
        ended: reason => this.end(this.reason ?? reason, events),
      },
    )
  }

  /** Whether it has nothing to do. */
  get isIdle(): boolean {
    return this.tasks.size === 0
  }

  get isEnded(): boolean {
    return this.hasEnded
  }

  post(message: ToWorker): void {
    this.carrier.post(message)
  }

  /** Runs a task. @throws WORKER_LOST, or what the task failed with */
  run(task: TaskData, { signal, killAfterMs, onVersion }: RunSettings): Promise<DoneMessage> {
    if (this.hasEnded) return Promise.reject(lost(this.reason ?? 'it has ended'))
    const settled = Promise.withResolvers<DoneMessage>()
    this.tasks.set(task.id, { ...settled, onVersion })
    // A program waits for its jobs, not for idle threads.
    this.carrier.ref()
    let killing: Timer | undefined
    const cancel = (): void => {
      this.post({ type: 'cancel', task: task.id, error: toWire(signal.reason) })
      killing = this.after(killAfterMs, 'its task was cancelled and did not end')
    }
    signal.addEventListener('abort', cancel, { once: true })
    try {
      this.post({ type: 'task', task })
    } catch (error) {
      // What cannot be cloned was not sent.
      settled.reject(error)
    }
    return settled.promise.finally(() => {
      killing?.cancel()
      signal.removeEventListener('abort', cancel)
      this.tasks.delete(task.id)
      if (this.tasks.size === 0) this.carrier.unref()
    })
  }

  /** Ends the thread, whatever it does. */
  async kill(reason: string): Promise<void> {
    this.reason ??= reason
    await this.carrier.terminate()
  }

  /** Lets it end by itself, within a time. */
  async stop(withinMs: number): Promise<void> {
    if (this.hasEnded) return
    this.carrier.ref()
    this.post({ type: 'stop' })
    const late = this.after(withinMs, 'it was stopped')
    await this.exited.promise
    late.cancel()
  }

  /** Kills it after a time, unless that is taken back. */
  private after(ms: number, reason: string): Timer {
    return this.clock.schedule(this.clock.now() + ms, () => void this.kill(reason))
  }

  private receive(message: FromWorker, events: WorkerEvents): void {
    switch (message.type) {
      case 'ready':
        this.carrier.unref()
        events.ready()
        return
      case 'done':
        this.tasks.get(message.task)?.resolve(message)
        return
      case 'failed':
        this.tasks.get(message.task)?.reject(fromWire(message.error))
        return
      case 'version':
        this.tasks.get(message.task)?.onVersion(message)
        return
      case 'long-call':
      case 'floated':
      case 'log':
        events.loose(message)
    }
  }

  private end(reason: string, events: WorkerEvents): void {
    this.hasEnded = true
    this.reason = reason
    this.files.removeNow()
    for (const task of this.tasks.values()) task.reject(lost(reason))
    events.ended(reason)
    this.exited.resolve()
  }
}

function lost(reason: string): KindlingError {
  return new KindlingError('WORKER_LOST', { reason })
}
