/** Makes the nodes at which records cross to other partitions. */
import { makeNode, type Node, newShuffleId, type ShuffleNode, type ShuffleResult } from './nodes.ts'
import { type Partitioner, samePartitioner } from './partitioner.ts'
import { rangeSample } from './range-sample.ts'

/** A shuffle of `parents` by `partitioner`. Parents that are partitioned so already do not cross. */
export function shuffleNode(
  name: string,
  parents: readonly Node[],
  partitioner: Partitioner,
  result: ShuffleResult,
): ShuffleNode {
  const inputs = parents.map(node => ({
    node,
    shuffleId: samePartitioner(node.partitioner, partitioner) ? undefined : newShuffleId(),
  }))
  const needs = rangeSample(partitioner, parents[0]!)
  const { numPartitions } = partitioner
  return makeNode<ShuffleNode>({ kind: 'shuffle', inputs, partitioner, result, numPartitions, needs }, name)
}
