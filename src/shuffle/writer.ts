/** The map side: records of one partition, combined where the aggregator allows it, as one block for each reduce partition. */
import type { Aggregator, ShuffleNode } from '../rdd/nodes.ts'
import { partitionOf } from '../rdd/partitioner.ts'
import { drain, type Leg } from '../rdd/segment/drive.ts'
import type { ScatterSink } from '../rdd/segment/plan.ts'
import type { MapOutput } from './shuffle-store.ts'
import { SpillingCombine } from './spilling-combine.ts'
import { SpillingScatter } from './spilling-scatter.ts'
import type { ShuffleDriver } from './task-memory.ts'

/** Runs the records of a map partition to their blocks. Cost: one hash for each distinct key with map-side combine. */
export async function writeMapOutput(
  shuffle: ShuffleNode,
  legs: readonly Leg[],
  driver: ShuffleDriver,
): Promise<MapOutput> {
  const { result } = shuffle
  if (result.as === 'combined' && result.aggregator.mapSide)
    return combineAndWrite(shuffle, result.aggregator, legs, driver)
  const output = new SpillingScatter(shuffle.numPartitions, driver)
  const sink: ScatterSink = {
    kind: 'scatter',
    partition: key => partitionOf(shuffle.partitioner, key),
    keys: output.keys,
    values: output.values,
    scope: shuffle.scope,
  }
  await drain(legs, sink, driver, () => output.relieve())
  return output.finish()
}

async function combineAndWrite(
  shuffle: ShuffleNode,
  { create, mergeValue: merge }: Aggregator,
  legs: readonly Leg[],
  driver: ShuffleDriver,
): Promise<MapOutput> {
  const { scope, numPartitions, partitioner } = shuffle
  const combine = new SpillingCombine(driver, scope)
  await combine.add(legs, { create, merge })
  const combined = await combine.finish()
  const output = new SpillingScatter(numPartitions, driver)
  try {
    for (let chunk = await combined.next(); chunk !== undefined; chunk = await combined.next()) {
      const { keys, values } = chunk as { keys: readonly unknown[]; values: readonly unknown[] }
      for (let i = 0; i < keys.length; i++) {
        const key = keys[i]
        const at = numPartitions === 1 ? 0 : partitionOf(partitioner, key)
        output.keys[at]!.push(key)
        output.values[at]!.push(values[i])
        const pause = (i & 1023) === 0 ? driver.breathe() : undefined
        if (pause !== undefined) await pause
      }
      const wait = output.relieve()
      if (wait !== undefined) await wait
    }
  } finally {
    await combined.close()
  }
  return output.finish()
}
