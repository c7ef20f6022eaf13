/** The pairs of a partition's inputs, chunk by chunk, with the event loop's turns in between. */
import { KindlingError } from '../../base/errors.ts'
import { LOOKUP_BLOCK } from '../../data/arena-index.ts'
import type { Chunk, ChunkSource } from '../../data/chunk.ts'
import type { StateTask } from '../../rdd/nodes.ts'
import { recordsOf } from '../../rdd/segment/interpret.ts'
import type { StateTable } from './state-table.ts'

/** Pairs in two columns. */
export interface PairColumns {
  readonly keys: readonly unknown[]
  readonly values: readonly unknown[]
}

/** Calls `take` for every chunk, in order, as columns. */
export async function eachChunk(
  source: ChunkSource,
  task: StateTask,
  take: (pairs: PairColumns) => void | Promise<void>,
): Promise<void> {
  try {
    for (let chunk = await source.next(); chunk !== undefined; chunk = await source.next()) {
      const wait = take(columnsOf(chunk))
      if (wait !== undefined) await wait
      const pause = task.breathe()
      if (pause !== undefined) await pause
    }
  } finally {
    await source.close()
  }
}

function columnsOf(chunk: Chunk): PairColumns {
  if (chunk.kind === 'pairs') return chunk
  const keys: unknown[] = []
  const values: unknown[] = []
  for (const record of recordsOf(chunk)) {
    if (!Array.isArray(record))
      throw new KindlingError('NOT_A_PAIR', { operation: 'A stateful operator', value: record })
    keys.push(record[0])
    values.push(record[1])
  }
  return { keys, values }
}

/**
 * Calls `take(slot, value, key)` for every pair, in order; slots of new keys are made. Slots are looked up a block at a time, which
 * a large table wants (see `data/arena-index.ts`).
 */
export async function eachSlot(
  source: ChunkSource,
  table: StateTable,
  task: StateTask,
  take: (slot: number, value: unknown, key: unknown) => void,
): Promise<void> {
  const slots = new Int32Array(LOOKUP_BLOCK)
  await eachChunk(source, task, async ({ keys, values }) => {
    for (let from = 0; from < keys.length; from += LOOKUP_BLOCK) {
      const to = Math.min(from + LOOKUP_BLOCK, keys.length)
      table.index.slotsOf(keys, from, to, slots)
      for (let i = from; i < to; i++) {
        const slot = slots[i - from]!
        const key = keys[i]
        take(slot, values[i], typeof key === 'string' ? table.index.textOf(slot, key) : key)
      }
      const pause = task.breathe()
      if (pause !== undefined) await pause
    }
  })
}
