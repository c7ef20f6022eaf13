/** A stage on the worker's side: the same lineage as on the driver, with what a task reads put in for each task. */
import { KindlingError } from '../../base/errors.ts'
import type { Site } from '../../base/source-location.ts'
import type {
  Aggregator,
  Node,
  ShuffleNode,
  ShuffleResult,
  SourceNode,
  StateNode,
  StateVersions,
  Step,
} from '../../rdd/nodes.ts'
import type { Partitioner } from '../../rdd/partitioner.ts'
import { partitionerFromData } from '../../rdd/partitioner-data.ts'
import type { WriteSink } from '../../rdd/ports.ts'
import type { OperatorScope } from '../../rdd/scope.ts'
import type { PartitionMaker } from '../../rdd/state-port.ts'
import { StorageLevel } from '../../rdd/storage-level.ts'
import type { TaskWork } from '../../scheduler/task.ts'
import type { NodeData, PartitionerData, ResultData, ScopeData, StageData } from './stage-data.ts'

/** What tasks of a stage are made of. */
export interface RevivedStage {
  readonly node: Node
  readonly scope: OperatorScope
  readonly work: TaskWork
  /** The sources of the stage by their ids: their descriptors come with each task. */
  readonly sources: ReadonlyMap<number, RevivedSource>
}

/** A source whose descriptors are filled in as tasks bring them. */
export interface RevivedSource extends SourceNode {
  readonly descriptors: unknown[]
}

/** Gives the value of a number, once it was sent. */
export type SentValueOf = (id: number) => unknown

/** Gives the versions of an operator's state, as this worker has them. */
export type VersionsOf = (state: number, maker: PartitionMaker) => StateVersions

type AnyFunction = (...args: never[]) => unknown

/** See the file head. */
export function reviveStage(data: StageData, sentValue: SentValueOf, versionsOf: VersionsOf): RevivedStage {
  const nodes: Node[] = []
  const sources = new Map<number, RevivedSource>()
  const functionOf = (id: number): AnyFunction => sentValue(id) as AnyFunction
  for (const given of data.nodes) {
    const node = nodeOf(given, nodes, functionOf, versionsOf)
    if (node.kind === 'source') sources.set(node.id, node as RevivedSource)
    nodes.push(node)
  }
  return {
    node: nodes.at(-1)!,
    scope: scopeOf(data.scope),
    work: workOf(data.work, functionOf, sentValue),
    sources,
  }
}

function nodeOf(
  data: NodeData,
  nodes: readonly Node[],
  functionOf: (id: number) => AnyFunction,
  versionsOf: VersionsOf,
): Node {
  const base = {
    id: data.id,
    scope: scopeOf(data.scope),
    numPartitions: data.numPartitions,
    partitioner: undefined,
    storage: data.isKept ? StorageLevel.MEMORY_ONLY_SER : StorageLevel.NONE,
    checkpoint: undefined,
    label: undefined,
  }
  const at = (index: number): Node => nodes[index]!
  switch (data.kind) {
    case 'source': {
      const open = functionOf(data.open) as SourceNode['open']
      const source: RevivedSource = { ...base, kind: 'source', descriptors: [], open }
      return source
    }
    case 'narrow':
      return { ...base, kind: 'narrow', parent: at(data.parent), step: stepOf(data.op, functionOf(data.f)) }
    case 'shuffle': {
      const { parents, result } = data
      // What crosses a shuffle is read from blocks; the node behind it stays with the driver.
      const inputs = parents.map(parent =>
        parent === undefined ? { node: GONE, shuffleId: 0 } : { node: at(parent), shuffleId: undefined },
      )
      const partitioner = noPartitioner(data.numPartitions)
      return { ...base, kind: 'shuffle', inputs, partitioner, result: resultOf(result, functionOf) }
    }
    case 'union':
      return { ...base, kind: 'union', parents: data.parents.map(at), aligned: data.aligned }
    case 'coalesce': {
      const { groups } = data
      return { ...base, kind: 'coalesce', parent: at(data.parent), groupOf: p => groups[p]! }
    }
    case 'zip': {
      const f = functionOf(data.f) as (...records: IterableIterator<never>[]) => Iterable<unknown>
      return { ...base, kind: 'zip', parents: data.parents.map(at), f }
    }
    case 'cartesian':
      return { ...base, kind: 'cartesian', left: at(data.left), right: at(data.right) }
    case 'state': {
      const { state, maker, time, detail, previous } = data
      return {
        ...base,
        kind: 'state',
        partitioner: noPartitioner(data.numPartitions),
        previous: previous === undefined ? undefined : (at(previous) as StateNode),
        inputs: data.inputs.map(at),
        versions: versionsOf(state, functionOf(maker) as PartitionMaker),
        time,
        detail,
      }
    }
    case 'stateOutput':
      return { ...base, kind: 'stateOutput', parent: at(data.parent) as StateNode }
  }
}

function stepOf(op: Step['op'], f: AnyFunction): Step {
  return { op, f } as Step
}

function resultOf(data: ResultData, functionOf: (id: number) => AnyFunction): ShuffleResult {
  if (data.as === 'sorted')
    return { as: 'sorted', compare: functionOf(data.compare) as (a: unknown, b: unknown) => number }
  if (data.as !== 'combined') return { as: data.as }
  const aggregator = {
    create: data.create === undefined ? undefined : functionOf(data.create),
    mergeValue: functionOf(data.mergeValue),
    mergeCombiners: functionOf(data.mergeCombiners),
    mapSide: data.mapSide,
  } as Aggregator
  return { as: 'combined', aggregator }
}

function workOf(
  data: StageData['work'],
  functionOf: (id: number) => AnyFunction,
  sentValue: SentValueOf,
): TaskWork {
  switch (data.kind) {
    case 'collect':
    case 'count':
      return { kind: 'result', sink: { kind: data.kind } }
    case 'fold': {
      const zero = data.zero === undefined ? undefined : (functionOf(data.zero) as () => unknown)
      return { kind: 'result', sink: { kind: 'fold', f: functionOf(data.f), zero } }
    }
    case 'chunks':
      return { kind: 'result', sink: { kind: 'chunks', run: functionOf(data.run) as never } }
    case 'write': {
      const { sink, batch } = data
      const writer = functionOf(data.writer) as WriteSink['writer']
      return { kind: 'result', sink: { kind: 'write', sink, writer, batch } }
    }
    case 'map': {
      const shuffle: ShuffleNode = {
        id: -1,
        scope: scopeOf(data.scope),
        numPartitions: data.numPartitions,
        storage: StorageLevel.NONE,
        checkpoint: undefined,
        label: undefined,
        kind: 'shuffle',
        inputs: [],
        partitioner: partitionerOf(data.partitioner, sentValue),
        result: resultOf(data.result, functionOf),
      }
      return { kind: 'map', shuffle, input: 0 }
    }
  }
}

function partitionerOf(given: PartitionerData, sentValue: SentValueOf): Partitioner {
  if ('value' in given) return (sentValue(given.value) as () => Partitioner)()
  return partitionerFromData(given.data)!
}

/** The reading side never asks which partition a key belongs to. */
function noPartitioner(numPartitions: number): Partitioner {
  return {
    numPartitions,
    partition() {
      throw new KindlingError('INTERNAL_ERROR', { assertion: 'a reader of a shuffle asks for no partition' })
    },
  }
}

const GONE: Node = {
  id: -1,
  kind: 'union',
  parents: [],
  aligned: false,
  scope: { name: 'shuffle', site: { location: undefined, toString: () => 'unknown' } },
  numPartitions: 0,
  partitioner: undefined,
  storage: StorageLevel.NONE,
  checkpoint: undefined,
  label: undefined,
}

/** An operator of data. Its line is for messages only. */
export function scopeOf({ name, site }: ScopeData): OperatorScope {
  const place: Site = { location: undefined, toString: () => site }
  return { name, site: place }
}
