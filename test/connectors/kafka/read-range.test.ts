/** Reading exact ranges of a log with gaps, marks, transactions and losses, from a cluster in memory. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { SystemClock, silentLogger } from 'kindling'
import { type ConsumerRecord, required, text } from 'kindling/connectors/kafka'
import { ManualClock } from 'kindling/testing'
import { type KafkaSettings, settingsOf } from '../../../src/connectors/kafka/params.ts'
import { type RangeReaderParts, RangeSource } from '../../../src/connectors/kafka/read-range.ts'
import { FakeKafka } from '../../support/fake-kafka.ts'
import { runs } from '../../support/runs.ts'

type Params = Partial<Parameters<typeof settingsOf>[0]>

function open(
  kafka: FakeKafka,
  from: number,
  until: number,
  params: Params = {},
  parts: Partial<RangeReaderParts> = {},
) {
  const settings = settingsOf({ bootstrapServers: 'fake:1', ...params }) as KafkaSettings
  const range = { topic: 't', partition: 0, topicId: undefined, fromOffset: from, untilOffset: until }
  const all = {
    settings,
    clock: new SystemClock(),
    logger: silentLogger,
    patienceMs: 1000,
    lease: kafka.lease,
    ...parts,
  }
  return new RangeSource(range, all)
}

async function read(source: RangeSource): Promise<ConsumerRecord<unknown, unknown>[]> {
  const records: ConsumerRecord<unknown, unknown>[] = []
  try {
    for (let chunk = await source.next(); chunk !== undefined; chunk = await source.next())
      records.push(...(chunk.kind === 'rows' ? (chunk.rows as ConsumerRecord<unknown, unknown>[]) : []))
    return records
  } finally {
    source.close()
  }
}

const values = async (source: RangeSource): Promise<unknown[]> =>
  (await read(source)).map(({ value }) => value)

function log(): FakeKafka {
  const kafka = new FakeKafka().createTopic('t')
  for (const batch of [['a', 'b', 'c'], ['d'], ['e', 'f'], ['g', 'h', 'i']]) kafka.append('t', 0, batch)
  return kafka
}

describe('a range', () => {
  for (const [from, until, expected] of [
    [0, 9, 'abcdefghi'],
    [1, 2, 'b'],
    [2, 5, 'cde'],
    [4, 4, ''],
    [8, 9, 'i'],
  ] as const)
    it(`from ${from} to ${until} is exactly that, also within batches`, async () => {
      assert.equal((await values(open(log(), from, until))).join(''), expected)
    })

  it('passes what compaction has left out, at its begin, in it and at its end', async () => {
    const kafka = log()
    kafka.compact('t', 0, offset => [1, 5].includes(offset))
    assert.deepEqual(await values(open(kafka, 0, 5)), ['b'])
    assert.deepEqual(await values(open(kafka, 2, 9)), ['f'])
    assert.deepEqual(await values(open(kafka, 6, 9)), [])
  })

  it('leaves out the marks of transactions, and with read_committed what was aborted', async () => {
    const kafka = new FakeKafka({ isReadCommitted: true }).createTopic('t')
    kafka.transact('t', 0, 1n, ['X', 'Y'])
    kafka.end('t', 0, 1n, 'abort')
    kafka.transact('t', 0, 1n, ['a'])
    kafka.end('t', 0, 1n, 'commit')
    assert.deepEqual(await values(open(kafka, 0, 5, { isolationLevel: 'read_committed' })), ['a'])
    assert.deepEqual(await values(open(kafka, 0, 5)), ['X', 'Y', 'a'])
    assert.deepEqual(await values(open(kafka, 1, 3, { isolationLevel: 'read_committed' })), [])
  })

  it('has offsets, times and places as they are', async () => {
    const kafka = new FakeKafka().createTopic('t')
    kafka.append('t', 0, ['a', 'b'], { firstTimestamp: 500 })
    kafka.append('t', 0, ['c'], { firstTimestamp: 1, maxTimestamp: 900, isLogAppendTime: true })
    const found = await read(open(kafka, 1, 3))
    assert.deepEqual(found, [
      {
        topic: 't',
        partition: 0,
        offset: 1,
        timestamp: 501,
        timestampType: 'CreateTime',
        headers: [],
        key: undefined,
        value: 'b',
      },
      {
        topic: 't',
        partition: 0,
        offset: 2,
        timestamp: 900,
        timestampType: 'LogAppendTime',
        headers: [],
        key: undefined,
        value: 'c',
      },
    ])
  })

  it('tells the time of its last record once it was read', async () => {
    const told: unknown[] = []
    const onRead = (_: unknown, lastTimestamp: number) => void told.push(lastTimestamp)
    await read(open(log(), 0, 2, {}, { onRead }))
    assert.deepEqual(told, [1001])
  })

  it('comes in chunks of a bounded number of records, and is asked for ahead', async () => {
    const kafka = new FakeKafka().createTopic('t')
    for (let i = 0; i < 6; i++)
      kafka.append(
        't',
        0,
        Array.from({ length: 1500 }, () => 'x'),
      )
    const source = open(kafka, 0, 9000)
    const sizes: number[] = []
    for (let chunk = await source.next(); chunk !== undefined; chunk = await source.next()) {
      assert.ok(chunk.kind === 'rows')
      sizes.push(chunk.rows.length)
      if (sizes.length === 1) assert.equal(kafka.fetches, 2, 'the next answer is on its way')
    }
    source.close()
    assert.equal(Math.max(...sizes), 1024)
    assert.equal(
      sizes.reduce((sum, size) => sum + size, 0),
      9000,
    )
  })

  it('is what a plain filter gives, for any log and any offsets', async () => {
    const batches = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(
        batches,
        fc.nat(),
        fc.nat(),
        fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
        async (sizes, a, b, kept) => {
          const kafka = new FakeKafka().createTopic('t')
          let end = 0
          for (const size of sizes)
            end = kafka.append(
              't',
              0,
              Array.from({ length: size }, (_, i) => String(end + i)),
            )
          const [from, until] = [a % (end + 1), b % (end + 1)].sort((x, y) => x - y) as [number, number]
          kafka.compact('t', 0, offset => kept[offset] === true)
          const expected = Array.from({ length: end }, (_, i) => i).filter(
            i => i >= from && i < until && kept[i],
          )
          assert.deepEqual(await values(open(kafka, from, until)), expected.map(String))
          await new Promise(resolve => setImmediate(resolve))
          assert.equal(kafka.openLeases, 0)
        },
      ),
      { numRuns: runs },
    )
  })
})

describe('a range of which something is gone', () => {
  for (const [title, change, from, until, message, rest] of [
    [
      'removed by retention',
      (k: FakeKafka) => k.removeBefore('t', 0, 5),
      1,
      9,
      /t-0 from offset 1 to 5 are gone: they were removed/,
      'fghi',
    ],
    [
      'removed as a whole',
      (k: FakeKafka) => k.removeBefore('t', 0, 9),
      1,
      4,
      /from offset 1 to 4 are gone/,
      '',
    ],
    [
      'cut off',
      (k: FakeKafka) => k.cutOff('t', 0, 4),
      1,
      9,
      /from offset 4 to 9 are gone: the log of the partition ends at 4/,
      'bcd',
    ],
    [
      'beyond the end',
      () => {},
      20,
      25,
      /from offset 20 to 25 are gone: the log of the partition ends before/,
      '',
    ],
  ] as const)
    it(`${title}, fails or goes on without it`, async () => {
      const kafka = log()
      change(kafka)
      await assert.rejects(read(open(kafka, from, until)), { code: 'KAFKA_DATA_LOST', message })
      const told: string[] = []
      const logger = { ...silentLogger, warn: (line: string) => void told.push(line) }
      const found = await values(open(kafka, from, until, { onDataLoss: 'skip' }, { logger }))
      assert.equal(found.join(''), rest)
      assert.equal(told.length, 1)
      assert.match(told[0]!, /^t-0: records from \d+ to \d+ are skipped/)
    })

  it('names a topic that there is not', async () => {
    await assert.rejects(read(open(new FakeKafka(), 0, 1)), { code: 'KAFKA_TOPIC_NOT_FOUND' })
  })

  it('says when its topic was made again', async () => {
    const kafka = log()
    const settings = settingsOf({ bootstrapServers: 'fake:1' }) as KafkaSettings
    const range = { topic: 't', partition: 0, topicId: 't#1', fromOffset: 0, untilOffset: 9 }
    kafka.createTopic('t').append(
      't',
      0,
      Array.from({ length: 9 }, () => 'other'),
    )
    const parts = {
      settings,
      clock: new SystemClock(),
      logger: silentLogger,
      patienceMs: 1000,
      lease: kafka.lease,
    }
    await assert.rejects(read(new RangeSource(range, parts)), {
      code: 'KAFKA_DATA_LOST',
      message: /made again/,
    })
  })
})

describe('a broker that does not answer', () => {
  it('is asked again until it does', async () => {
    const kafka = log()
    const clock = new ManualClock(0)
    kafka.isDown = true
    const reading = values(open(kafka, 0, 9, {}, { clock, patienceMs: 60_000 }))
    await clock.advance(30_000)
    kafka.isDown = false
    await clock.advance(1000)
    assert.equal((await reading).join(''), 'abcdefghi')
  })

  it('fails the task once its patience is over', async () => {
    const kafka = log()
    const clock = new ManualClock(0)
    kafka.isDown = true
    const reading = read(open(kafka, 0, 9, {}, { clock, patienceMs: 60_000 }))
    const failed = assert.rejects(reading, { code: 'KAFKA_UNREACHABLE' })
    await clock.advance(61_000)
    await failed
    assert.equal(kafka.openLeases, 0)
  })
})

describe('a record that cannot be read', () => {
  it('is named with its place', async () => {
    const kafka = log()
    const valueDeserializer = (bytes: Uint8Array | undefined, place: { readonly offset: number }) => {
      if (place.offset === 4) throw new SyntaxError('no number')
      return bytes?.length
    }
    await assert.rejects(read(open(kafka, 3, 9, { valueDeserializer })), {
      code: 'KAFKA_RECORD_NOT_READABLE',
      message: /value of record t-0@4: no number/,
    })
  })

  it('may be one without a key', async () => {
    await assert.rejects(read(open(log(), 3, 9, { keyDeserializer: required(text) })), {
      code: 'KAFKA_RECORD_NOT_READABLE',
      message: /key of record t-0@3: it is null/,
    })
  })
})
