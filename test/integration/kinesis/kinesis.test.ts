/** Streams of Kinesis, over a server that answers as it does. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { StreamingContext } from 'kindling'
import { type KinesisOptions, KinesisUtils } from 'kindling/connectors/kinesis'
import { type SourcePlace, type SourceSubject, sourceConformance, until } from 'kindling/testing'
import { KinesisStreams } from '../../services/kinesis.ts'
import { service } from '../../services/service.ts'
import { countingProgram, KilledProgram } from '../../support/killed-program.ts'
import { TcpProxy } from '../../support/tcp-proxy.ts'

const aws = service('aws')
const connector = join(import.meta.dirname, '../../../src/connectors/kinesis/index.ts')
const streamOf =
  (options: KinesisOptions): SourcePlace<string>['stream'] =>
  ssc =>
    KinesisUtils.createStream(ssc, { shardRefresh: 100, ...options }).map(({ data }) =>
      new TextDecoder().decode(data),
    )

describe('Kinesis', { skip: aws.skip }, () => {
  let streams: KinesisStreams
  before(() => {
    streams = new KinesisStreams(aws.connection)
  })
  after(() => streams?.[Symbol.dispose]())

  const subject = (): SourceSubject<string> => ({
    name: 'Kinesis',
    kind: 'direct',
    record: n => `record ${n}`,
    secrets: ['tester-secret'],
    async place() {
      const stream = await streams.stream()
      return {
        stream: streamOf(streams.options(stream)),
        send: records => streams.send(stream, records),
        addPartition: () => streams.split(stream),
      }
    },
    failures: [
      {
        what: 'an unknown stream',
        stream: ssc => streamOf(streams.options('no-such-stream'))(ssc),
        code: 'ENDPOINT_FAILED',
        message: /Kinesis at http:\/\/127\.0\.0\.1:\d+.*no-such-stream/,
      },
      {
        what: 'nobody at the address',
        stream: ssc =>
          streamOf({ ...streams.options('s'), endpoint: 'http://127.0.0.1:9', patience: 100 })(ssc),
        code: 'ENDPOINT_UNREACHABLE',
        message: /127\.0\.0\.1:9.*ECONNREFUSED/,
      },
    ],
  })
  for (const { name, run } of sourceConformance(subject())) it(name, run)

  /** What a program has of a stream, until it has so many. */
  async function read(
    options: KinesisOptions,
    n: number,
    whenStarted?: () => Promise<void>,
  ): Promise<string[]> {
    const found: string[] = []
    await using ssc = new StreamingContext({ batchDuration: 50, master: 'local[2]' })
    streamOf(options)(ssc).foreachRDD(async rdd => void found.push(...(await rdd.collect())))
    await ssc.start()
    await whenStarted?.()
    await until(() => found.length >= n)
    return found
  }

  for (const [title, initialPosition, expected] of [
    ['with the oldest record', 'TRIM_HORIZON', ['old', 'new']],
    ['with what comes after the start', 'LATEST', ['new']],
    ['at a time', { timestamp: Date.now() + 0 }, ['old', 'new']],
  ] as const)
    it(`is read from where it should begin: ${title}`, async () => {
      const stream = await streams.stream(2)
      await streams.send(stream, ['old'])
      // What came in the same millisecond as the start comes after it.
      const sentAt = Date.now()
      await until(() => Date.now() > sentAt + 1)
      const found = await read({ ...streams.options(stream), initialPosition }, expected.length, () =>
        streams.send(stream, ['new']),
      )
      assert.deepEqual(found.sort(), [...expected].sort())
    })

  it('is read in order of key over splits and merges', async () => {
    const stream = await streams.stream(2)
    const keys = ['a', 'b', 'c', 'd', 'e']
    for (const step of [1, 2, 3]) {
      if (step === 2) await streams.split(stream)
      if (step === 3) await streams.merge(stream)
      await streams.send(
        stream,
        keys.map(key => `${key}:${step}`),
      )
    }
    const found = await read(streams.options(stream), 15)
    for (const key of keys)
      assert.deepEqual(
        found.filter(text => text.startsWith(key)),
        [`${key}:1`, `${key}:2`, `${key}:3`],
      )
  })

  it('goes on by itself when the server was away, and tells so once', async () => {
    await using proxy = await new TcpProxy(Number(new URL(aws.connection.endpoint).port)).up()
    const stream = await streams.stream()
    const log: string[] = []
    const found: string[] = []
    const write = (line: string): void => void log.push(line)
    await using ssc = new StreamingContext({
      batchDuration: 100,
      logger: { debug: write, info: write, warn: write, error: write },
    })
    const options = { ...streams.options(stream), endpoint: `http://127.0.0.1:${proxy.port}` }
    streamOf(options)(ssc).foreachRDD(async rdd => void found.push(...(await rdd.collect())))
    await ssc.start()
    await streams.send(stream, ['a'])
    await until(() => found.length === 1)
    await proxy.down()
    const isTold = (line: string): boolean => /does not answer \(.*asked for stream/.test(line)
    await until(() => log.some(isTold))
    await streams.send(stream, ['b'])
    await proxy.up()
    await until(() => found.length === 2)
    assert.deepEqual(found, ['a', 'b'])
    assert.ok(log.filter(isTold).length <= 2, 'once for the plan, and once for a task at most')
    assert.ok(log.some(line => /answers again/.test(line)))
  })

  // Moto keeps all in memory, so it is the network that goes.
  for (const moment of ['of a plan', 'of a task'])
    it(`has every record once when the server goes in the middle ${moment}`, async () => {
      const stream = await streams.stream()
      // Of a batch with records: the driver asks for them to plan it, and then the task does.
      let awaited = 0
      let gone: Promise<void> | undefined
      const tapped = (bytes: Uint8Array): void => {
        if (awaited === 0 || !/Kinesis_20131202\.GetRecords/.test(Buffer.from(bytes).toString('latin1')))
          return
        if (--awaited === 0) gone = proxy.down()
      }
      await using proxy = await new TcpProxy(Number(new URL(aws.connection.endpoint).port), tapped).up()
      const found: string[] = []
      await using ssc = new StreamingContext({ batchDuration: 100 })
      const options = {
        ...streams.options(stream),
        endpoint: `http://127.0.0.1:${proxy.port}`,
        shardRefresh: 3_600_000,
      }
      streamOf(options)(ssc).foreachRDD(async rdd => {
        found.push(...(await rdd.collect()))
      })
      ssc.addStreamingListener({
        onBatchSubmitted({ batchInfo: { numRecords } }) {
          if (moment === 'of a task' && numRecords > 0 && gone === undefined && found.length > 0) awaited = 1
        },
      })
      await ssc.start()
      await streams.send(stream, ['a', 'b'])
      await until(() => found.length === 2)
      if (moment === 'of a plan') awaited = 1
      await streams.send(stream, ['c', 'd'])
      await until(() => gone !== undefined)
      await gone
      assert.equal(found.length, 2)
      await streams.send(stream, ['e'])
      await proxy.up()
      await until(() => found.length === 5, { timeoutMs: 30_000 })
      assert.deepEqual(found, ['a', 'b', 'c', 'd', 'e'])
    })

  it('counts every record once in a program that is killed', { timeout: 120_000 }, async () => {
    await using app = new KilledProgram()
    const stream = await streams.stream(2)
    const options = { ...streams.options(stream), shardRefresh: '1s' }
    const program = countingProgram({
      imports: `import { KinesisUtils } from '${connector}'`,
      source: `KinesisUtils.createStream(ssc, ${JSON.stringify(options)})
        .map(({ data }) => new TextDecoder().decode(data))`,
    })
    const total = (): number => app.counts().reduce((sum, [, count]) => sum + count, 0)
    const sent = ['a', 'b', 'c']
    for (let kill = 0; kill < 3; kill++) {
      const before = app.lines().length
      app.start(program)
      await streams.send(stream, sent)
      // At another place of a batch each time.
      await until(() => app.lines().length > before + kill, { timeoutMs: 30_000 })
      if (kill === 1) await streams.split(stream)
      await app.kill()
      await streams.send(stream, sent)
    }
    app.start(program)
    await until(() => total() >= 18, { timeoutMs: 30_000 })
    await app.kill()
    assert.deepEqual(
      app.counts(),
      sent.map(word => [word, 6]),
    )
    app.times()
  })
})
