/** Reads ranges of the topics of a sink on the driver. */
import { SystemClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { leaseByKey } from './cluster-pool.ts'
import type { ConsumerRecord } from './consumer-record.ts'
import type { KafkaSettings } from './params.ts'
import { type RangeDescriptor, RangeSource } from './read-range.ts'
import { KEEP_MS } from './record-writers.ts'

/** A record as bytes. */
export type BytesRecord = ConsumerRecord<Uint8Array | undefined, Uint8Array | undefined>

/** How a log is read: settings whose deserialisers give bytes. */
export interface LogReading {
  readonly key: string
  readonly settings: KafkaSettings
  readonly patienceMs: number
}

/** The records of a range in order. @throws KAFKA_DATA_LOST, KAFKA_UNREACHABLE */
export async function* readLog(
  range: Omit<RangeDescriptor, 'topicId'>,
  { key, settings, patienceMs }: LogReading,
): AsyncGenerator<BytesRecord> {
  const source = new RangeSource(
    { ...range, topicId: undefined },
    {
      ...{ settings, clock: new SystemClock(), logger: silentLogger, patienceMs },
      lease: () => leaseByKey(key, settings, KEEP_MS),
    },
  )
  try {
    for (let chunk = await source.next(); chunk !== undefined; chunk = await source.next())
      yield* (chunk.kind === 'rows' ? chunk.rows : []) as BytesRecord[]
  } finally {
    source.close()
  }
}
