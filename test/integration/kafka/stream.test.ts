/** Kafka streams over a real broker, on the machine's clock. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { inspect } from 'node:util'
import { milliseconds, StreamingContext } from 'kindling'
import {
  ConsumerStrategies,
  type ConsumerStrategy,
  hasOffsetRanges,
  type KafkaParams,
  KafkaUtils,
  LocationStrategies,
} from 'kindling/connectors/kafka'
import { until } from 'kindling/testing'
import { KafkaTopics } from '../../services/kafka.ts'
import { ownServer, service } from '../../services/service.ts'

const kafka = service('kafka')
type Text = string | undefined

/** A stream that gathers values and warnings. */
class Gathering implements AsyncDisposable {
  readonly values: Text[] = []
  readonly log: string[] = []
  readonly ssc: StreamingContext
  readonly stream: ReturnType<typeof KafkaUtils.createDirectStream<Text, Text>>

  constructor(strategy: ConsumerStrategy<Text, Text>, checkpoint?: string) {
    const write = (line: string) => void this.log.push(line)
    this.ssc = new StreamingContext({
      master: 'local[2]',
      batchDuration: milliseconds(100),
      logger: { debug: write, info: write, warn: write, error: write },
    })
    if (checkpoint !== undefined) this.ssc.checkpoint(checkpoint)
    this.stream = KafkaUtils.createDirectStream(this.ssc, LocationStrategies.PreferConsistent, strategy)
    this.stream
      .map(({ value }) => value)
      .foreachRDD(async rdd => void this.values.push(...(await rdd.collect())))
  }

  /** Resolves once so many values came; fails when the stream does. */
  async have(n: number, timeoutMs = 30_000): Promise<void> {
    const failed = this.ssc.awaitTermination()
    failed.catch(() => {})
    const enough = until(() => this.values.length >= n, { timeoutMs })
    await Promise.race([enough, failed.then(() => enough)])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.ssc.stop()
  }
}

describe('a Kafka stream over a broker', { skip: kafka.skip }, () => {
  let topics: KafkaTopics
  const folder = mkdtempSync(join(tmpdir(), 'kindling-kafka-'))
  before(() => {
    topics = new KafkaTopics(kafka.connection.brokers)
  })
  after(async () => {
    rmSync(folder, { recursive: true, force: true })
    await topics?.[Symbol.asyncDispose]()
  })
  const params = (more: Partial<KafkaParams> = {}): KafkaParams => ({
    bootstrapServers: kafka.connection.brokers,
    autoOffsetReset: 'earliest',
    requestTimeout: '5s',
    metadataMaxAge: 0,
    ...more,
  })

  it('has what is there and what comes, and new partitions', async () => {
    const topic = await topics.topic()
    await topics.send(topic, 0, ['a', 'b'])
    await using gathering = new Gathering(ConsumerStrategies.Subscribe([topic], params()))
    await gathering.ssc.start()
    await gathering.have(2)
    await topics.admin.createPartitions({ topics: [{ name: topic, count: 2, assignments: null }] })
    await until(
      () =>
        topics.send(topic, 1, ['c']).then(
          () => true,
          () => false,
        ),
      { timeoutMs: 20_000 },
    )
    await gathering.have(3)
    assert.deepEqual(gathering.values, ['a', 'b', 'c'])
  })

  it('finds topics that match a pattern and are made later', async () => {
    const topic = await topics.topic()
    const pattern = new RegExp(`${topic}(-.*)?`)
    await using gathering = new Gathering(
      ConsumerStrategies.SubscribePattern(pattern, params({ autoOffsetReset: 'latest' })),
    )
    await gathering.ssc.start()
    await topics.create(`${topic}-later`)
    await topics.send(`${topic}-later`, 0, ['a', 'b'])
    await gathering.have(2)
    assert.deepEqual(gathering.values, ['a', 'b'])
  })

  it('stores the offsets of a group, at which another program begins', async () => {
    const topic = await topics.topic(2)
    const groupId = `group-of-${topic}`
    await topics.send(topic, 0, ['a', 'b'])
    await topics.send(topic, 1, ['c'])
    {
      await using gathering = new Gathering(ConsumerStrategies.Subscribe([topic], params({ groupId })))
      const { stream } = gathering
      let stored = 0
      stream.foreachRDD(async rdd => {
        assert.ok(hasOffsetRanges(rdd))
        await stream.commitAsync(rdd.offsetRanges)
        stored++
      })
      await gathering.ssc.start()
      await gathering.have(3)
      await until(() => stored > 1)
    }
    await topics.send(topic, 0, ['d'])
    await using gathering = new Gathering(
      ConsumerStrategies.Subscribe([topic], params({ groupId, autoOffsetReset: 'none' })),
    )
    await gathering.ssc.start()
    await gathering.have(1)
    assert.deepEqual(gathering.values, ['d'])
  })

  it('does not start over a topic that there is not', async () => {
    await using gathering = new Gathering(ConsumerStrategies.Subscribe(['no-such-topic'], params()))
    await assert.rejects(gathering.ssc.start(), { code: 'KAFKA_TOPIC_NOT_FOUND', message: /no-such-topic/ })
  })

  it('waits a moment for a topic that is being made', async () => {
    const topic = `made-${process.pid}-${Date.now()}`
    await using gathering = new Gathering(ConsumerStrategies.Subscribe([topic], params()))
    const started = gathering.ssc.start()
    await topics.create(topic)
    await started
    await topics.send(topic, 0, ['a'])
    await until(() => gathering.values.length === 1)
    assert.deepEqual(gathering.values, ['a'])
  })

  it('does not start with a wrong password, which is told nowhere', async () => {
    const topic = await topics.topic()
    const { saslBrokers, scramUser, scramPassword } = kafka.connection
    const withPassword = (password: string): KafkaParams =>
      params({
        bootstrapServers: saslBrokers,
        sasl: { mechanism: 'SCRAM-SHA-256', username: scramUser, password },
      })
    await using refused = new Gathering(
      ConsumerStrategies.Subscribe([topic], withPassword('wrong-hush-hush')),
    )
    await assert.rejects(refused.ssc.start(), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'KAFKA_ACCESS_DENIED')
      assert.doesNotMatch(inspect([error, refused.log], { depth: 20 }), /hush/)
      return true
    })

    // Nor is the right one, in what is saved.
    const checkpoint = join(folder, 'secret')
    await using gathering = new Gathering(
      ConsumerStrategies.Subscribe([topic], withPassword(scramPassword)),
      checkpoint,
    )
    await topics.send(topic, 0, ['a'])
    await gathering.ssc.start()
    await gathering.have(1)
    await gathering.ssc.stop()
    const files = readdirSync(checkpoint, { recursive: true, withFileTypes: true }).filter(file =>
      file.isFile(),
    )
    assert.ok(files.some(file => file.name.endsWith('.plan')))
    for (const file of files) {
      const text = readFileSync(join(file.parentPath, file.name), 'latin1')
      assert.ok(!text.includes(scramPassword) && !text.includes(scramUser), file.name)
    }
    assert.ok(!gathering.log.join().includes(scramPassword))
  })

  it('goes on by itself when the broker was killed and is back, with each record once', async () => {
    await using server = ownServer('kafka')
    const { brokers } = await server.start()
    await using own = new KafkaTopics(brokers)
    const topic = await own.topic(2)
    await own.send(topic, 0, ['a', 'b'])
    const strategy = ConsumerStrategies.Subscribe([topic], params({ bootstrapServers: brokers }))
    await using gathering = new Gathering(strategy)
    await gathering.ssc.start()
    await gathering.have(2)

    await server.end('SIGKILL')
    const isTold = () => gathering.log.some(line => /does not answer/.test(line))
    await until(isTold, { timeoutMs: 20_000 })
    await server.start()
    await own.send(topic, 1, ['c', 'd'])
    await own.send(topic, 0, ['e'])
    await gathering.have(5, 60_000)
    assert.deepEqual([...gathering.values].sort(), ['a', 'b', 'c', 'd', 'e'])
    assert.ok(gathering.log.some(line => /answers again/.test(line)))
    assert.equal(gathering.log.filter(line => /does not answer/.test(line)).length, 1)
  })
})
