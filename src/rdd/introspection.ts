/** Lineage as users look at it: dependencies, places, and the text of `toDebugString`. */
import { type Node, parentsOf } from './nodes.ts'
import type { RDD } from './rdd.ts'
import { describeScope } from './scope.ts'
import { StorageLevel } from './storage-level.ts'

/** What an RDD stands on. */
export interface Dependency {
  readonly rdd: RDD<unknown>
  /** Narrow: read partition by partition in the same stage. Shuffle: records cross, in a stage of their own. */
  readonly kind: 'narrow' | 'shuffle'
  /** Of a shuffle: its id in events and messages. */
  readonly shuffleId: number | undefined
}

/** A part of an RDD that one task works on. */
export interface Partition {
  /** 0-based; its place in the RDD. */
  readonly index: number
}

interface Edge {
  readonly node: Node
  readonly shuffleId: number | undefined
}

/** A checkpoint is the one parent of its RDD, as in Spark. */
function edgesOf(node: Node): Edge[] {
  const written = node.checkpoint?.source
  if (written !== undefined) return [{ node: written, shuffleId: undefined }]
  if (node.kind === 'shuffle') return [...node.inputs]
  return parentsOf(node).narrow.map(parent => ({ node: parent, shuffleId: undefined }))
}

export function dependencies(rdd: RDD<never> | RDD<unknown>): Dependency[] {
  const of = rdd as RDD<unknown>
  return edgesOf(of.node).map(({ node, shuffleId }) => ({
    rdd: of.derive(node),
    kind: shuffleId === undefined ? 'narrow' : 'shuffle',
    shuffleId,
  }))
}

export function partitionsOf(node: Node): Partition[] {
  return Array.from({ length: node.numPartitions }, (_, index) => ({ index }))
}

/** The hosts of the first source that a partition reads without a shuffle and that has any. */
export function preferredLocations(node: Node, partition: number): readonly string[] {
  const stack: { readonly node: Node; readonly partition: number }[] = [{ node, partition }]
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    const found = at.node.kind === 'source' ? at.node.locations?.(at.node.descriptors[at.partition]) : []
    if (found !== undefined && found.length > 0) return found
    stack.push(...sourcesOf(at.node, at.partition).reverse())
  }
  return []
}

/** The partitions of parents that a partition is made of without a shuffle. */
function sourcesOf(node: Node, partition: number): { node: Node; partition: number }[] {
  const written = node.checkpoint?.source
  if (written !== undefined) return [{ node: written, partition }]
  switch (node.kind) {
    case 'coalesce':
      if (node.needs?.ready === false) return []
      return node.groupOf(partition).map(p => ({ node: node.parent, partition: p }))
    case 'cartesian': {
      const width = node.right.numPartitions
      return [
        { node: node.left, partition: Math.floor(partition / width) },
        { node: node.right, partition: partition % width },
      ]
    }
    case 'union': {
      if (node.aligned) return node.parents.map(parent => ({ node: parent, partition }))
      let offset = partition
      for (const parent of node.parents) {
        if (offset < parent.numPartitions) return [{ node: parent, partition: offset }]
        offset -= parent.numPartitions
      }
      return []
    }
    default:
      return parentsOf(node).narrow.map(parent => ({ node: parent, partition }))
  }
}

/** Spark's name for what a node is. */
function className(node: Node): string {
  switch (node.kind) {
    case 'source':
      return node.className ?? 'SourceRDD'
    case 'narrow':
      return 'MapPartitionsRDD'
    case 'shuffle':
      return node.result.as === 'cogrouped' ? 'CoGroupedRDD' : 'ShuffledRDD'
    case 'union':
      return node.aligned ? 'PartitionerAwareUnionRDD' : 'UnionRDD'
    case 'coalesce':
      return node.needs === undefined && node.partitioner === undefined
        ? 'CoalescedRDD'
        : 'PartitionPruningRDD'
    case 'zip':
      return `ZippedPartitionsRDD${node.parents.length}`
    case 'cartesian':
      return 'CartesianRDD'
    case 'state':
      return 'StateRDD'
    case 'stateOutput':
      return 'StateOutputRDD'
  }
}

/** `MapPartitionsRDD[3] at map at app.ts:10:4`, the name set by the user first. */
export function describeNode(node: Node): string {
  const label = node.label === undefined ? '' : `${node.label} `
  return `${label}${className(node)}[${node.id}] at ${describeScope(node.scope)}`
}

/** A lineage in which many paths lead to one node would fill any memory: Spark repeats it for each path. */
const MAX_LINES = 10_000

/**
 * The lineage as a tree, one line for each RDD: `(partitions)` where a stage begins, `+-` where a shuffle is read.
 *
 * @source Spark RDD.toDebugString
 */
export function debugText(root: Node): string {
  const lines: string[] = []
  const stack: { node: Node; line: string; prefix: string }[] = [
    { node: root, line: head(root), prefix: below(root, '') },
  ]
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    const { storage } = at.node
    const kept = storage === StorageLevel.NONE ? '' : storage.name
    lines.push(`${at.line}${describeNode(at.node)} [${kept}]`)
    if (lines.length === MAX_LINES) {
      lines.push('…')
      break
    }
    const edges = edgesOf(at.node)
    const { prefix } = at
    const children = edges.map(({ node, shuffleId }, i) => {
      if (shuffleId === undefined) return { node, line: prefix, prefix }
      const outer = prefix.replace(/\|\s+$/, '')
      const isLast = i === edges.length - 1
      return { node, line: `${outer}+-${head(node)}`, prefix: below(node, outer + (isLast ? '  ' : '| ')) }
    })
    stack.push(...children.reverse())
  }
  return lines.join('\n')
}

function head(node: Node): string {
  return `(${node.numPartitions}) `
}

/** What stands before the lines of the same stage: a bar under the number of partitions. */
function below(node: Node, outer: string): string {
  const width = `(${node.numPartitions})`.length
  const left = Math.floor((width - 1) / 2)
  return `${outer}${' '.repeat(left)}|${' '.repeat(width - left)}`
}
