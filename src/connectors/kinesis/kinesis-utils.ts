/** Streams of Kinesis. */
import { operator } from '../../rdd/scope.ts'
import type { DStream } from '../../streaming/dstream/dstream.ts'
import type { StreamingContext } from '../../streaming/streaming-context.ts'
import { KinesisSource } from './kinesis-source.ts'
import { type KinesisOptions, settingsOf } from './options.ts'
import type { KinesisRecord } from './read-range.ts'

/** Streams of Amazon Kinesis Data Streams. */
export const KinesisUtils = {
  /**
   * The records of a stream, each exactly once with a checkpoint directory: positions are in the checkpoint, and no table beside it is
   * needed. Needs the package `@aws-sdk/client-kinesis`.
   *
   * Shape: a {@link KinesisRecord} for each record. Partitions: one for each shard that has records, at most 10,000 of them a batch;
   * records of a shard are in order. A shard that was split or merged is read to its end before those that follow it.
   *
   * Each record is fetched twice, by the driver that plans and by the task, so a shard gives half of its 2 MB/s. What the producer
   * library has packed into one record is one record here.
   *
   * @throws INVALID_ARGUMENT for options that mean nothing
   * @throws ENDPOINT_FAILED, ENDPOINT_ACCESS_DENIED, ENDPOINT_UNREACHABLE, PACKAGE_MISSING (fail the start)
   * @source Spark KinesisInputDStream, which is a receiver
   * @example
   * const clicks = KinesisUtils.createStream(ssc, { stream: 'clicks', region: 'eu-central-1' })
   * clicks.map(({ data }) => new TextDecoder().decode(data)).print()
   */
  createStream(ssc: StreamingContext, options: KinesisOptions): DStream<KinesisRecord> {
    const source = new KinesisSource(settingsOf(options))
    return operator('createStream', () => ssc.directStream(source))
  },
}
