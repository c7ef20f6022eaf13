/**
 * The reduce side: the records of one partition of a shuffle node, from the blocks of all map partitions.
 *
 * Blocks are merged in map-partition order, never in the order they arrived, so that a partition is the same each time it is
 * computed.
 */
import type { Chunk, ChunkSource } from '../data/chunk.ts'
import { KeyTable } from '../data/key-table.ts'
import type { Aggregator, ShuffleNode } from '../rdd/nodes.ts'
import { type Driver, drain, type Leg } from '../rdd/segment/drive.ts'
import { recordsOf } from '../rdd/segment/interpret.ts'
import type { CombineSink, ScatterSink } from '../rdd/segment/plan.ts'
import { type Block, countOf, sourceOfBlocks } from '../storage/block.ts'
import type { ShuffleStore } from './shuffle-store.ts'
import { sortedRuns } from './sort.ts'

/** The records of one input: blocks that crossed the shuffle, or the legs of a parent that is partitioned alike. */
type Input = { readonly blocks: readonly Block[] } | { readonly legs: readonly Leg[] }

/** Opens partition `partition` of a shuffle node. `legsOf` gives the legs of a parent that does not cross. */
export async function readShuffle(
  shuffle: ShuffleNode,
  partition: number,
  store: Pick<ShuffleStore, 'read'>,
  legsOf: (input: number) => readonly Leg[],
  driver: Driver,
): Promise<ChunkSource> {
  const inputs = shuffle.inputs.map(
    (input, i): Input =>
      input.shuffleId === undefined ? { legs: legsOf(i) } : { blocks: store.read(shuffle, i, partition) },
  )
  const { result } = shuffle
  switch (result.as) {
    case 'records':
      return sourceOfBlocks((inputs[0] as { blocks: Block[] }).blocks)
    case 'combined':
      return combine(shuffle, result.aggregator, inputs[0]!, driver)
    case 'cogrouped':
      return oneChunk(await cogroup(shuffle, inputs, driver))
    case 'sorted':
      return sortedRuns(await gatherPairs(legsOfInput(inputs[0]!), driver), result.compare, driver)
  }
}

function oneChunk(chunk: Chunk): ChunkSource {
  let left: Chunk | undefined = chunk
  return {
    next() {
      const next = left
      left = undefined
      return next
    },
    close() {
      left = undefined
    },
  }
}

function legsOfInput(input: Input): readonly Leg[] {
  if ('legs' in input) return input.legs
  const { blocks } = input
  return [{ open: () => sourceOfBlocks(blocks), steps: [] }]
}

async function combine(
  shuffle: ShuffleNode,
  aggregator: Aggregator,
  input: Input,
  driver: Driver,
): Promise<ChunkSource> {
  const combinedBefore = 'blocks' in input && aggregator.mapSide
  if (combinedBefore) {
    // The output of one map task has every key once: it is the result.
    const blocks = input.blocks.filter(b => countOf(b) > 0)
    if (blocks.length <= 1) return sourceOfBlocks(blocks)
  }
  const table = new KeyTable()
  const { scope } = shuffle
  const sink: CombineSink = combinedBefore
    ? {
        kind: 'combine',
        table,
        create: undefined,
        merge: aggregator.mergeCombiners as CombineSink['merge'],
        scope,
      }
    : {
        kind: 'combine',
        table,
        create: aggregator.create,
        merge: aggregator.mergeValue as CombineSink['merge'],
        scope,
      }
  await drain(legsOfInput(input), sink, driver)
  return oneChunk({ kind: 'pairs', keys: table.keys, values: table.values })
}

async function cogroup(shuffle: ShuffleNode, inputs: readonly Input[], driver: Driver): Promise<Chunk> {
  const table = new KeyTable<unknown[][]>()
  for (let tag = 0; tag < inputs.length; tag++) {
    const { keys, values } = await gatherPairs(legsOfInput(inputs[tag]!), driver)
    for (let i = 0; i < keys.length; i++) {
      let slot = table.slotOf(keys[i])
      if (slot === undefined) {
        slot = table.insert(keys[i])
        table.values.push(shuffle.inputs.map(() => []))
      }
      table.values[slot]![tag]!.push(values[i])
      const pause = (i & 1023) === 0 ? driver.breathe() : undefined
      if (pause !== undefined) await pause
    }
  }
  return { kind: 'pairs', keys: table.keys, values: table.values }
}

/** All pairs of some legs, as two columns. */
async function gatherPairs(
  legs: readonly Leg[],
  driver: Driver,
): Promise<{ keys: unknown[]; values: unknown[] }> {
  const keys: unknown[] = []
  const values: unknown[] = []
  for (const leg of legs) {
    if (leg.steps.length > 0) {
      const { scope } = leg.steps.at(-1)!
      const sink: ScatterSink = { kind: 'scatter', partition: () => 0, keys: [keys], values: [values], scope }
      await drain([leg], sink, driver)
      continue
    }
    const source = await leg.open()
    try {
      for (let chunk = await source.next(); chunk !== undefined; chunk = await source.next()) {
        if (chunk.kind === 'pairs') {
          for (const key of chunk.keys) keys.push(key)
          for (const value of chunk.values) values.push(value)
        } else
          for (const record of recordsOf(chunk)) {
            const pair = record as readonly unknown[]
            keys.push(pair[0])
            values.push(pair[1])
          }
        const pause = driver.breathe()
        if (pause !== undefined) await pause
      }
    } finally {
      await source.close()
    }
  }
  return { keys, values }
}
