/**
 * What map tasks wrote, by shuffle input, map partition and reduce partition.
 *
 * Output lives as long as its shuffle node is referred to, so that a job over the same lineage later skips the map stage.
 */
import { KindlingError } from '../base/errors.ts'
import type { ShuffleNode } from '../rdd/nodes.ts'
import { isUndamaged, type OutputBlock } from '../storage/filed-block.ts'

/** One block for each reduce partition. */
export type MapOutput = readonly OutputBlock[]

/** Map outputs of all shuffles; see the file head. */
export class ShuffleStore {
  private readonly outputs = new WeakMap<ShuffleNode, (MapOutput | undefined)[][]>()

  private of(shuffle: ShuffleNode, input: number): (MapOutput | undefined)[] {
    let inputs = this.outputs.get(shuffle)
    if (inputs === undefined) {
      inputs = shuffle.inputs.map(i => new Array(i.node.numPartitions).fill(undefined))
      this.outputs.set(shuffle, inputs)
    }
    return inputs[input]!
  }

  put(shuffle: ShuffleNode, input: number, mapPartition: number, output: MapOutput): void {
    this.of(shuffle, input)[mapPartition] = output
  }

  /** The blocks for one reduce partition, in map-partition order. @throws BLOCK_NOT_FOUND when one is gone */
  read(shuffle: ShuffleNode, input: number, reducePartition: number): OutputBlock[] {
    return this.of(shuffle, input).map((output, mapPartition) => {
      const block = output?.[reducePartition]
      if (block !== undefined) return block
      const { shuffleId } = shuffle.inputs[input]!
      throw new KindlingError('BLOCK_NOT_FOUND', {
        block: `shuffle-${shuffleId}-${mapPartition}-${reducePartition}`,
      })
    })
  }

  /** Map partitions whose output is not here. */
  missing(shuffle: ShuffleNode, input: number): number[] {
    const { node, shuffleId } = shuffle.inputs[input]!
    if (shuffleId === undefined) return []
    const inputs = this.outputs.get(shuffle)
    const missing: number[] = []
    for (let p = 0; p < node.numPartitions; p++) if (inputs?.[input]?.[p] === undefined) missing.push(p)
    return missing
  }

  /** Loses the outputs whose block for a reduce partition is damaged. Cost: reads those that are in files. */
  dropDamaged(shuffle: ShuffleNode, input: number, reducePartition: number): void {
    const outputs = this.of(shuffle, input)
    for (const [mapPartition, output] of outputs.entries()) {
      const block = output?.[reducePartition]
      if (block !== undefined && !isUndamaged(block)) outputs[mapPartition] = undefined
    }
  }

  /** Loses one map output, or all of a shuffle: the map stage computes it again when it is asked for. */
  drop(shuffle: ShuffleNode, input?: number, mapPartition?: number): void {
    if (input === undefined || mapPartition === undefined) this.outputs.delete(shuffle)
    else this.of(shuffle, input)[mapPartition] = undefined
  }
}
