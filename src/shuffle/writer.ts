/** The map side: records of one partition, combined where the aggregator allows it, as one block for each reduce partition. */
import { KeyTable } from '../data/key-table.ts'
import type { ShuffleNode } from '../rdd/nodes.ts'
import { partitionOf } from '../rdd/partitioner.ts'
import { type Driver, drain, type Leg } from '../rdd/segment/drive.ts'
import type { CombineSink, ScatterSink } from '../rdd/segment/plan.ts'
import { type Block, blockOfPairs } from '../storage/block.ts'
import type { MapOutput } from './shuffle-store.ts'

/** Runs the records of a map partition to their blocks. Cost: one hash for each distinct key with map-side combine. */
export async function writeMapOutput(
  shuffle: ShuffleNode,
  legs: readonly Leg[],
  driver: Driver,
): Promise<MapOutput> {
  const { result } = shuffle
  if (result.as === 'combined' && result.aggregator.mapSide)
    return combineAndWrite(shuffle, result.aggregator, legs, driver)
  const { numPartitions } = shuffle
  const lists = (): unknown[][] => Array.from({ length: numPartitions }, () => [])
  const sink: ScatterSink = {
    kind: 'scatter',
    partition: key => partitionOf(shuffle.partitioner, key),
    keys: lists(),
    values: lists(),
    scope: shuffle.scope,
  }
  await drain(legs, sink, driver)
  return blocksOf(sink.keys, sink.values, driver)
}

async function combineAndWrite(
  shuffle: ShuffleNode,
  aggregator: { create: CombineSink['create']; mergeValue: CombineSink['merge'] },
  legs: readonly Leg[],
  driver: Driver,
): Promise<MapOutput> {
  const { scope, numPartitions, partitioner } = shuffle
  const table = new KeyTable()
  const { create, mergeValue: merge } = aggregator
  await drain(legs, { kind: 'combine', table, create, merge, scope }, driver)
  if (numPartitions === 1) return blocksOf([table.keys], [table.values], driver)
  const keys: unknown[][] = Array.from({ length: numPartitions }, () => [])
  const values: unknown[][] = Array.from({ length: numPartitions }, () => [])
  for (let slot = 0; slot < table.size; slot++) {
    const key = table.keys[slot]
    const at = partitionOf(partitioner, key)
    keys[at]!.push(key)
    values[at]!.push(table.values[slot])
    const pause = (slot & 1023) === 0 ? driver.breathe() : undefined
    if (pause !== undefined) await pause
  }
  return blocksOf(keys, values, driver)
}

async function blocksOf(keys: unknown[][], values: unknown[][], driver: Driver): Promise<Block[]> {
  const blocks: Block[] = []
  for (let p = 0; p < keys.length; p++) {
    blocks.push(blockOfPairs(keys[p]!, values[p]!))
    const pause = driver.breathe()
    if (pause !== undefined) await pause
  }
  return blocks
}
