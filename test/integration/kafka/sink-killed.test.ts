/** A program from Kafka to Kafka, exactly once, whose process is killed: within the steps of a transaction, and while records come. */
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { until } from 'kindling/testing'
import { KafkaTopics } from '../../services/kafka.ts'
import { ownServer, service } from '../../services/service.ts'
import { committedTexts } from '../../support/kafka-records.ts'
import { KilledProgram } from '../../support/killed-program.ts'

const kafka = service('kafka')
const source = (file: string): string => join(import.meta.dirname, '../../../src', file)
/** The library tells of each request under this name. */
const REQUESTS = 'plt:kafka:connections:api'
const ARMED = 'armed'
const KILLS = 4

/** Requests of the protocol, by their keys, that a transaction is made of. */
const requests = { InitProducerId: 22, AddPartitionsToTxn: 24, Produce: 0, EndTxn: 26 }
const moments = { sent: 'end', answered: 'asyncStart' } as const

const programOver = (brokers: string, from: string, to: string, extra = ''): string => `
import { subscribe } from 'node:diagnostics_channel'
import { existsSync, readFileSync } from 'node:fs'
import { milliseconds, StreamingContext } from '${source('index.ts')}'
import { ConsumerStrategies, KafkaUtils, kafkaSink, LocationStrategies } from '${source('connectors/kafka/index.ts')}'
${extra}
const ssc = await StreamingContext.getOrCreate('checkpoint', () => {
  const ssc = new StreamingContext({ master: 'local[2]', batchDuration: milliseconds(100) })
  const params = { bootstrapServers: '${brokers}', autoOffsetReset: 'earliest' }
  const sink = kafkaSink({
    bootstrapServers: '${brokers}', topic: '${to}', delivery: 'exactly-once',
    stagingTopic: '${to}-staging', tokenTopic: '${to}-tokens',
  })
  KafkaUtils.createDirectStream(
    ssc, LocationStrategies.PreferConsistent, ConsumerStrategies.Subscribe(['${from}'], params))
    .uid('from')
    .map(({ value }) => value)
    .writeTo(sink, { id: 'to', require: 'exactly-once' })
  return ssc
})
await ssc.start()
await ssc.awaitTermination()
`

/** The process is no more at the moment of a transaction that the file names. */
const dying = `
const armed = existsSync('${ARMED}') ? readFileSync('${ARMED}', 'utf8') : ''
const names = new Map(${JSON.stringify(Object.entries(requests).map(([name, key]) => [key, name]))})
let isInTransaction = false
for (const [moment, event] of ${JSON.stringify(Object.entries(moments))})
  subscribe('tracing:${REQUESTS}:' + event, ({ apiKey }) => {
    isInTransaction ||= apiKey === ${requests.AddPartitionsToTxn}
    // Staged records are sent without a transaction.
    if (apiKey === ${requests.Produce} && !isInTransaction) return
    if (armed === names.get(apiKey) + ' ' + moment) process.kill(process.pid, 'SIGKILL')
  })
`

describe('a program from Kafka to Kafka that is killed', { skip: kafka.skip }, () => {
  let topics: KafkaTopics
  before(() => {
    topics = new KafkaTopics(kafka.connection.brokers)
  })
  after(() => topics?.[Symbol.asyncDispose]())

  it('writes every record once, whatever was sent or answered last', { timeout: 180_000 }, async () => {
    const { brokers } = kafka.connection
    const [from, to] = [await topics.topic(2), await topics.topic(2)]
    await using app = new KilledProgram()
    const program = programOver(brokers, from, to, dying)
    const sent: string[] = []
    for (const request of Object.keys(requests))
      for (const moment of Object.keys(moments)) {
        const point = `${request} ${moment}`
        await topics.send(from, sent.length % 2, [point])
        sent.push(point)
        writeFileSync(join(app.dir, ARMED), point)
        app.start(program)
        assert.equal(await app.ended(), 'SIGKILL', `the fault has hit: ${point}`)
      }
    rmSync(join(app.dir, ARMED))
    app.start(program)
    let seen: string[] = []
    const isThere = async (): Promise<boolean> => {
      seen = await committedTexts(brokers, to)
      return seen.length >= sent.length
    }
    await until(isThere, { timeoutMs: 60_000 })
    await app.kill()
    assert.deepEqual(seen, sent.sort())
  })

  it('writes every record once, its broker killed too', { timeout: 300_000 }, async () => {
    await using server = ownServer('kafka')
    await using app = new KilledProgram()
    const { brokers } = await server.start()
    await using topics = new KafkaTopics(brokers)
    const [from, to] = [await topics.topic(3), await topics.topic(3)]
    const program = programOver(brokers, from, to)

    const sent: string[] = []
    const send = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) {
        const records = Array.from({ length: 30 }, (_, k) => `${sent.length + k}`)
        await topics.send(from, i % 3, records)
        sent.push(...records)
      }
    }
    const ends = async (): Promise<number> => {
      const each = await Promise.all([0, 1, 2].map(partition => topics.end(to, partition)))
      return each.reduce((sum, end) => sum + end, 0)
    }
    for (let n = 0; n < KILLS; n++) {
      const before = await ends()
      app.start(program)
      const sending = send()
      // Seen as soon as it is being written: the transaction is on its way, or has just been committed.
      await until(async () => (await ends()) > before, { timeoutMs: 120_000 })
      if (n === KILLS / 2) {
        await server.end('SIGKILL')
        await server.start()
      }
      await app.kill()
      await sending
    }
    app.start(program)
    let seen: string[] = []
    const isThere = async (): Promise<boolean> => {
      seen = await committedTexts(brokers, to)
      return seen.length >= sent.length
    }
    await until(isThere, { timeoutMs: 120_000 })
    await app.kill()
    assert.deepEqual(seen, [...sent].sort())
  })
})
