/** Where records came from: asked for single ones, for people and for dead letters. */
import { lineageOf, type Node, type SourceNode } from '../nodes.ts'

/** Where one record lies. */
export interface RecordOrigin {
  /** As the source counts: `{ file, offset }` for lines of files, `{ block }` for received ones. Plain data. */
  readonly source: Readonly<Record<string, unknown>>
  /** Its bytes there, where the source has any. */
  readonly raw?: Uint8Array
}

/** Finds records of one partition; asked for ascending indices, one call at a time. */
export interface RecordLocator {
  /** `undefined`: it is not there any more. */
  at(index: number): RecordOrigin | undefined | Promise<RecordOrigin | undefined>
  close(): void | Promise<void>
}

/** How a source finds its records again, in tasks: what travels there is small data and one function. */
export interface OriginFinder {
  /** What `locate` needs of a partition's descriptor: plain data. */
  describe(descriptor: unknown): unknown
  locate(described: unknown): RecordLocator
}

/** The partitions of an RDD that are those of sources, as data that travels to tasks. */
export interface Origins {
  /** By partition: which function, and what it is given; `undefined` where records come from elsewhere. */
  readonly partitions: readonly ({ readonly by: number; readonly described: unknown } | undefined)[]
  readonly locate: readonly OriginFinder['locate'][]
}

/** Of an RDD that is a source, or a union of some. */
export function originsOf(node: Node): Origins {
  const locate: OriginFinder['locate'][] = []
  const partitions = Array.from({ length: node.numPartitions }, (_, partition) => {
    const found = sourceOf(lineageOf(node), partition)
    const origin = found?.source.origin
    if (origin === undefined) return undefined
    const known = locate.indexOf(origin.locate)
    const by = known < 0 ? locate.push(origin.locate) - 1 : known
    return { by, described: origin.describe(found!.source.descriptors[found!.at]) }
  })
  return { partitions, locate }
}

/** In the task. */
export function locatorOf({ partitions, locate }: Origins, partition: number): RecordLocator | undefined {
  const at = partitions[partition]
  return at === undefined ? undefined : locate[at.by]!(at.described)
}

function sourceOf(
  node: Node,
  partition: number,
): { readonly source: SourceNode; readonly at: number } | undefined {
  if (node.kind === 'source') return { source: node, at: partition }
  if (node.kind !== 'union' || node.aligned) return undefined
  let at = partition
  for (const parent of node.parents) {
    if (at < parent.numPartitions) return sourceOf(lineageOf(parent), at)
    at -= parent.numPartitions
  }
  return undefined
}
