/**
 * The lineage of one stage as plain data: from the node that its tasks compute up to sources and shuffles. Functions are numbers of
 * values that the worker was sent; what a single task reads comes with the task.
 */
import type { Aggregator, Node, ShuffleNode, Step } from '../../rdd/nodes.ts'
import type { Partitioner } from '../../rdd/partitioner.ts'
import { partitionerToData } from '../../rdd/partitioner-data.ts'
import type { JobSink } from '../../rdd/ports.ts'
import type { OperatorScope } from '../../rdd/scope.ts'
import type { BatchToken } from '../../rdd/sink/sink.ts'
import { StorageLevel } from '../../rdd/storage-level.ts'
import type { Task } from '../../scheduler/task.ts'
import type { SentValue, SentValues } from './sent-values.ts'

/** An operator: its name and the line that called it. */
export interface ScopeData {
  readonly name: string
  readonly site: string
}

export type PartitionerData =
  | { readonly data: unknown }
  /** A partitioner of the program, by the number of its value. */
  | { readonly value: number }

export type ResultData =
  | { readonly as: 'records' | 'cogrouped' }
  | {
      readonly as: 'combined'
      readonly create: number | undefined
      readonly mergeValue: number
      readonly mergeCombiners: number
      readonly mapSide: boolean
    }
  | { readonly as: 'sorted'; readonly compare: number }

/** What every node has; parents are indexes into the list of nodes. */
interface NodeDataBase {
  readonly id: number
  readonly scope: ScopeData
  readonly numPartitions: number
  /** Whether its partitions are kept. */
  readonly isKept: boolean
}

export type NodeData = NodeDataBase &
  (
    | { readonly kind: 'source'; readonly open: number }
    | { readonly kind: 'narrow'; readonly parent: number; readonly op: Step['op']; readonly f: number }
    /** The parents that do not cross; `undefined` for those that do. */
    | {
        readonly kind: 'shuffle'
        readonly parents: readonly (number | undefined)[]
        readonly result: ResultData
      }
    | { readonly kind: 'union'; readonly parents: readonly number[]; readonly aligned: boolean }
    | {
        readonly kind: 'coalesce'
        readonly parent: number
        readonly groups: readonly (readonly number[])[]
      }
    | { readonly kind: 'zip'; readonly parents: readonly number[]; readonly f: number }
    | { readonly kind: 'cartesian'; readonly left: number; readonly right: number }
    | {
        readonly kind: 'state'
        readonly state: number
        /** What makes an empty partition of it. */
        readonly maker: number
        readonly time: number
        readonly detail: unknown
        readonly previous: number | undefined
        readonly inputs: readonly number[]
      }
    | { readonly kind: 'stateOutput'; readonly parent: number }
  )

export type WorkData =
  /** The node of the shuffle that is written. */
  | {
      readonly kind: 'map'
      readonly scope: ScopeData
      readonly numPartitions: number
      readonly partitioner: PartitionerData
      readonly result: ResultData
    }
  | { readonly kind: 'collect' | 'count' }
  | { readonly kind: 'fold'; readonly f: number; readonly zero: number | undefined }
  | { readonly kind: 'chunks'; readonly run: number }
  | { readonly kind: 'write'; readonly sink: string; readonly writer: number; readonly batch: BatchToken }

/** See the file head. The node that tasks compute is the last one. */
export interface StageData {
  readonly nodes: readonly NodeData[]
  readonly scope: ScopeData
  readonly work: WorkData
}

/** A stage as data, and the values that it uses. */
export interface DescribedStage {
  readonly data: StageData
  /** Whether its tasks read state or move it on. */
  readonly usesState: boolean
  readonly values: readonly SentValue[]
}

/** The stage of a task. @throws CLOSURE_NOT_TRANSFERABLE */
export function describeStage({ node, work, scope }: Task, sent: SentValues): DescribedStage {
  return new Describing(sent).stage(node, work, scope)
}

/** The parents within the same stage. */
function stageParents(node: Node): readonly Node[] {
  switch (node.kind) {
    case 'source':
      return []
    case 'state':
      return node.previous === undefined ? node.inputs : [...node.inputs, node.previous]
    case 'narrow':
    case 'coalesce':
    case 'stateOutput':
      return [node.parent]
    case 'union':
    case 'zip':
      return node.parents
    case 'cartesian':
      return [node.left, node.right]
    case 'shuffle':
      return node.inputs.filter(input => input.shuffleId === undefined).map(input => input.node)
  }
}

class Describing {
  private readonly sent: SentValues
  private readonly values = new Map<number, SentValue>()
  private readonly nodes: NodeData[] = []
  private readonly indexes = new Map<Node, number>()

  constructor(sent: SentValues) {
    this.sent = sent
  }

  stage(node: Node, work: Task['work'], scope: OperatorScope): DescribedStage {
    this.add(node)
    const data: StageData = { nodes: this.nodes, scope: scopeData(scope), work: this.work(work) }
    const usesState = this.nodes.some(({ kind }) => kind === 'state')
    return { data, usesState, values: [...this.values.values()] }
  }

  /** Parents come before their children. With a list of its own instead of calls: lineage may be thousands deep. */
  private add(root: Node): void {
    const open = [root]
    while (open.length > 0) {
      const node = open.at(-1)!
      const missing = this.indexes.has(node) ? [] : parentsWithin(node).filter(p => !this.indexes.has(p))
      if (missing.length > 0) {
        open.push(...missing)
        continue
      }
      open.pop()
      if (!this.indexes.has(node)) this.indexes.set(node, this.nodes.push(this.nodeData(node)) - 1)
    }
  }

  private nodeData(node: Node): NodeData {
    const source = node.checkpoint?.source
    const base: NodeDataBase = {
      id: node.id,
      scope: scopeData(node.scope),
      numPartitions: node.numPartitions,
      isKept: node.storage !== StorageLevel.NONE,
    }
    const at = (parent: Node): number => this.indexes.get(parent)!
    // Written down: its own parents may be gone, and the source has the same partitions.
    if (source !== undefined) return { ...base, kind: 'union', parents: [at(source)], aligned: false }
    switch (node.kind) {
      case 'source':
        return { ...base, kind: 'source', open: this.value(node.open) }
      case 'narrow':
        return {
          ...base,
          kind: 'narrow',
          parent: at(node.parent),
          op: node.step.op,
          f: this.value(node.step.f),
        }
      case 'shuffle': {
        const parents = node.inputs.map(i => (i.shuffleId === undefined ? at(i.node) : undefined))
        return { ...base, kind: 'shuffle', parents, result: this.result(node) }
      }
      case 'union':
        return { ...base, kind: 'union', parents: node.parents.map(at), aligned: node.aligned }
      case 'coalesce': {
        const groups = Array.from({ length: node.numPartitions }, (_, p) => node.groupOf(p))
        return { ...base, kind: 'coalesce', parent: at(node.parent), groups }
      }
      case 'zip':
        return { ...base, kind: 'zip', parents: node.parents.map(at), f: this.value(node.f) }
      case 'cartesian':
        return { ...base, kind: 'cartesian', left: at(node.left), right: at(node.right) }
      case 'state': {
        const { id, maker } = node.versions.away!
        const { time, detail, previous } = node
        return {
          ...base,
          kind: 'state',
          state: id,
          maker: this.value(maker),
          time,
          detail,
          previous: previous === undefined ? undefined : at(previous),
          inputs: node.inputs.map(at),
        }
      }
      case 'stateOutput':
        return { ...base, kind: 'stateOutput', parent: at(node.parent) }
    }
  }

  private work(work: Task['work']): WorkData {
    if (work.kind === 'result') return this.sink(work.sink)
    const { scope, numPartitions, partitioner } = work.shuffle
    return {
      kind: 'map',
      scope: scopeData(scope),
      numPartitions,
      partitioner: this.partitioner(partitioner),
      result: this.result(work.shuffle),
    }
  }

  private sink(sink: JobSink): WorkData {
    switch (sink.kind) {
      case 'collect':
      case 'count':
        return { kind: sink.kind }
      case 'fold':
        return {
          kind: 'fold',
          f: this.value(sink.f),
          zero: sink.zero === undefined ? undefined : this.value(sink.zero),
        }
      case 'chunks':
        return { kind: 'chunks', run: this.value(sink.run) }
      case 'write':
        return { kind: 'write', sink: sink.sink, writer: this.value(sink.writer), batch: sink.batch }
    }
  }

  private result({ result }: ShuffleNode): ResultData {
    if (result.as === 'sorted') return { as: 'sorted', compare: this.value(result.compare) }
    if (result.as !== 'combined') return result
    const { create, mergeValue, mergeCombiners, mapSide }: Aggregator = result.aggregator
    return {
      as: 'combined',
      create: create === undefined ? undefined : this.value(create),
      mergeValue: this.value(mergeValue),
      mergeCombiners: this.value(mergeCombiners),
      mapSide,
    }
  }

  private partitioner(partitioner: Partitioner): PartitionerData {
    const data = partitionerToData(partitioner)
    return data === undefined ? { value: this.use(this.sent.ofObject(partitioner)) } : { data }
  }

  private value(f: (...args: never[]) => unknown): number {
    return this.use(this.sent.ofFunction(f))
  }

  private use(value: SentValue): number {
    this.values.set(value.id, value)
    return value.id
  }
}

/** The parents that a node is computed from within its stage: its checkpoint, where it has one. */
export function parentsWithin(node: Node): readonly Node[] {
  const source = node.checkpoint?.source
  return source === undefined ? stageParents(node) : [source]
}

/** An operator as data. */
export function scopeData({ name, site }: OperatorScope): ScopeData {
  return { name, site: String(site) }
}
