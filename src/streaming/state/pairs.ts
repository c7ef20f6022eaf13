/** The pairs of a partition's inputs, chunk by chunk, with the event loop's turns in between. */
import { KindlingError } from '../../base/errors.ts'
import type { ChunkSource } from '../../data/chunk.ts'
import type { StateTask } from '../../rdd/nodes.ts'
import { recordsOf } from '../../rdd/segment/interpret.ts'

/** Calls `take` for every pair, in order. */
export async function eachPair(
  source: ChunkSource,
  task: StateTask,
  take: (key: unknown, value: unknown) => void,
): Promise<void> {
  try {
    for (let chunk = await source.next(); chunk !== undefined; chunk = await source.next()) {
      if (chunk.kind === 'pairs')
        for (let i = 0; i < chunk.keys.length; i++) take(chunk.keys[i], chunk.values[i])
      else
        for (const record of recordsOf(chunk)) {
          if (!Array.isArray(record))
            throw new KindlingError('NOT_A_PAIR', { operation: 'A stateful operator', value: record })
          take(record[0], record[1])
        }
      const pause = task.breathe()
      if (pause !== undefined) await pause
    }
  } finally {
    await source.close()
  }
}
