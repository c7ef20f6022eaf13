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

/** A locator for a partition of an RDD that is a source, or a union of such; `undefined` for others. */
export function locatorOf(node: Node, partition: number): RecordLocator | undefined {
  const found = sourceOf(lineageOf(node), partition)
  if (found === undefined) return undefined
  const { source, at } = found
  return source.locate?.(source.descriptors[at])
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
