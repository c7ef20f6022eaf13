/** Partitions that a program describes and reads itself. */
import { KindlingError } from '../../base/errors.ts'
import type { ChunkSource } from '../../data/chunk.ts'
import { copyValue } from '../../data/codec.ts'
import { makeNode, type SourceNode } from '../nodes.ts'
import type { Partitioner } from '../partitioner.ts'
import { sourceOfIterable } from '../segment/iterate.ts'
import type { OriginFinder } from './record-origin.ts'

/** Reads a partition; called once for each attempt, with a copy of the descriptor. Must give the same records each time. */
export type PartitionReader<D, T> = (
  descriptor: D,
) => Iterable<T> | AsyncIterable<T> | Promise<Iterable<T> | AsyncIterable<T>>

/** What else is known of user-made partitions. */
export interface PartitionsOptions<D> {
  /** When the records are pairs and partition i holds just the keys that it gives to i. */
  readonly partitioner?: Partitioner
  /** The hosts on which a partition is best read. */
  readonly preferredLocations?: (descriptor: D) => readonly string[]
  /** Where the record at `index` (from 0) of a partition came from, for dead letters: `{ topic, offset }`. Plain data. */
  readonly locate?: (descriptor: D, index: number) => Readonly<Record<string, unknown>>
}

/** @throws RECORD_NOT_ENCODABLE for a descriptor that is no data @throws INVALID_ARGUMENT for a partitioner of other size */
export function userMadeNode<D, T>(
  descriptors: readonly D[],
  read: PartitionReader<D, T>,
  { partitioner, preferredLocations, locate }: PartitionsOptions<D>,
): SourceNode {
  if (partitioner !== undefined && partitioner.numPartitions !== descriptors.length)
    throw new KindlingError('INVALID_ARGUMENT', {
      what: 'the number of partitions of the partitioner',
      value: partitioner.numPartitions,
      expected: `that of the descriptors, ${descriptors.length}`,
    })
  const fields = {
    kind: 'source',
    className: 'SourceRDD',
    descriptors: descriptors.map(descriptor => copyValue(descriptor)),
    open: openBy(read as PartitionReader<unknown, unknown>),
    numPartitions: descriptors.length,
    partitioner,
  } as const
  const locations = preferredLocations as ((descriptor: unknown) => readonly string[]) | undefined
  const optional = {
    ...(locations === undefined ? {} : { locations }),
    ...(locate === undefined ? {} : { origin: originBy(locate) }),
  }
  return makeNode<SourceNode>({ ...fields, ...optional }, 'fromPartitions')
}

function originBy<D>(
  find: (descriptor: D, index: number) => Readonly<Record<string, unknown>>,
): OriginFinder {
  return {
    describe: descriptor => descriptor,
    locate: described => ({ at: index => ({ source: find(described as D, index) }), close() {} }),
  }
}

type Open = SourceNode['open']

/** For each reader its own: one that is used in every batch is described for worker threads once. */
const opens = new WeakMap<PartitionReader<unknown, unknown>, Open>()

function openBy(read: PartitionReader<unknown, unknown>): Open {
  let open = opens.get(read)
  if (open === undefined) {
    open = (descriptor, failed) => openRead(() => read(copyValue(descriptor)), failed)
    opens.set(read, open)
  }
  return open
}

function openRead(
  read: () => unknown,
  failed: (error: unknown) => Error,
): ChunkSource | Promise<ChunkSource> {
  try {
    const result = read()
    if (result instanceof Promise)
      return result.then(
        records => sourceOf(records, failed),
        error => {
          throw failed(error)
        },
      )
    return sourceOf(result, failed)
  } catch (error) {
    throw failed(error)
  }
}

function sourceOf(records: unknown, failed: (error: unknown) => Error): ChunkSource {
  const object = Object(records ?? {}) as Partial<Iterable<unknown> & AsyncIterable<unknown>>
  if (typeof object[Symbol.asyncIterator] === 'function')
    return sourceOfAsyncIterable(object as AsyncIterable<unknown>, failed)
  if (typeof object[Symbol.iterator] === 'function')
    return sourceOfIterable(object as Iterable<unknown>, failed, () => false)
  throw failed(new KindlingError('NOT_ITERABLE', { operation: 'fromPartitions', value: records }))
}

/** Records handed on at a time; it grows, so that the first ones come early and an endless reader ends under `take`. */
const MAX_ROWS = 256

function sourceOfAsyncIterable(
  records: AsyncIterable<unknown>,
  failed: (error: unknown) => Error,
): ChunkSource {
  const iterator = records[Symbol.asyncIterator]()
  let size = 1
  let over = false
  return {
    asynchronous: true,
    async next() {
      if (over) return undefined
      const rows: unknown[] = []
      try {
        while (rows.length < size) {
          const next = await iterator.next()
          if (next.done) {
            over = true
            break
          }
          rows.push(next.value)
        }
      } catch (error) {
        over = true
        throw failed(error)
      }
      size = Math.min(2 * size, MAX_ROWS)
      return rows.length > 0 ? { kind: 'rows', rows } : undefined
    },
    async close() {
      if (over) return
      over = true
      await iterator.return?.()
    },
  }
}
