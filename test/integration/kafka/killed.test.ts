/** A program that counts the records of a topic, killed with SIGKILL again and again while records come, and its broker too. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { until } from 'kindling/testing'
import { KafkaTopics } from '../../services/kafka.ts'
import { ownServer, service } from '../../services/service.ts'
import { countingProgram, KilledProgram } from '../../support/killed-program.ts'

const connector = join(import.meta.dirname, '../../../src/connectors/kafka/index.ts')
const KILLS = 6
const KEYS = 5
/** Records that wait at most, so that a slow machine has no more to do than a fast one. */
const MOST_WAITING = 3000

const programOver = (brokers: string, topic: string): string =>
  countingProgram({
    imports: `import { ConsumerStrategies, KafkaUtils, LocationStrategies } from '${connector}'
const params = { bootstrapServers: '${brokers}', autoOffsetReset: 'earliest' }`,
    source: `KafkaUtils.createDirectStream(
      ssc, LocationStrategies.PreferConsistent, ConsumerStrategies.Subscribe(['${topic}'], params))
    .map(({ value }) => value)`,
  })

describe('a program over Kafka that is killed', { skip: service('kafka').skip }, () => {
  it('counts every record once, and gives the same for every batch that it repeats', async () => {
    await using server = ownServer('kafka')
    await using app = new KilledProgram()
    const { brokers } = await server.start()
    await using topics = new KafkaTopics(brokers)
    const topic = await topics.topic(3)
    const program = programOver(brokers, topic)

    const total = (): number => app.counts().reduce((sum, [, count]) => sum + count, 0)
    let sent = 0
    let isOver = false
    const sending = (async () => {
      while (!isOver) {
        const records = Array.from({ length: 30 }, (_, i) => `k${(sent + i) % KEYS}`)
        await topics.send(topic, sent % 3, records)
        sent += records.length
        await until(() => isOver || sent - total() < MOST_WAITING, { timeoutMs: 170_000 })
      }
    })()
    for (let n = 0; n < KILLS; n++) {
      const before = app.lines().length
      app.start(program)
      // Killed at another point of its life each time; once its broker is, under it.
      await until(() => app.lines().length > before + n, { timeoutMs: 120_000 })
      if (n === KILLS / 2) {
        await server.end('SIGKILL')
        await server.start()
      }
      await app.kill()
    }
    isOver = true
    await sending
    app.start(program)
    await until(() => total() >= sent, { timeoutMs: 120_000 })
    await app.kill()

    assert.deepEqual(
      app.counts(),
      Array.from({ length: KEYS }, (_, i) => [`k${i}`, sent / KEYS]),
    )
    assert.ok(app.times().length > KILLS)
  })
})
