/**
 * Reading a topic: the engine beside the bare client library, over the same broker.
 *
 * Workload: 4 partitions of 250 000 records of 100 B, values decoded as text and their lengths added up. `bare` asks for the same
 * offsets by the client's own fetch call, 1 MiB an answer, all partitions at once, and builds nothing; `stream` is the client's consumer
 * stream. All run in one process, in turn: one round to warm up, then as many as are asked for (5). The figure is the median over
 * rounds of the ratio of times; above 1 the engine is faster. Sums are compared. The engine has a worker thread for each partition; beside
 * that, two of them are compared with one.
 *
 *   npm run services -- start kafka
 *   node --conditions=source benchmarks/kafka.ts [rounds]
 */
import assert from 'node:assert/strict'
import { cpus } from 'node:os'
import { Consumer, fetchV17, MessagesStreamModes } from '@platformatic/kafka'
import { SparkContext } from 'kindling'
import { KafkaUtils, OffsetRange } from 'kindling/connectors/kafka'
import { KafkaTopics } from '../test/services/kafka.ts'
import { service } from '../test/services/service.ts'
import { median } from './floors.ts'

const ROUNDS = Number(process.argv[2] ?? 5)
const PARTITIONS = [0, 1, 2, 3]
const RECORDS = 250_000
const RECORD_BYTES = 100
const SEND = 2500
const MIB = 1 << 20

const { brokers } = service('kafka').connection
await using topics = new KafkaTopics(brokers)
const topic = await topics.topic(PARTITIONS.length)
for (const partition of PARTITIONS)
  for (let n = 0; n < RECORDS; n += SEND) {
    const records = Array.from({ length: SEND }, (_, i) =>
      String(n + i).padEnd(RECORD_BYTES, 'abcdefghij klmnop'),
    )
    await topics.send(topic, partition, records)
  }
const total = PARTITIONS.length * RECORDS

const [sc, one, two] = [PARTITIONS.length, 1, 2].map(n => new SparkContext({ master: `local[${n}]` })) as [
  SparkContext,
  SparkContext,
  SparkContext,
]
const consumer = new Consumer({ clientId: 'bench', groupId: 'bench', bootstrapBrokers: [brokers] })
const ranges = PARTITIONS.map(partition => OffsetRange.create(topic, partition, 0, RECORDS))
const params = { bootstrapServers: brokers }

function ours(on: SparkContext): Promise<number> {
  return KafkaUtils.createRDD(on, params, ranges)
    .map(record => record.value?.length ?? 0)
    .fold(0, (a, b) => a + b)
}

async function bare(): Promise<number> {
  const sums = await Promise.all(PARTITIONS.map(bareRange))
  return sums.reduce((a, b) => a + b, 0)
}

async function bareRange(partition: number): Promise<number> {
  const metadata = await consumer.metadata({ topics: [topic] })
  const { id, partitions } = metadata.topics.get(topic)!
  const connection = await consumer.connections.get(metadata.brokers.get(partitions[partition]!.leader)!)
  let sum = 0
  for (let next = 0n; next < BigInt(RECORDS); ) {
    const wanted = {
      partition,
      currentLeaderEpoch: -1,
      fetchOffset: next,
      lastFetchedEpoch: -1,
      partitionMaxBytes: MIB,
    }
    const request = [{ topicId: id, partitions: [wanted] }]
    const answer = await fetchV17.api.async(connection, 500, 1, MIB, 0, 0, 0, request, [], '')
    for (const batch of answer.responses[0]?.partitions[0]?.records ?? []) {
      for (const { value } of batch.records) sum += value?.toString('utf8').length ?? 0
      next = batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n
    }
  }
  return sum
}

/** Its group is another one each time, so that it begins anew. */
async function stream(round: number): Promise<number> {
  const own = new Consumer({
    clientId: 'bench',
    groupId: `${topic}-${round}`,
    bootstrapBrokers: [brokers],
    maxBytes: MIB,
  })
  const messages = await own.consume({
    topics: [topic],
    mode: MessagesStreamModes.EARLIEST,
    autocommit: false,
  })
  let sum = 0
  let n = 0
  for await (const { value } of messages) {
    sum += value.toString('utf8').length
    if (++n === total) break
  }
  await own.close(true)
  return sum
}

async function timed(work: () => Promise<number>): Promise<number> {
  const start = performance.now()
  assert.equal(await work(), total * RECORD_BYTES)
  return performance.now() - start
}

console.log(
  `Node ${process.version}, ${cpus()[0]?.model}, ${total} records of ${RECORD_BYTES} B, ${ROUNDS} rounds`,
)
const times: Readonly<Record<'bare' | 'ours' | 'stream' | 'one' | 'two', number>>[] = []
for (let round = 0; round <= ROUNDS; round++) {
  const took = {
    bare: await timed(bare),
    ours: await timed(() => ours(sc)),
    stream: await timed(() => stream(round)),
    one: await timed(() => ours(one)),
    two: await timed(() => ours(two)),
  }
  if (round > 0) times.push(took)
}
const rate = (ms: number): string => `${Math.round(total / ms)} k records/s`
const spread = (ratios: readonly number[]): string => {
  const sorted = [...ratios].sort((a, b) => a - b)
  return `${median(sorted).toFixed(2)} (${sorted[0]!.toFixed(2)} to ${sorted.at(-1)!.toFixed(2)})`
}
console.log(`  bare fetch   ${rate(median(times.map(t => t.bare)))}`)
console.log(`  bare stream  ${rate(median(times.map(t => t.stream)))}`)
console.log(`  Kindling     ${rate(median(times.map(t => t.ours)))}`)
console.log(`  ratio ${spread(times.map(t => t.bare / t.ours))} × the bare fetch; goal 0.80; sums equal`)
console.log(`  ratio ${spread(times.map(t => t.stream / t.ours))} × the bare stream`)
console.log(`  two workers ${spread(times.map(t => t.one / t.two))} × one`)
await Promise.all([consumer.close(), sc.stop(), one.stop(), two.stop()])
