/**
 * The versions of one stateful operator: for each partition a sequence of states, one a batch.
 *
 * I1  A version, once there, never changes; making it again is refused: `advance` returns at once.
 * I2  A partition's versions are made one at a time, in order of time.
 * I3  A failure while a version is made leaves the one before it as it was.
 */
import { KindlingError } from '../../base/errors.ts'
import type { SparkContext } from '../../context/spark-context.ts'
import type { ChunkSource } from '../../data/chunk.ts'
import type { StateNode, StateTask, StateVersions } from '../../rdd/nodes.ts'
import type { AwayState, MadeVersion } from '../../rdd/state-port.ts'
import { awayState, LayeredPartition } from './layered-partition.ts'
import type { Pane } from './pane-window.ts'
import type { RowSource } from './slots.ts'
import { type Advance, type Before, TablePartition } from './table-partition.ts'
import { WorkerPartition } from './worker-partition.ts'

/** A version of a partition as it is saved: its slots in order, and the panes that refer to them; or what both have more than `base`. */
export interface StateImage {
  /** The time of the image that this one is an increment of. */
  readonly base: number | undefined
  readonly rows: RowSource
  /** Whether rows say which slots they are, because they do not just follow each other. */
  readonly hasSlots: boolean
  readonly panes: readonly Pane[]
  /** Panes of the base that are older have left the window. */
  readonly panesFrom: number
}

/** The versions of one partition; what calls it keeps I1 and I2. */
export interface PartitionState {
  has(time: number): boolean
  /** Makes version `node.time` from that of `node.previous`, or from nothing. Keeps I3. */
  make(node: StateNode, inputs: readonly ChunkSource[], task: StateTask): Promise<void>
  /** The records of a version. */
  read(time: number): ChunkSource
  /** What making a version put out besides; only of operators that emit something of their own. */
  output?(time: number): ChunkSource
  /** All that a version is made of, unless `isWhole` perhaps as an increment. It stays that version while later ones are made, or it is forgotten. */
  image(time: number, isWhole?: boolean): StateImage
  /** Makes a version that was saved the first one. */
  restore(time: number, saved: Before): void
  forget(time: number): void
  /** The version that this one was made of, by its time; `undefined` for the first one and for none. */
  madeOf(time: number): number | undefined
  /** Takes back the newest version, if it is that of `time`. What it was made of is the newest again. */
  undo(time: number): void
  /** The oldest version that is there. */
  readonly oldest: number | undefined
}

/** See the file head. */
export class VersionedState implements StateVersions {
  private readonly partitions: readonly PartitionState[]
  private readonly making = new Map<string, Promise<void>>()
  /** Nodes of batches that were skipped. */
  private readonly refused = new WeakSet<StateNode>()
  private readonly name: string
  readonly away: AwayState | undefined
  /** By partition: the latest version that was there and is not any more. */
  private readonly forgotten: number[]

  /** @param advance makes what moves the table of a partition on; sent to workers, where the tables are with them */
  constructor(sc: SparkContext, name: string, numPartitions: number, advance: () => Advance) {
    this.name = name
    const indexes = Array.from({ length: numPartitions }, (_, index) => index)
    if (sc.workers === undefined) this.partitions = indexes.map(index => new TablePartition(index, advance()))
    else {
      const layered = indexes.map(() => new LayeredPartition())
      this.partitions = layered
      const maker = (partition: number): WorkerPartition => new WorkerPartition(partition, advance)
      sc.describe(maker)
      this.away = awayState(maker, layered, (node, partition, made) => this.adopt(node, partition, made))
    }
    this.forgotten = indexes.map(() => Number.NEGATIVE_INFINITY)
  }

  has(time: number, partition: number): boolean {
    return this.partitions[partition]!.has(time)
  }

  complete(time: number): boolean {
    return this.partitions.every(partition => partition.has(time))
  }

  async advance(
    node: StateNode,
    partition: number,
    inputs: readonly ChunkSource[],
    task: StateTask,
  ): Promise<void> {
    const key = keyOf(node.time, partition)
    for (;;) {
      if (this.has(node.time, partition)) return
      // What it was made of is gone too: made again, it would be empty.
      if (node.time <= this.forgotten[partition]!) throw this.forgottenAt(node.time, partition)
      const underway = this.making.get(key)
      if (underway === undefined) break
      await underway.catch(() => {})
    }
    if (this.refused.has(node))
      throw new KindlingError('JOB_CANCELLED', { reason: `the batch at ${node.time} ms was skipped` })
    const made = this.make(node, partition, inputs, task)
    this.making.set(key, made)
    try {
      await made
    } finally {
      this.making.delete(key)
    }
  }

  private async make(
    node: StateNode,
    partition: number,
    inputs: readonly ChunkSource[],
    task: StateTask,
  ): Promise<void> {
    if (node.previous !== undefined) this.known(node.previous.time, partition)
    await this.partitions[partition]!.make(node, inputs, task)
    this.made(node)
  }

  /** Takes in what a worker made; see {@link AwayState.adopt}. */
  private adopt(node: StateNode, partition: number, made: MadeVersion): boolean {
    if (this.refused.has(node) || node.time <= this.forgotten[partition]!) return false
    if (!(this.partitions[partition] as LayeredPartition).adopt(made)) return false
    this.made(node)
    return true
  }

  /** Once all partitions have a version it stands by itself: what it was made of may go. */
  private made(node: StateNode): void {
    if (!this.complete(node.time)) return
    node.previous = undefined
    node.inputs = []
  }

  /** @throws STATE_VERSION_FORGOTTEN */
  private known(time: number, partition: number): PartitionState {
    const state = this.partitions[partition]!
    if (state.has(time)) return state
    throw this.forgottenAt(time, partition)
  }

  private forgottenAt(time: number, partition: number): KindlingError {
    const { oldest = time } = this.partitions[partition]!
    return new KindlingError('STATE_VERSION_FORGOTTEN', {
      operator: this.name,
      time: `${time} ms`,
      oldest: `${oldest} ms`,
    })
  }

  read(time: number, partition: number): ChunkSource {
    return this.known(time, partition).read(time)
  }

  output(time: number, partition: number): ChunkSource {
    return this.known(time, partition).output!(time)
  }

  image(time: number, partition: number, isWhole = false): StateImage {
    return this.partitions[partition]!.image(time, isWhole)
  }

  /** Makes a saved version the first one; before any other is made. */
  restore(time: number, saved: readonly Before[]): void {
    this.partitions.forEach((partition, i) => void partition.restore(time, saved[i]!))
  }

  /** @throws STATE_VERSION_FORGOTTEN when the version of `time` cannot be undone */
  checkUndo(time: number): void {
    this.partitions.forEach((partition, i) => {
      const before = partition.madeOf(time)
      if (before !== undefined) this.known(before, i)
    })
  }

  /** Resolves when this node makes no version any more, now or later. */
  async endMaking(node: StateNode | undefined): Promise<void> {
    if (node === undefined) return
    this.refused.add(node)
    for (let partition = 0; partition < this.partitions.length; partition++)
      await this.making.get(keyOf(node.time, partition))?.catch(() => {})
  }

  /** Takes back the version of `time`, the newest one, in the partitions that have it. */
  undo(time: number): void {
    for (const partition of this.partitions) partition.undo(time)
  }

  /** Lets versions go that nothing remembers any more. */
  forget(times: readonly number[]): void {
    this.partitions.forEach((partition, i) => {
      for (const time of times) {
        if (partition.has(time)) this.forgotten[i] = Math.max(this.forgotten[i]!, time)
        partition.forget(time)
      }
    })
  }
}

function keyOf(time: number, partition: number): string {
  return `${time}/${partition}`
}
