/**
 * What driver and workers tell each other of keyed state, when its tables are with the workers.
 *
 *   worker   the table of a partition, for as long as it has the lease
 *   driver   the same as layers, bytes that never change:   │ all at t=1 │ + what changed at t=2 │ + at t=3 │ …
 *
 * A version counts once the driver has its layer. So a worker may end at any moment: the next one makes the table anew from the layers,
 * and no batch is run again; and a version is taken back by dropping its layer.
 */
import type { ChunkSource } from '../data/chunk.ts'
import type { StateNode, StateTask } from './nodes.ts'

/** What a version of a partition has more than the one before it; or all of it. */
export interface StateLayer {
  /** Batch time in ms. */
  readonly time: number
  /** Whether it stands by itself. */
  readonly isWhole: boolean
  /** How many keys it is about. */
  readonly count: number
  readonly bytes: Uint8Array
}

/** Records as bytes. */
export interface EncodedRecords {
  readonly bytes: Uint8Array
  readonly pairs: boolean
  readonly count: number
}

/** A version that was made. */
export interface MadeVersion {
  /** The version that it was made of; `undefined`: of none. */
  readonly madeOf: number | undefined
  readonly layer: StateLayer
  /** What its making put out besides. */
  readonly output: readonly EncodedRecords[]
}

/** A partition of state on a worker. It has the newest version, and those before it that its task began with or made. */
export interface LeasedPartition {
  /** The time of the newest version; `undefined` before the first one. */
  readonly time: number | undefined
  /** Takes in a version by its layers, in place of the one that it has. */
  load(layers: readonly StateLayer[]): void
  /**
   * Makes the next version. If that fails, it has the one before. All bytes that it gives are in memory of their own, which may be moved
   * to another thread.
   *
   * @param whole whether the layer is to stand by itself; it may in any case
   */
  make(node: StateNode, inputs: readonly ChunkSource[], task: StateTask, whole: boolean): Promise<MadeVersion>
  has(time: number): boolean
  /** The records of a version. */
  read(time: number): ChunkSource
  /** What making a version put out. */
  output(time: number): ChunkSource
  /** Lets go of all versions but the newest. */
  settle(): void
}

/** Makes an empty partition; sent to workers as functions are. */
export type PartitionMaker = (partition: number) => LeasedPartition

/** The driver's side of state whose tables are with workers. */
export interface AwayState {
  /** Names it to workers. */
  readonly id: number
  readonly maker: PartitionMaker
  /** The time of the newest version of a partition. */
  newest(partition: number): number | undefined
  /** What a version is made of, in order. */
  layersOf(partition: number, time: number): readonly StateLayer[]
  /** Whether so much has changed since the last whole layer that it is time for another. */
  wantsWhole(partition: number): boolean
  /** What making a version put out. */
  outputOf(partition: number, time: number): readonly EncodedRecords[]
  /** Takes in a version that a worker made. False: it does not count, and the worker's table is of no use. */
  adopt(node: StateNode, partition: number, made: MadeVersion): boolean
}
