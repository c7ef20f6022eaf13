/**
 * Kinesis (moto), one shard: a stream of batches that has read all records beside GetRecords of the AWS SDK, called until no record is
 * left. The batches fetch each record twice, once for the plan and once in the task, which is what lets a batch be read again; the loop
 * could not.
 */
import { GetRecordsCommand, GetShardIteratorCommand } from '@aws-sdk/client-kinesis'
import { SparkContext } from 'kindling'
import { KinesisUtils } from 'kindling/connectors/kinesis'
import { KinesisStreams } from '../../test/services/kinesis.ts'
import { service } from '../../test/services/service.ts'
import type { Benchmark } from './harness.ts'
import { received } from './received.ts'

const RECORDS = 20_000
const SEND_RECORDS = 4000
/** Of an answer. */
const LIMIT = 10_000

/** See the file head. */
export const kinesisRead: Benchmark = async master => {
  const streams = new KinesisStreams(service('aws').connection)
  const stream = await streams.stream()
  let expected = 0
  for (let first = 0; first < RECORDS; first += SEND_RECORDS) {
    const texts = Array.from({ length: SEND_RECORDS }, (_, i) => String(first + i).padEnd(100, ': of no use'))
    expected += texts.reduce((sum, text) => sum + text.length, 0)
    await streams.send(stream, texts)
  }
  const sc = new SparkContext({ master })
  return {
    work: `${RECORDS} records of 100 B`,
    expected,
    ours: received(sc, {
      expected,
      streamOf: ssc =>
        KinesisUtils.createStream(ssc, streams.options(stream)).map(
          ({ data }) => new TextDecoder().decode(data).length,
        ),
    }),
    bare: {
      async run() {
        const [ShardId] = await streams.open(stream)
        const first = await streams.client.send(
          new GetShardIteratorCommand({ StreamName: stream, ShardId, ShardIteratorType: 'TRIM_HORIZON' }),
        )
        let sum = 0
        for (let ShardIterator = first.ShardIterator; sum < expected; ) {
          const answer = await streams.client.send(new GetRecordsCommand({ ShardIterator, Limit: LIMIT }))
          for (const { Data } of answer.Records ?? []) sum += new TextDecoder().decode(Data).length
          ShardIterator = answer.NextShardIterator
        }
        return sum
      },
    },
    async [Symbol.asyncDispose]() {
      await sc.stop()
      streams[Symbol.dispose]()
    },
  }
}
