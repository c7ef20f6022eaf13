/** Planning and restarts of Kafka streams, on the virtual clock and a cluster in memory. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seconds } from 'kindling'
import {
  ConsumerStrategies,
  type ConsumerStrategy,
  hasOffsetRanges,
  type KafkaParams,
  LocationStrategies,
  type LocationStrategy,
  type LostRange,
  type PerPartitionConfig,
} from 'kindling/connectors/kafka'
import { StreamTest, type StreamTestOptions } from 'kindling/testing'
import { DirectKafkaSource } from '../../../src/connectors/kafka/direct-source.ts'
import { StreamingProgress } from '../../../src/status/streaming-progress.ts'
import { INLINE } from '../../support/backends.ts'
import { FakeKafka } from '../../support/fake-kafka.ts'

const params: KafkaParams = { bootstrapServers: 'fake:1', autoOffsetReset: 'earliest' }
const subscribe = (more: Partial<KafkaParams> = {}, topics = ['t']): ConsumerStrategy<unknown, unknown> =>
  ConsumerStrategies.Subscribe(topics, { ...params, ...more }) as ConsumerStrategy<unknown, unknown>

interface Made extends Partial<StreamTestOptions> {
  readonly strategy?: ConsumerStrategy<unknown, unknown>
  readonly perPartition?: PerPartitionConfig
  readonly locations?: LocationStrategy
}

/** A program that collects the values, and the ranges of each batch. */
function program(
  kafka: FakeKafka,
  { strategy = subscribe(), perPartition = {}, locations, conf = {}, ...more }: Made = {},
) {
  const ranges: string[] = []
  const lost: LostRange[] = []
  const progress = new StreamingProgress()
  const t = new StreamTest({
    master: 'local[2]',
    conf: { ...INLINE, ...conf },
    build(t) {
      const source = new DirectKafkaSource({
        key: 'fake',
        strategy,
        locations: locations ?? LocationStrategies.PreferConsistent,
        perPartition,
        lease: kafka.lease,
      })
      const stream = t.ssc.directStream(source)
      t.collect(
        'out',
        stream.map(({ value }) => value as string),
      )
      stream.foreachRDD(rdd => {
        assert.ok(hasOffsetRanges(rdd))
        ranges.push(rdd.offsetRanges.join('; '))
      })
      t.ssc.addStreamingListener(progress)
      t.ssc.addStreamingListener({
        onBatchSubmitted: ({ batchInfo }) => {
          for (const { metadata } of batchInfo.streamIdToInputInfo.values())
            lost.push(...((metadata['lost'] as LostRange[] | undefined) ?? []))
        },
      })
    },
    ...more,
  })
  return { t, ranges, lost, progress }
}

describe('a Kafka stream', () => {
  it('has each record once, partition by partition, in batches whose ranges follow each other', async () => {
    const kafka = new FakeKafka().createTopic('t', 2)
    kafka.append('t', 0, ['a', 'b'])
    const { t, ranges } = program(kafka)
    await using _ = t
    await t.run(1)
    kafka.append('t', 1, ['c'])
    kafka.append('t', 0, ['d'])
    await t.run(2)
    assert.deepEqual(t.out('out').batches, [['a', 'b'], ['d', 'c'], []])
    assert.deepEqual(ranges, [
      't-0: 0 to 2; t-1: 0 to 0',
      't-0: 2 to 3; t-1: 0 to 1',
      't-0: 3 to 3; t-1: 1 to 1',
    ])
  })

  it('counts the records of a batch, and says how far behind it is, in records and time', async () => {
    const kafka = new FakeKafka().createTopic('t', 2)
    kafka.append('t', 0, ['a', 'b', 'c', 'd', 'e'])
    const { t, progress } = program(kafka, { perPartition: { maxRatePerPartition: () => 2 } })
    await using _ = t
    await t.run(1)
    assert.equal(progress.snapshot().totalRecords, 2)
    assert.deepEqual(progress.snapshot().lag, [
      { name: 't-0', records: 3, ms: undefined },
      { name: 't-1', records: 0, ms: 0 },
    ])
    await t.run(1)
    // The last record read has the time 1001 and it is 2 s.
    assert.deepEqual(progress.snapshot().lag[0], { name: 't-0', records: 1, ms: 999 })
    await t.run(1)
    assert.deepEqual(progress.snapshot().lag[0], { name: 't-0', records: 0, ms: 0 })
  })

  for (const [title, more, expected] of [
    ['after the last record', { autoOffsetReset: 'latest' }, ['new']],
    ['at the first record', { autoOffsetReset: 'earliest' }, ['a', 'b', 'c', 'new']],
    ['at the first record of a time', { autoOffsetReset: { timestamp: 1002 } }, ['c', 'new']],
    ['at a date', { autoOffsetReset: { timestamp: new Date(1001) } }, ['b', 'c', 'new']],
    ['where its group was', { groupId: 'g' }, ['b', 'c', 'new']],
    ['where a group without offsets has none', { groupId: 'other' }, ['a', 'b', 'c', 'new']],
  ] as const)
    it(`begins ${title}`, async () => {
      const kafka = new FakeKafka().createTopic('t')
      kafka.append('t', 0, ['a', 'b', 'c'])
      kafka.groups.set('g', new Map([['t-0', 1]]))
      const { t } = program(kafka, { strategy: subscribe(more) })
      await using _ = t
      await t.run(0)
      kafka.append('t', 0, ['new'])
      await t.run(1)
      assert.deepEqual(t.out('out').batches, [expected])
    })

  it('begins at given offsets rather than at those of its group', async () => {
    const kafka = new FakeKafka().createTopic('t', 2)
    for (const partition of [0, 1]) kafka.append('t', partition, ['a', 'b', 'c'])
    kafka.groups.set(
      'g',
      new Map([
        ['t-0', 1],
        ['t-1', 1],
      ]),
    )
    const given = [{ topic: 't', partition: 0, offset: 2 }]
    const { t } = program(kafka, {
      strategy: ConsumerStrategies.Subscribe(['t'], { ...params, groupId: 'g' }, given) as ConsumerStrategy<
        unknown,
        unknown
      >,
    })
    await using _ = t
    await t.run(1)
    assert.deepEqual(t.out('out').batches, [['c', 'b', 'c']])
  })

  it('does not start without an offset when none is to be chosen', async () => {
    const kafka = new FakeKafka().createTopic('t')
    const { t } = program(kafka, { strategy: subscribe({ autoOffsetReset: 'none', groupId: 'g' }) })
    await using _ = t
    await assert.rejects(t.run(1), { code: 'KAFKA_NO_OFFSET', message: /t-0.*group g/ })
    assert.equal(kafka.openLeases, 0)
  })

  it('does not start over a topic that there is not', async () => {
    const { t } = program(new FakeKafka())
    await using _ = t
    await assert.rejects(t.run(1), { code: 'KAFKA_TOPIC_NOT_FOUND', message: /no topic or partition t,/ })
  })

  it('reads partitions that are added, and topics that a pattern finds, from their beginning', async () => {
    const kafka = new FakeKafka().createTopic('clicks-a').createTopic('other')
    kafka.append('clicks-a', 0, ['old'])
    const strategy = ConsumerStrategies.SubscribePattern(/clicks-./, {
      ...params,
      autoOffsetReset: 'latest',
      metadataMaxAge: '2s',
    })
    const { t } = program(kafka, { strategy: strategy as ConsumerStrategy<unknown, unknown> })
    await using _ = t
    await t.run(1)
    kafka.createTopic('clicks-b').addPartition('clicks-a')
    kafka.createTopic('no-clicks-b')
    for (const [topic, partition] of [
      ['clicks-a', 0],
      ['clicks-a', 1],
      ['clicks-b', 0],
      ['no-clicks-b', 0],
    ] as const)
      kafka.append(topic, partition, [`${topic} ${partition}`])
    await t.run(2)
    assert.deepEqual(t.out('out').batches.flat(), ['clicks-a 0', 'clicks-a 1', 'clicks-b 0'])
  })

  it('reads only the partitions that it was assigned', async () => {
    const kafka = new FakeKafka().createTopic('t', 3)
    for (const partition of [0, 1, 2]) kafka.append('t', partition, [`p${partition}`])
    const partitions = [2, 0].map(partition => ({ topic: 't', partition }))
    const strategy = ConsumerStrategies.Assign(partitions, params) as ConsumerStrategy<unknown, unknown>
    const { t } = program(kafka, { strategy })
    await using _ = t
    await t.run(1)
    assert.deepEqual(t.out('out').batches, [['p0', 'p2']])
  })

  it('names assigned partitions that there are not', async () => {
    const strategy = ConsumerStrategies.Assign([{ topic: 't', partition: 4 }], params)
    const { t } = program(new FakeKafka().createTopic('t'), {
      strategy: strategy as ConsumerStrategy<unknown, unknown>,
    })
    await using _ = t
    await assert.rejects(t.run(1), { code: 'KAFKA_TOPIC_NOT_FOUND', message: /t-4/ })
  })

  for (const [title, locations, expected] of [
    ['anywhere', LocationStrategies.PreferConsistent, [[], []]],
    ['where the leader is', LocationStrategies.PreferBrokers, [['broker-0'], ['broker-1']]],
    ['where it was said', LocationStrategies.PreferFixed([[{ topic: 't', partition: 1 }, 'h']]), [[], ['h']]],
  ] as const)
    it(`prefers to be read ${title}`, async () => {
      const found: (readonly string[])[] = []
      const { t } = program(new FakeKafka().createTopic('t', 2), {
        build(t) {
          const source = new DirectKafkaSource({
            key: 'fake',
            strategy: subscribe(),
            locations,
            perPartition: {},
            lease: new FakeKafka().createTopic('t', 2).lease,
          })
          t.ssc.directStream(source).foreachRDD(rdd => {
            found.push(...rdd.partitions.map(partition => rdd.preferredLocations(partition.index)))
          })
        },
      })
      await using _ = t
      await t.run(1)
      assert.deepEqual(found, expected)
    })
})

describe('the rate of a Kafka stream', () => {
  const backlog = (n: number) => {
    const kafka = new FakeKafka().createTopic('t')
    kafka.append(
      't',
      0,
      Array.from({ length: n }, (_, i) => String(i)),
    )
    return kafka
  }
  for (const [title, conf, expected] of [
    ['is bounded before the first estimate', {}, 't-0: 0 to 100000'],
    ['begins where it is told', { 'spark.streaming.backpressure.initialRate': 30 }, 't-0: 0 to 30'],
    [
      'has no bound without back-pressure',
      { 'spark.streaming.backpressure.enabled': false },
      't-0: 0 to 150000',
    ],
    ['has a maximum for each partition', { 'spark.streaming.kafka.maxRatePerPartition': 7 }, 't-0: 0 to 7'],
    [
      'has a minimum for each partition',
      { 'spark.streaming.backpressure.initialRate': 1, 'spark.streaming.kafka.minRatePerPartition': 12 },
      't-0: 0 to 12',
    ],
  ] as const)
    it(title, async () => {
      const { t, ranges } = program(backlog(150_000), { conf })
      await using _ = t
      await t.run(1)
      assert.deepEqual(ranges, [expected])
    })

  it('of single partitions goes before the settings', async () => {
    const { t, ranges } = program(backlog(100), {
      conf: { 'spark.streaming.kafka.maxRatePerPartition': 7 },
      perPartition: { maxRatePerPartition: () => 9 },
    })
    await using _ = t
    await t.run(1)
    assert.deepEqual(ranges, ['t-0: 0 to 9'])
  })
})

describe('a Kafka cluster that does not answer', () => {
  it('holds up the stream, which is told once, and goes on where it was', async () => {
    const kafka = new FakeKafka().createTopic('t')
    kafka.append('t', 0, ['a'])
    const { t, ranges } = program(kafka)
    await using _ = t
    await t.run(1)
    kafka.isDown = true
    await t.run(3)
    kafka.isDown = false
    kafka.append('t', 0, ['b'])
    await t.run(1)
    assert.deepEqual(t.out('out').batches, [['a'], [], [], [], ['b']])
    assert.deepEqual(ranges.slice(1), ['t-0: 1 to 1', 't-0: 1 to 1', 't-0: 1 to 1', 't-0: 1 to 2'])
    assert.equal(t.warnings.filter(text => /does not answer/.test(text)).length, 1)
    assert.deepEqual(t.errors, [])
  })

  it('at the start is an error, once the time of a request is over', async () => {
    const kafka = new FakeKafka().createTopic('t')
    kafka.isDown = true
    const { t } = program(kafka, { strategy: subscribe({ requestTimeout: '10ms' }) })
    await using _ = t
    await assert.rejects(t.run(1), { code: 'KAFKA_UNREACHABLE' })
    assert.equal(kafka.openLeases, 0)
  })
})

describe('records that are gone', () => {
  const withRetention = () => {
    const kafka = new FakeKafka().createTopic('t')
    for (const value of ['a', 'b', 'c', 'd', 'e']) kafka.append('t', 0, [value])
    return kafka
  }
  const slow = { maxRatePerPartition: () => 1 }

  it('before they were planned fail the batch, by default', async () => {
    const kafka = withRetention()
    const { t } = program(kafka, { perPartition: slow, conf: { 'kindling.streaming.failurePolicy': 'stop' } })
    await using _ = t
    await t.run(1)
    kafka.removeBefore('t', 0, 3)
    await assert.rejects(t.run(1), { code: 'KAFKA_DATA_LOST', message: /t-0 from offset 1 to 3 are gone/ })
  })

  it('are skipped and listed with onDataLoss skip', async () => {
    const kafka = withRetention()
    const { t, lost } = program(kafka, { strategy: subscribe({ onDataLoss: 'skip' }), perPartition: slow })
    await using _ = t
    await t.run(1)
    kafka.removeBefore('t', 0, 3)
    await t.run(2)
    assert.deepEqual(t.out('out').batches, [['a'], ['d'], ['e']])
    const reason = 'they were removed, as the retention of the topic says'
    assert.deepEqual(lost, [{ topic: 't', partition: 0, fromOffset: 1, untilOffset: 3, reason }])
    assert.equal(t.warnings.filter(text => /t-0: records from 1 to 3 are skipped/.test(text)).length, 1)
  })

  for (const [title, change, reason] of [
    [
      'with the end of their log',
      (kafka: FakeKafka) => kafka.cutOff('t', 0, 1),
      /from offset 1 to 2.*cut off and ends at 1/,
    ],
    [
      'with their topic, which was made again',
      (kafka: FakeKafka) => kafka.createTopic('t'),
      /from offset 2 to 5.*made again/,
    ],
  ] as const)
    it(`${title} are a loss`, async () => {
      const kafka = withRetention()
      const { t } = program(kafka, { perPartition: slow, strategy: subscribe({ metadataMaxAge: '1s' }) })
      await using _ = t
      await t.run(2)
      change(kafka)
      await assert.rejects(t.run(1), { code: 'KAFKA_DATA_LOST', message: reason })
    })

  it('with their topic, that a pattern had found, are skipped, and the topic made again is read', async () => {
    const kafka = withRetention()
    const strategy = ConsumerStrategies.SubscribePattern(/t/, {
      ...params,
      onDataLoss: 'skip',
      metadataMaxAge: '1s',
    })
    const { t, lost } = program(kafka, {
      strategy: strategy as ConsumerStrategy<unknown, unknown>,
      perPartition: slow,
    })
    await using _ = t
    await t.run(2)
    kafka.deleteTopic('t')
    await t.run(1)
    kafka.createTopic('t').append('t', 0, ['z'])
    await t.run(1)
    assert.deepEqual(t.out('out').batches, [['a'], ['b'], [], ['z']])
    assert.deepEqual(
      lost.map(({ fromOffset, untilOffset, reason }) => [fromOffset, untilOffset, reason]),
      [[2, 5, 'the topic was deleted']],
    )
  })

  it('with a topic of which all was read are none', async () => {
    const kafka = new FakeKafka().createTopic('t').createTopic('u')
    kafka.append('t', 0, ['a'])
    const strategy = ConsumerStrategies.SubscribePattern(/./, { ...params, metadataMaxAge: '1s' })
    const { t, lost } = program(kafka, { strategy: strategy as ConsumerStrategy<unknown, unknown> })
    await using _ = t
    await t.run(1)
    kafka.deleteTopic('t')
    await t.run(1)
    assert.deepEqual(lost, [])
    assert.deepEqual(t.errors, [])
  })
})

describe('a Kafka stream with a checkpoint', () => {
  const saved = { checkpointDir: true } as const

  it('goes on after a crash with the ranges that were planned, and those that were missed', async () => {
    const kafka = new FakeKafka().createTopic('t', 2)
    kafka.append('t', 0, ['a', 'b'])
    const { t, ranges } = program(kafka, { ...saved, strategy: subscribe({ autoOffsetReset: 'latest' }) })
    await using _ = t
    await t.run(0)
    kafka.append('t', 0, ['c'])
    await t.run(1)
    kafka.append('t', 1, ['d'])
    await t.crashAndRestart({ downFor: seconds(3) })
    kafka.append('t', 1, ['e'])
    await t.run(1)
    assert.deepEqual(t.out('out').batches.flat(), ['c', 'd', 'e'])
    assert.deepEqual(ranges[0], 't-0: 2 to 3; t-1: 0 to 0')
    assert.deepEqual(ranges.at(-1), 't-0: 3 to 3; t-1: 1 to 2')
  })

  it('reads the same again for a batch that a crash interrupts', async () => {
    const kafka = new FakeKafka().createTopic('t')
    kafka.append('t', 0, ['a', 'b'])
    const { t } = program(kafka, saved)
    await using _ = t
    t.crashAt('task', { nth: 1 })
    await t.run(1)
    kafka.append('t', 0, ['c'])
    await t.crashAndRestart()
    await t.run(1)
    assert.deepEqual(t.out('out').batches, [['a', 'b'], ['c']])
  })

  it('begins partitions that appeared meanwhile with their first record', async () => {
    const kafka = new FakeKafka().createTopic('t')
    const { t } = program(kafka, { ...saved, strategy: subscribe({ autoOffsetReset: 'latest' }) })
    await using _ = t
    await t.run(1)
    kafka.addPartition('t')
    kafka.append('t', 1, ['a'])
    await t.crashAndRestart()
    await t.run(1)
    assert.deepEqual(t.out('out').batches.flat(), ['a'])
  })

  it('that subscribes to another topic then begins that as a first start does', async () => {
    const kafka = new FakeKafka().createTopic('t').createTopic('u')
    let strategy = subscribe({ autoOffsetReset: 'latest' })
    const build = (t: StreamTest): void => {
      const source = new DirectKafkaSource({
        key: 'fake',
        strategy,
        locations: LocationStrategies.PreferConsistent,
        perPartition: {},
        lease: kafka.lease,
      })
      t.collect(
        'out',
        t.ssc.directStream(source).map(({ value }) => value as string),
      )
    }
    await using t = new StreamTest({ ...saved, build })
    await t.run(1)
    kafka.append('u', 0, ['old'])
    kafka.append('t', 0, ['a'])
    strategy = subscribe({ autoOffsetReset: 'latest' }, ['t', 'u'])
    await t.crashAndRestart()
    await t.run(1)
    kafka.append('u', 0, ['b'])
    await t.run(1)
    assert.deepEqual(t.out('out').batches.flat(), ['a', 'b'])
  })

  it('does not need an offset to begin at', async () => {
    const kafka = new FakeKafka().createTopic('t')
    kafka.groups.set('g', new Map([['t-0', 0]]))
    const strategy = subscribe({ autoOffsetReset: 'none', groupId: 'g' })
    const { t } = program(kafka, { ...saved, strategy })
    await using _ = t
    await t.run(1)
    kafka.groups.clear()
    kafka.append('t', 0, ['a'])
    await t.crashAndRestart()
    await t.run(1)
    assert.deepEqual(t.out('out').batches.flat(), ['a'])
  })

  it('goes on from a plan of the time before there were positions', async () => {
    const kafka = new FakeKafka().createTopic('t')
    const source = new DirectKafkaSource({
      ...{ key: 'fake', strategy: subscribe(), perPartition: {}, lease: kafka.lease },
      locations: LocationStrategies.PreferConsistent,
    })
    const range = { topic: 't', partition: 0, topicId: 'id', fromOffset: 1, untilOffset: 3 }
    const place = { topic: 't', partition: 0, topicId: 'id', next: 3, end: 3 }
    const position = { subscription: 'topics t', partitions: [place] }
    assert.deepEqual(source.upgrade({ subscription: 'topics t', ranges: [range], lost: [] }), {
      ranges: [range],
      position,
    })
    const plan = { ranges: [range], position }
    assert.equal(source.upgrade(plan), plan)
  })

  it('keeps its positions while no broker answers, also over a restart', async () => {
    const kafka = new FakeKafka().createTopic('t')
    kafka.append('t', 0, ['a'])
    const { t } = program(kafka, saved)
    await using _ = t
    await t.run(1)
    kafka.isDown = true
    await t.run(2)
    kafka.isDown = false
    kafka.append('t', 0, ['b'])
    await t.crashAndRestart()
    await t.run(1)
    assert.deepEqual(t.out('out').batches.flat(), ['a', 'b'])
  })

  it('lets its connections go when it stops', async () => {
    const kafka = new FakeKafka().createTopic('t')
    kafka.append('t', 0, ['a'])
    {
      const { t } = program(kafka)
      await using _ = t
      await t.run(1)
      assert.equal(kafka.openLeases, 1)
    }
    assert.equal(kafka.openLeases, 0)
  })
})
