/**
 * Tasks on worker threads. One queue; a thread takes the next task when it has none, so a slow one takes fewer.
 *
 *   task → its stage as data (once) → values that the thread has not → inputs of the partition → the thread
 *
 * Tasks that have nothing to read and no function to call run on the driver's own thread instead: a message would cost more.
 *
 * I1  Every task that was submitted is answered once.
 * I2  A thread that ends is replaced; what it ran fails with WORKER_LOST.
 */
import type { Clock } from '../../base/clock.ts'
import { KindlingError } from '../../base/errors.ts'
import { Duration } from '../../base/time.ts'
import { decodeRecords } from '../../data/codec.ts'
import { registeredClasses } from '../../data/registered-class.ts'
import { captureFunction } from '../../rdd/functions/capture-function.ts'
import { capture } from '../../rdd/functions/explicit.ts'
import type { Node, StateNode } from '../../rdd/nodes.ts'
import type { Backend, Task, TaskEvents, TaskResult, TaskUpdate } from '../../scheduler/task.ts'
import type { TaskQueue } from '../../scheduler/task-queue.ts'
import type { MapOutput } from '../../shuffle/shuffle-store.ts'
import type { OutputBlock } from '../../storage/filed-block.ts'
import type { SpillFolder } from '../../storage/spill-folder.ts'
import type { InlineBackend, TaskHook } from '../inline-backend.ts'
import type { TaskStores } from '../legs.ts'
import { dropDamaged } from '../lost-outputs.ts'
import { isEmptyPartition } from '../task-runner.ts'
import { Dispatch, type Dispatched, type StateUse } from './dispatch.ts'
import type { ClassParts, OutputData, UpdateData } from './messages.ts'
import { OutputRegions } from './output-regions.ts'
import { type SentValue, SentValues } from './sent-values.ts'
import { type DescribedStage, describeStage, parentsWithin } from './stage-data.ts'
import { gatherInputs, placeOf, statesOf } from './task-inputs.ts'
import { blockOf } from './task-stores.ts'
import type { ThreadPool } from './thread-pool.ts'
import type { DoneMessage, VersionMessage, WorkerThread } from './worker-thread.ts'

/** What the driver shares with its workers by id. */
export interface DriverShared {
  /** The bytes of a broadcast, in shared memory; `undefined` once it was destroyed. */
  broadcast(id: number): Uint8Array | undefined
  /** The name of an accumulator, and a function that makes an empty one of its kind. */
  accumulator(id: number): { readonly name: string | undefined; readonly zero: () => object }
  /** What an attempt added, as the accumulator takes it. */
  update(data: UpdateData): TaskUpdate | undefined
}

/** What the backend stands on. */
export interface ThreadBackendParts {
  readonly pool: ThreadPool
  readonly queue: TaskQueue
  /** Runs what does not leave the driver. */
  readonly inline: InlineBackend
  readonly stores: TaskStores
  /** Takes over the files of threads. */
  readonly spillFolder: SpillFolder
  readonly shared: DriverShared
  /** The context's clock. */
  readonly clock: Clock
  /** The clock that workers go by: that of the context too, or another. */
  readonly workerClock: Clock
  /** ms since any time, to measure how long workers take. */
  now(): number
  readonly hook: TaskHook | undefined
  /** A thread whose cancelled task goes on for longer than this is ended. */
  readonly killAfterMs: number
  /** A task that runs for longer is cancelled; `undefined`: none is. */
  readonly timeoutMs: number | undefined
}

/** How the names of the engine's own registered classes begin. */
const OWN_CLASSES = 'kindling.'
/** Stages that are remembered; one that is asked for again is described again. */
const MAX_STAGES = 256

/** See the file head. */
export class ThreadBackend implements Backend {
  private readonly parts: ThreadBackendParts
  private readonly sent = new SentValues()
  private readonly regions = new OutputRegions()
  /** By stage id. */
  private readonly stages = new Map<number, DescribedStage>()
  private readonly dispatch: Dispatch
  private readonly attempts = new Set<Promise<void>>()
  /** What running tasks read: the memory of these blocks is not used again before they have ended. */
  private readonly inUse = new Set<readonly OutputBlock[]>()
  private stopped = false

  constructor(parts: ThreadBackendParts) {
    this.parts = parts
    const { queue, pool, now } = parts
    this.dispatch = new Dispatch({
      queue,
      pool,
      now,
      statesOf: task => this.statesOf(task),
    })
    parts.pool.onFree = () => this.fill()
  }

  get capacity(): number {
    return this.parts.pool.size
  }

  /** More or fewer threads; see {@link ThreadPool.resize}. */
  resize(size: number): void {
    this.parts.pool.resize(size)
  }

  /**
   * Describes the functions of a node while its operator is being defined: what they captured is what it is now.
   *
   * @throws CLOSURE_NOT_TRANSFERABLE @throws CAPTURE_REASSIGNED
   */
  define(node: Node): void {
    // What a job finds out first is not known yet; its node is described when the job runs.
    if (node.needs !== undefined && !node.needs.ready) return
    if (node.kind === 'narrow') this.sent.ofFunction(node.step.f)
    else if (node.kind === 'zip') this.sent.ofFunction(node.f)
    else if (node.kind === 'source') this.sent.ofFunction(node.open)
    else if (node.kind === 'shuffle' && node.result.as === 'combined') {
      const { create, mergeValue, mergeCombiners } = node.result.aggregator
      for (const f of [create, mergeValue, mergeCombiners]) if (f !== undefined) this.sent.ofFunction(f)
    }
  }

  /** Describes one function while its operator is being defined. @throws CLOSURE_NOT_TRANSFERABLE, CAPTURE_REASSIGNED */
  describe(f: (...args: never[]) => unknown): void {
    this.sent.ofFunction(f)
  }

  /** Starts the threads, which otherwise the first task does. */
  start(): void {
    this.parts.pool.start()
  }

  /** Threads that have a broadcast get it anew: they drop the copy that they made, and all of it once it was destroyed. */
  resendBroadcast(id: number): void {
    const bytes = this.parts.shared.broadcast(id)
    for (const thread of this.parts.pool.all) {
      if (!thread.broadcasts.has(id)) continue
      if (bytes === undefined) thread.broadcasts.delete(id)
      thread.post({ type: 'broadcast', id, bytes })
    }
  }

  submit(tasks: readonly Task[], events: TaskEvents): void {
    const here: Task[] = []
    const away: Task[] = []
    for (const task of tasks) {
      if (this.staysHere(task)) here.push(task)
      else away.push(task)
    }
    this.parts.queue.add(away, events)
    if (here.length > 0) this.parts.inline.submit(here, events)
    this.fill()
  }

  async settled(): Promise<void> {
    await Promise.all([this.parts.inline.settled(), ...this.attempts])
  }

  async stop(): Promise<void> {
    this.stopped = true
    for (const { task, events } of this.dispatch.drain()) events.failed(task, stoppedError())
    await this.parts.inline.stop()
    await this.parts.pool.stop()
    await this.settled()
  }

  private staysHere({ work, node, partition }: Task): boolean {
    const callsNothing = work.kind === 'map' || work.sink.kind !== 'chunks'
    return callsNothing && isEmptyPartition(node, partition)
  }

  private statesOf(task: Task): readonly StateUse[] {
    try {
      return this.stageOf(task).usesState ? statesOf(task.node, task.partition) : []
    } catch {
      // The attempt fails with it.
      return []
    }
  }

  private fill(): void {
    while (!this.stopped) {
      const next = this.dispatch.next()
      if (next === undefined) break
      const attempt = this.run(next)
      this.attempts.add(attempt)
      void attempt.then(() => this.attempts.delete(attempt))
    }
    const { failure } = this.parts.pool
    if (failure !== undefined)
      for (const { task, events } of this.dispatch.drain()) events.failed(task, failure)
  }

  private async run(dispatched: Dispatched): Promise<void> {
    const { task, events, thread } = dispatched
    const end = this.parts.clock.activity.begin()
    let tell: () => void
    // Unless all went well, nobody knows what became of tables of state.
    let isSound = false
    const versions = this.versionTaker(task.node)
    try {
      task.signal.throwIfAborted()
      events.started(task)
      if (this.parts.hook !== undefined) await this.parts.hook(task)
      const result = await this.runOn(dispatched, versions.take)
      isSound = versions.allCount()
      tell = () => events.succeeded(task, result)
    } catch (error) {
      dropDamaged(task, error, this.parts.stores)
      tell = () => events.failed(task, error)
    }
    this.parts.pool.give(thread)
    this.dispatch.ended(dispatched, isSound, versions.made)
    tell()
    this.fill()
    end()
  }

  private async runOn(
    dispatched: Dispatched,
    onVersion: (message: VersionMessage) => void,
  ): Promise<TaskResult> {
    const { task, thread } = dispatched
    task.signal.throwIfAborted()
    const { node, partition, id, jobId, stageId, attempt, speculative, properties, signal } = task
    const stage = this.stageOf(task)
    const holds = this.dispatch.holds(dispatched)
    const { inputs, blocks } = await gatherInputs(node, partition, this.parts.stores, holds)
    task.signal.throwIfAborted()
    this.send(thread, stageId, stage)
    const release = this.leaveTo()
    this.inUse.add(blocks)
    try {
      const data = { id, jobId, stageId, partition, attempt, speculative, properties, inputs }
      const { killAfterMs } = this.parts
      const done = await this.withinTime(signal, limited =>
        thread.run(data, { signal: limited, killAfterMs, onVersion }),
      )
      return await this.result(task, thread, done)
    } finally {
      this.inUse.delete(blocks)
      release()
    }
  }

  /** Takes in versions of state that a task of this lineage makes. */
  private versionTaker(root: Node): VersionTaker {
    let nodes: Node[] | undefined
    let refused = 0
    const latest = new Map<string, number>()
    return {
      made: latest,
      take: ({ state, partition, made }) => {
        nodes ??= [...nodesOf(root).values()]
        const node = nodes.find(
          (at): at is StateNode =>
            at.kind === 'state' && at.versions.away?.id === state && at.time === made.layer.time,
        )
        if (node?.versions.away?.adopt(node, partition, made) !== true) refused++
        else latest.set(placeOf(state, partition), node.time)
      },
      allCount: () => refused === 0,
    }
  }

  /** The context's clock waits for a worker that goes by another one; one that goes by the same waits for the clock. */
  private leaveTo(): () => void {
    const { clock, workerClock } = this.parts
    return workerClock === clock ? clock.activity.fallAsleep() : clock.activity.hold()
  }

  /**
   * Runs a task with a signal that is also aborted when its time is over.
   *
   * @throws TASK_TIMED_OUT when it failed after that, with the thread or without
   */
  private async withinTime<R>(signal: AbortSignal, run: (signal: AbortSignal) => Promise<R>): Promise<R> {
    const { timeoutMs, workerClock } = this.parts
    if (timeoutMs === undefined) return run(signal)
    const limit = new AbortController()
    const timedOut = new KindlingError('TASK_TIMED_OUT', { limit: String(new Duration(timeoutMs)) })
    const timer = workerClock.schedule(workerClock.now() + timeoutMs, () => limit.abort(timedOut))
    try {
      return await run(AbortSignal.any([signal, limit.signal]))
    } catch (error) {
      throw limit.signal.aborted && !signal.aborted ? timedOut : error
    } finally {
      timer.cancel()
    }
  }

  private async result(task: Task, thread: WorkerThread, done: DoneMessage): Promise<TaskResult> {
    const { work, node } = task
    const { output, kept, value, rows, updates, metrics } = done
    // Adopted also when it does not count: that is how its memory comes back.
    const adopted = output === undefined ? undefined : this.adopt(thread, output)
    if (kept.length > 0 && !task.signal.aborted) {
      const nodes = nodesOf(node)
      for (const { node: id, partition, blocks } of kept) {
        const owner = nodes.get(id)
        if (owner !== undefined) await this.parts.stores.blocks.put(owner, partition, blocks.map(blockOf))
      }
    }
    const records = value === undefined ? [undefined] : decodeRecords(value)
    return {
      value: rows ? records : records[0],
      updates: updates.map(data => this.parts.shared.update(data)).filter(update => update !== undefined),
      metrics,
      commit:
        work.kind === 'map' && adopted !== undefined
          ? () => this.parts.stores.shuffle.put(work.shuffle, work.input, task.partition, adopted)
          : undefined,
    }
  }

  private adopt(thread: WorkerThread, output: OutputData): MapOutput {
    if (!('path' in output)) return this.regions.adopt(thread, output)
    const file = this.parts.spillFolder.adopt(output.path)
    return output.blocks.map(({ parts, count }) => ({ kind: 'filed', file, parts, count }))
  }

  private stageOf(task: Task): DescribedStage {
    const { stageId } = task
    const known = this.stages.get(stageId)
    if (known !== undefined) return known
    const stage = describeStage(task, this.sent)
    if (this.stages.size >= MAX_STAGES) this.stages.delete(this.stages.keys().next().value!)
    this.stages.set(stageId, stage)
    return stage
  }

  /** Sends a thread what it does not have yet. */
  private send(thread: WorkerThread, stageId: number, { data, values }: DescribedStage): void {
    if (thread.stages.has(stageId)) return
    this.sendClasses(thread)
    for (const value of values) this.sendValue(thread, value)
    thread.post({ type: 'stage', id: stageId, data })
    thread.stages.add(stageId, values)
    const { stages, values: unused } = thread.stages.overdue()
    if (stages.length > 0) thread.post({ type: 'forget', stages, values: unused })
  }

  /** Classes that the program registered, with their codecs. */
  private sendClasses(thread: WorkerThread): void {
    for (const known of registeredClasses()) {
      if (thread.classes.has(known)) continue
      thread.classes.add(known)
      const { name, prototype, encode, decode } = known
      // Loaded with the engine.
      if (name.startsWith(OWN_CLASSES)) continue
      const C = prototype.constructor as ClassParts[0]
      const description = captureFunction(
        capture({ C, encode, decode }, (): ClassParts => [C, encode, decode]),
      )
      thread.post({ type: 'class', name, description })
    }
  }

  private sendValue(thread: WorkerThread, { id, description, broadcasts, accumulators }: SentValue): void {
    if (thread.stages.hasValue(id)) return
    for (const broadcast of broadcasts) {
      if (thread.broadcasts.has(broadcast)) continue
      thread.broadcasts.add(broadcast)
      thread.post({ type: 'broadcast', id: broadcast, bytes: this.parts.shared.broadcast(broadcast) })
    }
    const empty = accumulators.map(accumulator => {
      const { name, zero } = this.parts.shared.accumulator(accumulator)
      return { id: accumulator, name, zero: captureFunction(zero) }
    })
    thread.post({ type: 'value', id, description, accumulators: empty })
  }
}

/** Takes in what a task tells of versions of state. */
interface VersionTaker {
  take(message: VersionMessage): void
  /** Whether none was refused. */
  allCount(): boolean
  /** The latest version of each partition, by the name of its place. */
  readonly made: ReadonlyMap<string, number>
}

/** The nodes of a stage by id. */
function nodesOf(root: Node): Map<number, Node> {
  const nodes = new Map<number, Node>()
  const open = [root]
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (nodes.has(node.id)) continue
    nodes.set(node.id, node)
    open.push(...parentsWithin(node))
  }
  return nodes
}

function stoppedError(): KindlingError {
  return new KindlingError('CONTEXT_STOPPED', { what: 'Running a task' })
}
