/** A broker whose disk is full ends itself, as it may not go on without its log; a program goes on by itself when it is back. */
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { kafkaSink } from 'kindling/connectors/kafka'
import { until } from 'kindling/testing'
import { KafkaTopics } from '../../services/kafka.ts'
import { ownServer, service } from '../../services/service.ts'
import { committedTexts } from '../../support/kafka-records.ts'
import { noSmallDisks, SmallDisk } from '../../support/small-disk.ts'
import { BATCHES, WordProgram } from '../../support/word-program.ts'

const kafka = service('kafka')
const DISK_BYTES = 64 << 20

describe('Kafka whose disk is full', { skip: kafka.skip || noSmallDisks }, () => {
  it('has every record once when there is room again', { timeout: 150_000 }, async () => {
    await using server = ownServer('kafka')
    await server.start()
    await server.end()
    const data = join(server.folder, 'data')
    renameSync(data, `${data}.there`)
    mkdirSync(data)
    await using disk = new SmallDisk(data, { bytes: DISK_BYTES })
    cpSync(`${data}.there`, data, { recursive: true })
    const { brokers } = await server.start()
    await using topics = new KafkaTopics(brokers)
    const topic = await topics.topic(2)
    const sink = kafkaSink<[string]>({
      ...{ bootstrapServers: brokers, topic, delivery: 'exactly-once' },
      value: ([word]) => word,
    })
    await using program = new WordProgram(sink, { master: 'local', batchMs: 500 })
    await program.start()
    program.release(2)
    await program.reaches(() => program.done === 2)
    await disk.fill()
    program.release(3)
    await program.reaches(() => server.state().kind === 'broken')
    assert.equal(program.done, 2, 'the batch waits')
    disk.free()
    await server.start()
    program.release(BATCHES.length)
    await program.reaches(() => program.done === BATCHES.length)
    await until(async () => (await committedTexts(brokers, topic)).length >= BATCHES.flat().length)
    assert.deepEqual(await committedTexts(brokers, topic), BATCHES.flat().toSorted())
    await server.end('SIGKILL')
  })
})
