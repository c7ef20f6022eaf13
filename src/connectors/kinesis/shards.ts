/**
 * Which shards are read next, and from where: a pure function of the position and of the shards that there are.
 *
 * A shard that was split or merged ends, and others go on with its keys. These are read once all of their parents have been read to
 * their end, so that records of a key stay in order. Those that are there at the first start begin where that says; those that appear
 * later, with their first record.
 */

/** A shard that there is. */
export interface Shard {
  readonly id: string
  /** Those that were split or merged into it: some may be gone already. */
  readonly parents: readonly string[]
}

/** Where a stream is in a shard. */
export interface ShardPosition {
  readonly id: string
  /** Sequence number of the last record that was planned; `undefined`: none was. */
  readonly at?: string
  /** Without `at`: begin at this time; without both, at the oldest record. */
  readonly timestampMs?: number
  /** It was read to its end. */
  readonly hasEnded?: true
}

/** Where a stream is: what the checkpoint has of it. */
export interface KinesisPosition {
  readonly shards: readonly ShardPosition[]
}

/** Positions of the shards that there are now. @param begin in ms, at which those of a first start begin; `undefined`: at their oldest record */
export function known(
  position: KinesisPosition | undefined,
  there: readonly Shard[],
  begin: number | undefined,
): ShardPosition[] {
  const before = new Map(position?.shards.map(shard => [shard.id, shard]))
  const first = position === undefined && begin !== undefined ? { timestampMs: begin } : {}
  return there.map(({ id }) => before.get(id) ?? { id, ...first })
}

/** Those that may be read: not ended, and with no parent that has something to be read yet. */
export function readable(positions: readonly ShardPosition[], there: readonly Shard[]): ShardPosition[] {
  const waiting = new Set(positions.filter(({ hasEnded }) => hasEnded !== true).map(({ id }) => id))
  const parents = new Map(there.map(shard => [shard.id, shard.parents]))
  return positions.filter(
    ({ id }) => waiting.has(id) && !(parents.get(id) ?? []).some(parent => waiting.has(parent)),
  )
}

/** How many records each of `n` shards may give, so that together they give at most `limit`. @param turn by which the rest goes round */
export function shares(limit: number, n: number, turn: number): number[] {
  if (!Number.isFinite(limit)) return Array.from({ length: n }, () => limit)
  const each = Math.floor(limit / n)
  const rest = limit - each * n
  return Array.from({ length: n }, (_, i) => each + ((i + turn) % n < rest ? 1 : 0))
}
