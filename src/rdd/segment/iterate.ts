/** Between chunks and the iterators that user functions of whole partitions take and give. */
import { KindlingError } from '../../base/errors.ts'
import type { Chunk, ChunkSource } from '../../data/chunk.ts'
import { recordsOf } from './interpret.ts'

/** Records handed on at a time from a user's iterable; it grows, so that the first ones come early. */
const MAX_ROWS = 256

/** The records of a source one by one, for a user's synchronous loop. The source must not give promises. */
export function* iterateSource(source: ChunkSource): Generator<unknown, undefined> {
  try {
    for (;;) {
      const chunk = source.next()
      if (chunk instanceof Promise)
        throw new KindlingError('INTERNAL_ERROR', { assertion: 'input of a synchronous iterator is at hand' })
      if (chunk === undefined) return undefined
      yield* recordsOf(chunk)
    }
  } finally {
    void source.close()
  }
}

/**
 * What a user's function of a partition gave, as chunks.
 *
 * @param result an iterable; its iterator is closed when the source is closed before the end
 * @param failed wraps what the iterator throws
 */
export function sourceOfIterable(
  result: Iterable<unknown>,
  failed: (error: unknown) => Error,
  pause: () => boolean,
): ChunkSource & { next(limit?: number): Chunk | undefined } {
  const iterator = result[Symbol.iterator]()
  let size = 1
  let over = false
  let postponed: { readonly error: Error } | undefined
  return {
    next(limit: number = MAX_ROWS) {
      if (postponed !== undefined) throw postponed.error
      if (over) return undefined
      const rows: unknown[] = []
      const most = Math.max(1, Math.min(limit, size))
      size = Math.min(size * 2, MAX_ROWS)
      try {
        while (rows.length < most) {
          const next = iterator.next()
          if (next.done) {
            over = true
            break
          }
          rows.push(next.value)
          if (pause()) break
        }
      } catch (error) {
        over = true
        postponed = { error: failed(error) }
        if (rows.length === 0) throw postponed.error
      }
      return rows.length > 0 ? { kind: 'rows', rows } : undefined
    },
    close() {
      if (over) return
      over = true
      iterator.return?.()
    },
  }
}
