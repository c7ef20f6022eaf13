/**
 * Lineage: what to compute, as immutable data and user functions. Nothing here holds sockets, threads or results; a backend
 * lowers it to work.
 *
 *   source   partitions are plain descriptors, read by `open`
 *   narrow   one step over one parent; neighbours become one segment
 *   shuffle  parents → partitioner, optional aggregator, optional order; several tagged parents make a cogroup
 *   union, coalesce, zip, cartesian   re-arrange partitions without a shuffle
 *   state    a version of keyed state: the version before it, moved on by a batch's records
 *   stateOutput   what making that version put out
 *
 * Two marks can change: `storage`, whether and where a backend keeps the partitions it computed, and `checkpoint`, whether they are
 * written down. Once they are, `lineageOf` gives a source that reads them in place of the node.
 */

import type { ChunkSource } from '../data/chunk.ts'
import type { Partitioner } from './partitioner.ts'
import type { TaskInfo, TaskInput } from './ports.ts'
import type { Preparation } from './preparation.ts'
import { currentScope, type OperatorScope } from './scope.ts'
import type { OriginFinder } from './sources/record-origin.ts'
import type { AwayState } from './state-port.ts'
import { StorageLevel } from './storage-level.ts'

/** Any node of the lineage. */
export type Node =
  | SourceNode
  | NarrowNode
  | ShuffleNode
  | UnionNode
  | CoalesceNode
  | ZipNode
  | CartesianNode
  | StateNode
  | StateOutputNode

/** What every node has. */
export interface NodeBase {
  readonly id: number
  readonly scope: OperatorScope
  readonly numPartitions: number
  readonly partitioner: Partitioner | undefined
  /** Set by `persist` and `unpersist`. */
  storage: StorageLevel
  /** Set by `checkpoint` and `localCheckpoint`. */
  checkpoint: CheckpointMark | undefined
  label: string | undefined
  /** What a job has to know before it can run over this node. */
  readonly needs?: Preparation | undefined
}

/** That a node is to be written down, and where it was. */
export interface CheckpointMark {
  readonly kind: 'reliable' | 'local'
  /** The call of `checkpoint`. */
  readonly scope: OperatorScope
  writing: boolean
  /** Reads what was written: all lineage there is, once it is set. */
  source: SourceNode | undefined
  /** The folder of the files. */
  path: string | undefined
}

/** Partitions described by data; reading one again gives the same records. */
export interface SourceNode extends NodeBase {
  readonly kind: 'source'
  /** What `toDebugString` calls it. */
  readonly className?: string
  readonly descriptors: readonly unknown[]
  /** @param failed wraps what a user's function threw */
  open(descriptor: unknown, failed: (error: unknown) => Error): ChunkSource | Promise<ChunkSource>
  /** The descriptor as plain data, for another thread; without it, descriptors are plain data as they are. */
  toSend?(descriptor: unknown): unknown
  /** Whether a partition is known to hold nothing, so that its task need not run. */
  isEmpty?(descriptor: unknown): boolean
  /** Finds records of a partition where they came from. */
  readonly origin?: OriginFinder | undefined
  /** The hosts on which a partition is best read. */
  locations?(descriptor: unknown): readonly string[]
}

/** One step over one parent, partition by partition. */
export interface NarrowNode extends NodeBase {
  readonly kind: 'narrow'
  readonly parent: Node
  readonly step: Step
}

/** A fused step. Functions of pairs see key and value apart, so that no tuple need exist. */
export type Step =
  | { readonly op: 'map' | 'flatMap' | 'filter' | 'keyBy'; readonly f: (record: never) => unknown }
  | { readonly op: 'mapValues' | 'flatMapValues'; readonly f: (value: never) => unknown }
  | {
      readonly op: 'mapPartitions'
      readonly f: (records: IterableIterator<never>, partition: number) => Iterable<unknown>
    }
  /** Chunks to chunks, for what has to wait: the only step whose work may be asynchronous. */
  | { readonly op: 'mapChunks'; readonly f: ChunksFunction }

/** @param partition of the node, where that of the task may be another: its records may be those of a union */
export type ChunksFunction = (records: TaskInput, task: TaskInfo, partition: number) => ChunkSource

/** The steps that run as one loop with their neighbours; the others take whole partitions. */
export type FusedOp = Exclude<Step, { op: 'mapPartitions' | 'mapChunks' }>

/** Whether a step runs as one loop with its neighbours. */
export function isFused(step: Step): step is FusedOp {
  return step.op !== 'mapPartitions' && step.op !== 'mapChunks'
}

/** How values of one key become one: Spark's Aggregator. Without `create`, the first value is its own combiner. */
export interface Aggregator {
  readonly create: ((value: never) => unknown) | undefined
  readonly mergeValue: (combiner: never, value: never) => unknown
  readonly mergeCombiners: (a: never, b: never) => unknown
  readonly mapSide: boolean
}

/** One parent of a shuffle: its records cross, or stay where they are when they are partitioned alike already. */
export interface ShuffleInput {
  readonly node: Node
  /** The id of the shuffle that carries it; `undefined` when its partition i is our partition i already. */
  readonly shuffleId: number | undefined
}

/** What the reading side makes of the records. */
export type ShuffleResult =
  | { readonly as: 'records' }
  | { readonly as: 'combined'; readonly aggregator: Aggregator }
  | { readonly as: 'cogrouped' }
  | { readonly as: 'sorted'; readonly compare: (a: unknown, b: unknown) => number }

/** Records re-partitioned by key. */
export interface ShuffleNode extends NodeBase {
  readonly kind: 'shuffle'
  readonly inputs: readonly ShuffleInput[]
  readonly partitioner: Partitioner
  readonly result: ShuffleResult
}

/** Partitions of several parents one after the other; or, when all are partitioned alike, partition i of each joined. */
export interface UnionNode extends NodeBase {
  readonly kind: 'union'
  readonly parents: readonly Node[]
  readonly aligned: boolean
}

/** Each partition several of the parent's, or none. */
export interface CoalesceNode extends NodeBase {
  readonly kind: 'coalesce'
  readonly parent: Node
  /** The parent's partitions that a partition is made of; asked when a task runs, once what the node needs is prepared. */
  groupOf(partition: number): readonly number[]
}

/** Partition i of every parent, handed to one function together. */
export interface ZipNode extends NodeBase {
  readonly kind: 'zip'
  readonly parents: readonly Node[]
  readonly f: (...records: IterableIterator<never>[]) => Iterable<unknown>
}

/** Every pair of a record of the left and one of the right. */
export interface CartesianNode extends NodeBase {
  readonly kind: 'cartesian'
  readonly left: Node
  readonly right: Node
}

/**
 * One version of keyed state. `previous` is cut off as soon as this version exists on every partition, so that lineage never
 * grows with time.
 */
export interface StateNode extends NodeBase {
  readonly kind: 'state'
  readonly partitioner: Partitioner
  previous: StateNode | undefined
  /** Co-partitioned inputs: partition i of each belongs to partition i of the state. */
  inputs: readonly Node[]
  readonly versions: StateVersions
  /** Batch time in ms. */
  readonly time: number
  /** What its operator must know to make this version, as plain data. */
  readonly detail: unknown
}

/** What making a version of state put out, besides the state itself: partition i of each belongs together. */
export interface StateOutputNode extends NodeBase {
  readonly kind: 'stateOutput'
  readonly parent: StateNode
}

/** The store of one stateful operator's versions, as lineage and tasks see it. */
export interface StateVersions {
  has(time: number, partition: number): boolean
  /** Whether every partition has it. */
  complete(time: number): boolean
  /**
   * Yields version `time` of a partition from the version before it and the records of the inputs (one list of sources for each
   * input). Idempotent: if the version exists, the inputs are not touched.
   */
  advance(node: StateNode, partition: number, inputs: readonly ChunkSource[], task: StateTask): Promise<void>
  /** The records of a version, as a downstream step may see them; it stays that version while later ones are made. */
  read(time: number, partition: number): ChunkSource
  /** What making the version put out. */
  output(time: number, partition: number): ChunkSource
  /** Set where the tables are with workers; then only what is there can be read here. */
  readonly away?: AwayState | undefined
}

/** What advancing a version may ask of the task it runs in. */
export interface StateTask {
  /** Gives the event loop its turn when the task has run for a while; awaited between keys. */
  breathe(): Promise<void> | undefined
  /** Wraps what a user's function threw. */
  failed(error: unknown, value: unknown): Error
}

let nextNodeId = 0
let nextShuffleId = 0

/** A new id for a shuffle, unique in this process. */
export function newShuffleId(): number {
  return nextShuffleId++
}

/** What {@link makeNode} fills in. */
type Made = 'id' | 'scope' | 'storage' | 'checkpoint' | 'label'

/** Completes a node: gives it an id and the operator being defined. */
export function makeNode<N extends Node>(fields: Omit<N, Made>, name: string): N {
  const made = {
    id: nextNodeId++,
    scope: currentScope(name),
    storage: StorageLevel.NONE,
    checkpoint: undefined,
    label: undefined,
    ...fields,
  }
  return made as unknown as N
}

/** The nodes whose partitions a node reads without a shuffle, and those it reads through one. */
export function parentsOf(node: Node): {
  readonly narrow: readonly Node[]
  readonly shuffled: readonly ShuffleInput[]
} {
  switch (node.kind) {
    case 'source':
      return { narrow: [], shuffled: [] }
    case 'narrow':
    case 'coalesce':
    case 'stateOutput':
      return { narrow: [node.parent], shuffled: [] }
    case 'union':
    case 'zip':
      return { narrow: node.parents, shuffled: [] }
    case 'cartesian':
      return { narrow: [node.left, node.right], shuffled: [] }
    case 'state':
      return {
        narrow: node.previous === undefined ? node.inputs : [node.previous, ...node.inputs],
        shuffled: [],
      }
    case 'shuffle':
      return {
        narrow: node.inputs.filter(i => i.shuffleId === undefined).map(i => i.node),
        shuffled: node.inputs.filter(i => i.shuffleId !== undefined),
      }
  }
}

/** Whether computing the node's partitions moves state on, or reads it. */
export function computesState(node: Node): boolean {
  const seen = new Set<Node>()
  const open = [node]
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (seen.has(at)) continue
    seen.add(at)
    const lineage = lineageOf(at)
    if (lineage.kind === 'state' || lineage.kind === 'stateOutput') return true
    open.push(...parentsOf(lineage).narrow)
  }
  return false
}

/** What a node is computed from: its checkpoint where there is one, else itself. */
export function lineageOf(node: Node): Node {
  return node.checkpoint?.source ?? node
}

/**
 * Lets go of the parents of a node that is written down, so that their memory can be freed. No task may be running that looked at
 * the node before it was.
 */
export function cutLineage(node: Node): void {
  const source = node.checkpoint?.source
  if (source === undefined) return
  switch (node.kind) {
    case 'narrow':
    case 'coalesce':
      replace(node, { parent: source })
      break
    case 'union':
    case 'zip':
      replace(node, { parents: node.parents.map(() => source) })
      break
    case 'cartesian':
      replace(node, { left: source, right: source })
      break
    case 'shuffle':
      replace(node, { inputs: [] })
      break
    case 'source':
    case 'state':
    case 'stateOutput':
      // A source has no parents, and state lets go of older versions by itself.
      break
  }
}

/** Lineage is read-only to everybody else. */
function replace<N extends Node>(node: N, fields: Partial<N>): void {
  Object.assign(node, fields)
}
