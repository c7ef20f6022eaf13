/** Literal records as partitions: encoded when they are given, so that later changes by the program are never seen. */
import { makeNode, type SourceNode } from '../rdd/nodes.ts'
import { type Block, blockOfRows, countOf, encodedBlock, sourceOfBlocks } from '../storage/block.ts'

/** Slice `i` of `n` covers the positions from ⌊i·length/n⌋ up to ⌊(i+1)·length/n⌋. @source Spark ParallelCollectionRDD */
export function slices<T>(records: readonly T[], n: number): T[][] {
  return Array.from({ length: n }, (_, i) =>
    records.slice(Math.floor((i * records.length) / n), Math.floor(((i + 1) * records.length) / n)),
  )
}

/** A source over one block for each partition. */
export function blockSource(name: string, blocks: readonly (readonly Block[])[]): SourceNode {
  return makeNode<SourceNode>(
    {
      kind: 'source',
      className: blocks.length === 0 ? 'EmptyRDD' : 'ParallelCollectionRDD',
      descriptors: blocks,
      open: sourceOfBlocks as SourceNode['open'],
      toSend: descriptor => (descriptor as readonly Block[]).map(encodedBlock),
      isEmpty: descriptor => (descriptor as readonly Block[]).every(block => countOf(block) === 0),
      numPartitions: blocks.length,
      partitioner: undefined,
    },
    name,
  )
}

/** One partition for each record, with its hosts. @throws RECORD_NOT_ENCODABLE */
export function locatedSource(records: readonly (readonly [unknown, readonly string[]])[]): SourceNode {
  const node = blockSource(
    'makeRDDWithLocations',
    records.map(([record]) => [blockOfRows([record])]),
  )
  const hosts = new Map(node.descriptors.map((block, i) => [block, [...(records[i]?.[1] ?? [])]]))
  return { ...node, locations: descriptor => hosts.get(descriptor) ?? [] }
}

/** @throws RECORD_NOT_ENCODABLE naming the place in the record */
export function literalSource(name: string, records: readonly unknown[], n: number): SourceNode {
  return blockSource(
    name,
    slices(records, n).map(slice => [blockOfRows(slice)]),
  )
}
