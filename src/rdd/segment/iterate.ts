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
 * Gathers chunks that arrive over time, so that a synchronous loop can read them; a source that never waits is left as it is and
 * read lazily.
 */
export function atHand(source: ChunkSource): ChunkSource | Promise<ChunkSource> {
  const first = source.next()
  if (!(first instanceof Promise)) return replay([first], source)
  return gather(source, first)
}

async function gather(source: ChunkSource, first: Promise<Chunk | undefined>): Promise<ChunkSource> {
  const chunks: (Chunk | undefined)[] = []
  let next: ReturnType<ChunkSource['next']> = first
  for (;;) {
    const chunk: Chunk | undefined = next instanceof Promise ? await next : next
    chunks.push(chunk)
    if (chunk === undefined) return replay(chunks, source)
    next = source.next()
  }
}

/** First the chunks that were taken already, then the rest of the source; ends at the first `undefined`. */
function replay(taken: (Chunk | undefined)[], source: ChunkSource): ChunkSource {
  let at = 0
  let over = false
  return {
    next() {
      if (over) return undefined
      const next = at < taken.length ? taken[at++] : source.next()
      if (next === undefined) over = true
      return next
    },
    close: () => source.close(),
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
