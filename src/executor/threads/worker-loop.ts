/**
 * The worker's side: takes in values and stages, runs tasks over them, and tells what became of each.
 *
 * It knows the driver only by a port, so the same loop runs in a thread, and in simulations in the driver's own.
 *
 * I1  Messages are taken in order: what a task needs came before it.
 * I2  Every task that came is answered once, with `done` or `failed`.
 */
import { type Clock, SystemClock } from '../../base/clock.ts'
import { fromWire, toWire } from '../../base/errors.ts'
import { encodeRecords, registerClass } from '../../data/codec.ts'
import { isRegisteredClass } from '../../data/registered-class.ts'
import { revive } from '../../rdd/functions/revive.ts'
import type { SegmentMode } from '../../rdd/segment/segment.ts'
import type { MadeVersion } from '../../rdd/state-port.ts'
import type { Task, TaskResult } from '../../scheduler/task.ts'
import { SpillFolder } from '../../storage/spill-folder.ts'
import { TaskRunner } from '../task-runner.ts'
import type { TaskTimeSettings } from '../task-time.ts'
import type { ClassParts, FromWorker, TaskData, ToWorker, UpdateData, WorkerSettings } from './messages.ts'
import { type RevivedStage, reviveStage } from './revived-stage.ts'
import { SharedRegions } from './shared-regions.ts'
import { scopeData } from './stage-data.ts'
import { outputData, SentStores } from './task-stores.ts'
import { WorkerStates } from './worker-states.ts'

/** What the loop needs of the layers above: accumulators and broadcasts of this thread. */
export interface WorkerShared {
  broadcast(id: number): unknown
  accumulator(id: number): unknown
  putBroadcast(id: number, bytes: Uint8Array | undefined): void
  /** The accumulator of an id, which is `zero` unless the thread has one. */
  putAccumulator(id: number, name: string | undefined, zero: object): object
  /** What an attempt added. */
  updates(result: TaskResult): UpdateData[]
}

/** The driver, as the loop sees it. */
export interface DriverPort {
  post(message: FromWorker, transfer?: readonly ArrayBuffer[]): void
}

/** See the file head. */
export class WorkerLoop {
  private readonly port: DriverPort
  private readonly shared: WorkerShared
  private readonly settings: TaskTimeSettings
  private readonly regions = new SharedRegions()
  private readonly states = new WorkerStates()
  private readonly values = new Map<number, unknown>()
  private readonly stages = new Map<number, RevivedStage>()
  /** Stages that could not be made, and why. */
  private readonly failedStages = new Map<number, unknown>()
  private readonly running = new Map<number, AbortController>()
  private readonly attempts = new Set<Promise<void>>()
  /** Messages that were taken in so far; tasks start when all before them are done. */
  private taken: Promise<void> = Promise.resolve()

  constructor(
    port: DriverPort,
    shared: WorkerShared,
    settings: WorkerSettings,
    clock: Clock = new SystemClock(),
  ) {
    this.port = port
    this.shared = shared
    this.settings = {
      clock,
      mode: settings.segments as SegmentMode,
      yieldAfterMs: settings.yieldAfterMs,
      longCallMs: settings.longCallMs,
      spill: { budgetBytes: settings.spillBytes, folder: new SpillFolder(settings.spillPath) },
      onLongCall: ({ operators, ms, records }) =>
        port.post({ type: 'long-call', operators: operators.map(scopeData), ms, records }),
    }
  }

  /** Takes in a message of the driver. */
  receive(message: ToWorker): void {
    switch (message.type) {
      case 'value':
        this.then(async () => {
          this.values.set(message.id, await this.value(message))
        })
        return
      case 'class':
        this.then(async () => {
          const parts = await this.revived(message.description)
          // The module that it comes from may have registered it when it was loaded.
          if (parts instanceof NotRevived || isRegisteredClass(message.name)) return
          const [C, encode, decode] = (parts as () => ClassParts)()
          registerClass(C, { name: message.name, encode, decode })
        })
        return
      case 'broadcast':
        this.shared.putBroadcast(message.id, message.bytes)
        return
      case 'stage':
        this.then(() => {
          this.stages.set(
            message.id,
            reviveStage(
              message.data,
              id => {
                const value = this.values.get(id)
                if (value instanceof NotRevived) throw value.error
                return value
              },
              (state, maker) => this.states.versionsOf(state, maker),
            ),
          )
        }, message.id)
        return
      case 'task':
        this.start(message.task)
        return
      case 'cancel':
        this.running.get(message.task)?.abort(fromWire(message.error))
        return
      case 'forget':
        this.then(() => {
          for (const id of message.stages) {
            this.stages.delete(id)
            this.failedStages.delete(id)
          }
          for (const id of message.values) this.values.delete(id)
        })
        return
      case 'drop-states':
        this.then(() => this.states.drop(message.places))
        return
      case 'free':
        for (const id of message.regions) this.regions.release(id)
        return
      case 'stop':
        void this.stop()
    }
  }

  /** Ends running tasks. Resolves when they have ended. */
  async stop(): Promise<void> {
    for (const abortion of this.running.values()) abortion.abort()
    await Promise.all(this.attempts)
  }

  /** Does something after all that came before; a stage that could not be made fails its tasks. */
  private then(take: () => void | Promise<void>, stage?: number): void {
    this.taken = this.taken.then(take).catch((error: unknown) => {
      if (stage !== undefined) this.failedStages.set(stage, error)
    })
  }

  private async value({ description, accumulators }: Extract<ToWorker, { type: 'value' }>): Promise<unknown> {
    // The thread has each accumulator as long as a value refers to it; here, until this one does.
    const held: object[] = []
    for (const { id, name, zero } of accumulators) {
      const make = await this.revived(zero)
      if (make instanceof NotRevived) return make
      held.push(this.shared.putAccumulator(id, name, (make as () => object)()))
    }
    const value = await this.revived(description)
    held.length = 0
    return value
  }

  private async revived(description: Parameters<typeof revive>[0]): Promise<unknown> {
    try {
      return await revive(description, this.shared)
    } catch (error) {
      // The tasks that use it fail with this.
      return new NotRevived(error)
    }
  }

  private start(data: TaskData): void {
    const abortion = new AbortController()
    this.running.set(data.id, abortion)
    const attempt = this.taken.then(() => this.run(data, abortion.signal))
    this.attempts.add(attempt)
    void attempt.then(() => {
      this.running.delete(data.id)
      this.attempts.delete(attempt)
    })
  }

  private async run(data: TaskData, signal: AbortSignal): Promise<void> {
    const { id } = data
    try {
      if (this.failedStages.has(data.stageId)) throw this.failedStages.get(data.stageId)
      const stage = this.stages.get(data.stageId)!
      const stores = new SentStores(data.inputs)
      this.states.begin(data.inputs, (state, partition, made) =>
        this.port.post({ type: 'version', task: id, state, partition, made }, buffersOf(made)),
      )
      const task = taskOf(data, stage, signal)
      const result = await new TaskRunner(stores, this.settings).run(task)
      result.commit?.()
      const { work } = stage
      const rows = work.kind === 'result' && work.sink.kind === 'collect'
      const { value } = result
      const encoded =
        value === undefined ? undefined : encodeRecords(rows ? (value as readonly unknown[]) : [value])
      const message: FromWorker = {
        type: 'done',
        task: id,
        value: encoded,
        rows,
        output: stores.output === undefined ? undefined : outputData(stores.output, this.regions),
        kept: stores.kept,
        updates: this.shared.updates(result),
        metrics: result.metrics,
      }
      this.port.post(message, encoded === undefined ? [] : [encoded.buffer])
    } catch (error) {
      this.port.post({ type: 'failed', task: id, error: toWire(error) })
    }
  }
}

/** The memory of a version, which is moved: the worker needs it no more. */
function buffersOf({ layer, output }: MadeVersion): ArrayBuffer[] {
  return [layer, ...output].map(({ bytes }) => bytes.buffer as ArrayBuffer)
}

/** Stands for a value that this thread could not make. */
class NotRevived {
  readonly error: unknown

  constructor(error: unknown) {
    this.error = error
  }
}

function taskOf(data: TaskData, stage: RevivedStage, signal: AbortSignal): Task {
  const { id, jobId, stageId, partition, attempt, speculative, properties, inputs } = data
  for (const [source, p, descriptor] of inputs.sources) stage.sources.get(source)!.descriptors[p] = descriptor
  const { node, scope, work } = stage
  return {
    id,
    jobId,
    stageId,
    node,
    partition,
    attempt,
    speculative,
    work,
    scope,
    signal,
    properties,
    inContext: run => run(),
  }
}
