/** A program that counts the records of a topic, killed with SIGKILL again and again while records come, and its broker too. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { until } from 'kindling/testing'
import { KafkaTopics } from '../../services/kafka.ts'
import { ownServer, service } from '../../services/service.ts'

const root = join(import.meta.dirname, '../../..')
const dir = mkdtempSync(join(tmpdir(), 'kindling-kafka-killed-'))
let child: ChildProcess | undefined
after(() => {
  child?.kill('SIGKILL')
  rmSync(dir, { recursive: true, force: true })
})

const KILLS = 6
const KEYS = 5

const program = (brokers: string, topic: string) => `
import { appendFileSync } from 'node:fs'
import { milliseconds, StreamingContext } from '${join(root, 'src/index.ts')}'
import { ConsumerStrategies, KafkaUtils, LocationStrategies } from '${join(root, 'src/connectors/kafka/index.ts')}'

const params = { bootstrapServers: '${brokers}', autoOffsetReset: 'earliest' }
const ssc = await StreamingContext.getOrCreate('checkpoint', () => {
  const ssc = new StreamingContext({ master: 'local[2]', batchDuration: milliseconds(100) })
  KafkaUtils.createDirectStream(ssc, LocationStrategies.PreferConsistent, ConsumerStrategies.Subscribe(['${topic}'], params))
    .map(({ value }) => [value, 1])
    .updateStateByKey((ones, count = 0) => count + ones.length)
    .uid('counts')
    .checkpoint(milliseconds(500))
    .foreachRDD(async (rdd, time) => {
      const counts = (await rdd.collect()).sort(([a], [b]) => (a < b ? -1 : 1))
      appendFileSync('out', time.milliseconds + ' ' + JSON.stringify(counts) + '\\n')
    })
  return ssc
})
await ssc.start()
await ssc.awaitTermination()
`

function lines(): string[] {
  const out = join(dir, 'out')
  return existsSync(out) ? readFileSync(out, 'utf8').split('\n').slice(0, -1) : []
}

function start(): void {
  child = spawn(process.execPath, ['--conditions=source', 'app.ts'], {
    cwd: dir,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
}

async function kill(): Promise<void> {
  const gone = new Promise(resolve => child!.on('exit', resolve))
  child!.kill('SIGKILL')
  await gone
}

describe('a program over Kafka that is killed', { skip: service('kafka').skip }, () => {
  it('counts every record once, and gives the same for every batch that it repeats', async () => {
    await using server = ownServer('kafka')
    const { brokers } = await server.start()
    await using topics = new KafkaTopics(brokers)
    const topic = await topics.topic(3)
    writeFileSync(join(dir, 'app.ts'), program(brokers, topic))

    let sent = 0
    let isOver = false
    const sending = (async () => {
      while (!isOver) {
        const records = Array.from({ length: 30 }, (_, i) => `k${(sent + i) % KEYS}`)
        await topics.send(topic, sent % 3, records)
        sent += records.length
      }
    })()
    const total = () => {
      const counts = JSON.parse(lines().at(-1)?.replace(/^\d+ /, '') ?? '[]') as [string, number][]
      return counts.reduce((sum, [, count]) => sum + count, 0)
    }
    for (let n = 0; n < KILLS; n++) {
      const before = lines().length
      start()
      // Killed at another point of its life each time; once its broker is, under it.
      await until(() => lines().length > before + n, { timeoutMs: 120_000 })
      if (n === KILLS / 2) {
        await server.end('SIGKILL')
        await server.start()
      }
      await kill()
    }
    isOver = true
    await sending
    start()
    await until(() => total() >= sent, { timeoutMs: 120_000 })
    await kill()

    const counts = JSON.parse(lines().at(-1)!.replace(/^\d+ /, '')) as [string, number][]
    assert.deepEqual(
      counts,
      Array.from({ length: KEYS }, (_, i) => [`k${i}`, sent / KEYS]),
    )
    const byTime = new Map<string, string>()
    for (const line of lines()) {
      const [time, result] = line.split(/ (.*)/) as [string, string]
      assert.equal(byTime.get(time) ?? result, result, `batch ${time} gives the same again`)
      byTime.set(time, result)
    }
  })
})
