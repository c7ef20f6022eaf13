/**
 * The reduce side: the records of one partition of a shuffle node, from the blocks of all map partitions.
 *
 * Blocks are merged in map-partition order, never in the order they arrived, so that a partition is the same each time it is
 * computed. What exceeds the memory of the task goes to runs in a file (`spilling-combine.ts`, `sort.ts`).
 */
import type { ChunkSource } from '../data/chunk.ts'
import type { Aggregator, ShuffleNode } from '../rdd/nodes.ts'
import { drain, type Leg } from '../rdd/segment/drive.ts'
import type { ScatterSink } from '../rdd/segment/plan.ts'
import { type OutputBlock, outputCount, sourceOfOutput } from '../storage/filed-block.ts'
import type { ShuffleStore } from './shuffle-store.ts'
import { byKey, ExternalSort } from './sort.ts'
import { type Fold, SpillingCombine } from './spilling-combine.ts'
import type { ShuffleDriver } from './task-memory.ts'

/** The records of one input: blocks that crossed the shuffle, or the legs of a parent that is partitioned alike. */
type Input = { readonly blocks: readonly OutputBlock[] } | { readonly legs: readonly Leg[] }

/** Opens partition `partition` of a shuffle node. `legsOf` gives the legs of a parent that does not cross. */
export async function readShuffle(
  shuffle: ShuffleNode,
  partition: number,
  store: Pick<ShuffleStore, 'read'>,
  legsOf: (input: number) => readonly Leg[],
  driver: ShuffleDriver,
): Promise<ChunkSource> {
  const inputs = shuffle.inputs.map(
    (input, i): Input =>
      input.shuffleId === undefined ? { legs: legsOf(i) } : { blocks: store.read(shuffle, i, partition) },
  )
  const { result } = shuffle
  switch (result.as) {
    case 'records':
      return sourceOfOutput((inputs[0] as { blocks: OutputBlock[] }).blocks)
    case 'combined':
      return combine(shuffle, result.aggregator, inputs[0]!, driver)
    case 'cogrouped':
      return cogroup(shuffle, inputs, driver)
    case 'sorted':
      return sort(shuffle, legsOfInput(inputs[0]!), result.compare, driver)
  }
}

function legsOfInput(input: Input): readonly Leg[] {
  if ('legs' in input) return input.legs
  const { blocks } = input
  return [{ open: () => sourceOfOutput(blocks), steps: [] }]
}

async function combine(
  shuffle: ShuffleNode,
  aggregator: Aggregator,
  input: Input,
  driver: ShuffleDriver,
): Promise<ChunkSource> {
  const combinedBefore = 'blocks' in input && aggregator.mapSide
  if (combinedBefore) {
    // The output of one map task has every key once: it is the result.
    const blocks = input.blocks.filter(b => outputCount(b) > 0)
    if (blocks.length <= 1) return sourceOfOutput(blocks)
  }
  const { create, mergeValue, mergeCombiners } = aggregator
  const fold: Fold = combinedBefore
    ? { create: undefined, merge: mergeCombiners as Fold['merge'] }
    : { create, merge: mergeValue }
  const combining = new SpillingCombine(driver, shuffle.scope)
  await combining.add(legsOfInput(input), fold)
  return combining.finish()
}

async function cogroup(
  shuffle: ShuffleNode,
  inputs: readonly Input[],
  driver: ShuffleDriver,
): Promise<ChunkSource> {
  const combining = new SpillingCombine(driver, shuffle.scope)
  for (const [tag, input] of inputs.entries()) {
    const create = (value: unknown): unknown[][] => inputs.map((_, i) => (i === tag ? [value] : []))
    const merge = (lists: unknown[][], value: unknown): unknown[][] => {
      lists[tag]!.push(value)
      return lists
    }
    await combining.add(legsOfInput(input), { create, merge: merge as Fold['merge'] })
  }
  return combining.finish()
}

async function sort(
  shuffle: ShuffleNode,
  legs: readonly Leg[],
  compare: (a: unknown, b: unknown) => number,
  driver: ShuffleDriver,
): Promise<ChunkSource> {
  const sorting = new ExternalSort(byKey(compare), driver)
  const { keys, values } = sorting.pairs
  const { scope } = shuffle
  const sink: ScatterSink = { kind: 'scatter', partition: () => 0, keys: [keys], values: [values], scope }
  await drain(legs, sink, driver, () => sorting.relieve())
  return sorting.finish()
}
