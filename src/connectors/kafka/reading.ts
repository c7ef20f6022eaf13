/**
 * What ranges are read with: as data, which travels to other threads with the functions of the program, and on the thread of the driver
 * with what only that has.
 *
 * Another thread has connections of its own, kept as here; the times of what it reads are not heard of.
 */
import { SystemClock } from '../../base/clock.ts'
import { configEntries } from '../../base/config.ts'
import { threadLogger } from '../../base/logger.ts'
import type { SparkContext } from '../../context/spark-context.ts'
import type { ChunkSource } from '../../data/chunk.ts'
import { type Lease, leaseByKey } from './cluster-pool.ts'
import type { KafkaSettings } from './params.ts'
import { type RangeDescriptor, type RangeReaderParts, RangeSource } from './read-range.ts'

/** See the file head. Plain data and deserialisers. */
export interface Reading {
  /** The same for all that share their connections. */
  readonly key: string
  readonly settings: KafkaSettings
  readonly patienceMs: number
  /** How long connections are kept after their last use. */
  readonly keepMs: number
}

/** Spark's network time-out. */
const PATIENCE_MS = 120_000

const onDriver = new WeakMap<Reading, RangeReaderParts>()

/** @param lease opens connections, or takes part in them; gets for how many ms they are kept after the last use */
export function readingOf(
  sc: SparkContext,
  key: string,
  settings: KafkaSettings,
  lease: (keepMs: number) => Lease,
  onRead?: RangeReaderParts['onRead'],
): Reading {
  const { conf, clock, logger } = sc
  const isKept = conf.get(configEntries.kafkaConsumerCacheEnabled)
  const keepMs = isKept ? conf.get(configEntries.kafkaConsumerCacheTimeout) : 0
  const patienceMs = conf.get(configEntries.kafkaConsumerPoll) ?? PATIENCE_MS
  const reading = { key, settings, patienceMs, keepMs }
  const parts = { settings, clock, logger, patienceMs, lease: () => lease(keepMs) }
  onDriver.set(reading, onRead === undefined ? parts : { ...parts, onRead })
  return reading
}

/** How a source opens a range. It refers to data and to this module only, so that it travels. */
export function opener(reading: Reading): (range: unknown) => ChunkSource {
  return range => openRange(range as RangeDescriptor, reading)
}

/** Begins to read a range, on whatever thread. */
export function openRange(range: RangeDescriptor, reading: Reading): ChunkSource {
  const { key, settings, patienceMs, keepMs } = reading
  const parts = onDriver.get(reading) ?? {
    settings,
    clock: new SystemClock(),
    logger: threadLogger(),
    patienceMs,
    lease: () => leaseByKey(key, settings, keepMs),
  }
  return new RangeSource(range, parts)
}
