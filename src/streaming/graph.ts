/** The streams of a context: inputs and outputs in order of definition, and the rules that tie them. */
import { KindlingError } from '../base/errors.ts'
import { type Duration, Time } from '../base/time.ts'
import type { StateNode } from '../rdd/nodes.ts'
import type { RDD } from '../rdd/rdd.ts'
import type { OutputOperation } from './dstream/host.ts'
import type { InputDStream } from './dstream/input.ts'
import type { AnyStream } from './dstream/recipe.ts'
import { everyBatch, type TimeGrid } from './time-grid.ts'

/** See the file head. @source Spark DStreamGraph */
export class DStreamGraph {
  readonly inputs: InputDStream<unknown>[] = []
  readonly outputs: OutputOperation[] = []
  private rememberDuration: Duration | undefined
  private times: TimeGrid | undefined

  /** In order of definition; those that come last, after all others. */
  addOutput(output: OutputOperation): void {
    const last = output.isLast === true ? -1 : this.outputs.findIndex(other => other.isLast === true)
    if (last < 0) this.outputs.push(output)
    else this.outputs.splice(last, 0, output)
  }

  /** Sets the least time that all streams remember. @throws INVALID_ARGUMENT at the second call */
  remember(duration: Duration): void {
    if (this.rememberDuration !== undefined)
      throw new KindlingError('INVALID_ARGUMENT', {
        what: 'remember duration',
        value: String(duration),
        expected: `set once; it is ${this.rememberDuration} already`,
      })
    this.rememberDuration = duration
  }

  /** @throws NO_OUTPUT_OPERATIONS */
  validate(): void {
    if (this.outputs.length === 0) throw new KindlingError('NO_OUTPUT_OPERATIONS')
  }

  /** Fixes the times of all streams that an output reaches, and how long they remember. */
  initialize(grid: TimeGrid): void {
    this.times = grid
    for (const { stream } of this.outputs) {
      stream.initialize(grid)
      stream.remember(this.rememberDuration)
    }
  }

  /** One batch before the first; known once initialised. */
  get zeroTime(): Time {
    return new Time(this.grid.zeroTime)
  }

  /** The times of batches; known once initialised. */
  get grid(): TimeGrid {
    return this.times!
  }

  /** Whether an output is due at `time` whose slide is longer than the batch interval. */
  hasLongSlideAt(time: Time): boolean {
    return this.outputs.some(
      ({ stream }) => stream.slideDuration.greater(stream.host.batchDuration) && stream.isTimeValid(time),
    )
  }

  /**
   * The states of `time` that no job has computed for many batches. Their inputs are kept until they are applied, so somebody has to
   * apply them.
   */
  overdueStates(time: Time): RDD<unknown>[] {
    const overdue: RDD<unknown>[] = []
    for (const stream of this.streams()) {
      const rdd = stream.known(time)
      if (rdd?.node.kind === 'state' && isOverdue(rdd.node)) overdue.push(rdd)
    }
    return overdue
  }

  /** All streams that an output reaches, each once. */
  private streams(): Set<AnyStream> {
    const all = new Set<AnyStream>(this.outputs.map(({ stream }) => stream))
    for (const stream of all) for (const parent of stream.dependencies) all.add(parent)
    return all
  }

  /**
   * Before `undo`: tasks of jobs that have failed may still make versions of `time`. Those that have begun are waited for, others
   * refused.
   *
   * @throws STATE_VERSION_FORGOTTEN when the batch cannot be undone; nothing has been changed then
   */
  async endVersions(time: Time): Promise<void> {
    const stateful = [...this.streams()].filter(({ state }) => state !== undefined)
    for (const { state } of stateful) state!.kept.versions.checkUndo(time.milliseconds)
    for (const stream of stateful)
      await stream.state!.kept.versions.endMaking(stream.known(time)?.node as StateNode | undefined)
  }

  /**
   * The batch of `time` has no records from now on: what was made of it, and of later batches, is made anew when it is asked for, and
   * the versions of state that it made are undone.
   */
  undo(time: Time): void {
    for (const input of this.inputs) input.skip(time)
    for (const stream of [...this.streams(), ...this.inputs]) stream.undo(time)
  }

  /** The states of `time` that take in batches before it as well, since they slide by more than one. */
  longStatesAt(time: Time): AnyStream[] {
    const batchBefore = this.grid.before(time.milliseconds, everyBatch)
    return [...this.streams()].filter(
      stream =>
        stream.state !== undefined &&
        stream.isTimeValid(time) &&
        stream.timeBefore(time).milliseconds < batchBefore,
    )
  }

  /** Whether all streams that have an RDD at `earlier` have one at `later`, which needs what they had then. */
  coversAt(later: Time, earlier: Time): boolean {
    return [...this.streams()].every(stream => !stream.isTimeValid(earlier) || stream.isTimeValid(later))
  }

  /** Forgets what no stream remembers after the batch of `time`. */
  clearMetadata(time: Time, unpersist: boolean): void {
    const done = new Set<AnyStream>()
    for (const { stream } of this.outputs) stream.clearMetadata(time, unpersist, done)
    for (const input of this.inputs) {
      input.source.ended?.(time)
      const remembered = input.rememberDuration
      input.forget(remembered === undefined ? time : time.minus(remembered))
    }
  }
}

/** Versions of a state that may wait to be made; in Spark, a checkpoint makes them every ten batches. */
const MAX_WAITING_VERSIONS = 10

function isOverdue(node: StateNode): boolean {
  let waiting = 0
  for (let at: StateNode | undefined = node; at !== undefined; at = at.previous) {
    if (at.versions.complete(at.time)) return false
    if (++waiting > MAX_WAITING_VERSIONS) return true
  }
  return false
}
