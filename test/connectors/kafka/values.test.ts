/** Parameters, strategies, ranges, deserialisers and stored offsets. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SystemClock } from 'kindling'
import {
  bytes,
  ConsumerStrategies,
  float64,
  hasOffsetRanges,
  int32,
  int64,
  json,
  OffsetRange,
  type RecordPlace,
  required,
  text,
} from 'kindling/connectors/kafka'
import { OffsetCommits } from '../../../src/connectors/kafka/offset-commits.ts'
import { settingsOf } from '../../../src/connectors/kafka/params.ts'
import { FakeKafka } from '../../support/fake-kafka.ts'

const place: RecordPlace = {
  topic: 't',
  partition: 0,
  offset: 7,
  timestamp: 1,
  timestampType: 'CreateTime',
  headers: [],
}
const of = (...list: number[]): Uint8Array => Uint8Array.from(list)

describe('deserialisers', () => {
  for (const [name, deserialize, given, expected] of [
    ['text', text, Buffer.from('höh 🎉'), 'höh 🎉'],
    ['bytes', bytes, of(1, 2), of(1, 2)],
    ['int32', int32, of(255, 255, 255, 254), -2],
    ['int64', int64, of(0, 0, 0, 1, 0, 0, 0, 0), 2 ** 32],
    ['float64', float64, of(0x3f, 0xf8, 0, 0, 0, 0, 0, 0), 1.5],
    ['json', json<{ a: number }>(), Buffer.from('{"a":1}'), { a: 1 }],
    ['required(text)', required(text), Buffer.from('a'), 'a'],
  ] as const)
    it(`${name} reads bytes, and null as nothing`, () => {
      assert.deepEqual(deserialize(given, place), expected)
      if (name === 'required(text)') assert.throws(() => deserialize(undefined, place), /it is null/)
      else assert.equal(deserialize(undefined, place), undefined)
    })

  for (const [name, deserialize, given, message] of [
    ['int32', int32, of(1), /1 bytes are not a whole number of 32 bits/],
    ['int64', int64, of(127, 0, 0, 0, 0, 0, 0, 0), /beyond 2\^53/],
    ['float64', float64, of(), /0 bytes are not a number/],
    ['json', json(), Buffer.from('{'), SyntaxError],
  ] as const)
    it(`${name} refuses what it cannot read`, () => {
      assert.throws(() => deserialize(given, place), message)
    })

  it('bytes are a copy: the answer they came in may go', () => {
    const given = Buffer.from('abc')
    const copy = bytes(given, place)!
    given.fill(0)
    assert.deepEqual(copy, of(97, 98, 99))
  })
})

describe('parameters', () => {
  it('have defaults', () => {
    const { keyDeserializer, valueDeserializer, ...rest } = settingsOf({ bootstrapServers: ' a:1, b:2 ' })
    assert.equal(keyDeserializer, text)
    assert.equal(valueDeserializer, text)
    assert.deepEqual(rest, {
      bootstrapServers: ['a:1', 'b:2'],
      clientId: 'kindling',
      groupId: undefined,
      autoOffsetReset: 'latest',
      isReadCommitted: false,
      skipsLoss: false,
      tls: undefined,
      sasl: undefined,
      fetchBytes: 2 ** 20,
      requestTimeoutMs: 30_000,
      metadataMaxAgeMs: 10_000,
    })
  })

  for (const [what, params] of [
    ['bootstrapServers', { bootstrapServers: 'localhost' }],
    ['bootstrapServers', { bootstrapServers: [] }],
    ['autoOffsetReset', { autoOffsetReset: 'beginning' }],
    ['autoOffsetReset', { autoOffsetReset: { timestamp: new Date(Number.NaN) } }],
    ['isolationLevel', { isolationLevel: 'committed' }],
    ['onDataLoss', { onDataLoss: 'ignore' }],
    ['fetchBytes', { fetchBytes: 3 }],
    ['sasl.mechanism', { sasl: { mechanism: 'NTLM', username: 'u', password: 'hush-hush' } }],
    ['sasl.password', { sasl: { mechanism: 'PLAIN', username: 'u', password: '' } }],
    ['sasl.token', { sasl: { mechanism: 'OAUTHBEARER' } }],
  ] as const)
    it(`that mean nothing are refused: ${what} ${JSON.stringify(params)}`, () => {
      const given = { bootstrapServers: 'a:1', ...params } as unknown as Parameters<typeof settingsOf>[0]
      assert.throws(
        () => settingsOf(given),
        (error: Error & { code?: string }) =>
          error.code === 'INVALID_ARGUMENT' &&
          error.message.includes(what) &&
          !error.message.includes('hush-hush'),
      )
    })
})

describe('strategies', () => {
  const params = { bootstrapServers: 'a:1' }

  it('take whole names by a pattern, again and again', () => {
    const { subscription } = ConsumerStrategies.SubscribePattern(/clicks-\d/gi, params)
    assert.ok(subscription.kind === 'pattern')
    const found = ['clicks-1', 'CLICKS-2', 'clicks-10', 'my-clicks-1', 'clicks-1'].map(name =>
      subscription.pattern.test(name),
    )
    assert.deepEqual(found, [true, true, false, false, true])
  })

  it('need topics or partitions, and offsets that are some', () => {
    assert.throws(() => ConsumerStrategies.Subscribe([], params), { code: 'INVALID_ARGUMENT' })
    assert.throws(() => ConsumerStrategies.Assign([], params), { code: 'INVALID_ARGUMENT' })
    const offsets = [{ topic: 't', partition: 0, offset: -1 }]
    assert.throws(() => ConsumerStrategies.Subscribe(['t'], params, offsets), {
      code: 'INVALID_ARGUMENT',
      message: /t-0/,
    })
  })
})

describe('offset ranges', () => {
  it('count, and are shown', () => {
    const range = OffsetRange.create('a-b', 1, 2, 5)
    assert.equal(range.count(), 3)
    assert.equal(String(range), 'a-b-1: 2 to 5')
  })

  for (const [from, until] of [
    [5, 2],
    [-1, 2],
    [0.5, 2],
    [0, 2 ** 53],
  ] as const)
    it(`are not from ${from} to ${until}`, () => {
      assert.throws(() => OffsetRange.create('t', 0, from, until), { code: 'INVALID_ARGUMENT' })
    })

  it('are not on everything', () => {
    assert.equal(hasOffsetRanges({}), false)
    assert.equal(hasOffsetRanges({ offsetRanges: [] }), true)
  })
})

describe('offsets that are stored', () => {
  const patience = { clock: new SystemClock(), patienceMs: 0 }
  const range = (until: number, partition = 0) => OffsetRange.create('t', partition, 0, until)

  it('are the highest of each partition, and calls that wait go together', async () => {
    const kafka = new FakeKafka()
    const stored: unknown[] = []
    const commit = kafka.cluster.commit
    const cluster = {
      ...kafka.cluster,
      commit: (...args: Parameters<typeof commit>) => {
        stored.push(args[1])
        return commit(...args)
      },
    }
    const commits = new OffsetCommits('g', patience, () => ({ ...kafka.lease(), cluster }))
    await Promise.all([
      commits.commit([range(5)]),
      commits.commit([range(9), range(4, 1)]),
      commits.commit([range(7)]),
    ])
    await commits.commit([range(8)])
    assert.deepEqual(
      [...kafka.groups.get('g')!],
      [
        ['t-0', 9],
        ['t-1', 4],
      ],
    )
    assert.equal(stored.length, 1)
  })

  it('fail those who asked, and are asked for again with the next', async () => {
    const kafka = new FakeKafka()
    const commits = new OffsetCommits('g', patience, kafka.lease)
    kafka.isDown = true
    await assert.rejects(commits.commit([range(5)]), { code: 'KAFKA_UNREACHABLE' })
    kafka.isDown = false
    await commits.commit([range(6)])
    assert.deepEqual([...kafka.groups.get('g')!], [['t-0', 6]])
    assert.equal(kafka.openLeases, 0)
  })

  it('need a group', async () => {
    const commits = new OffsetCommits(undefined, patience, new FakeKafka().lease)
    await assert.rejects(commits.commit([range(1)]), { code: 'INVALID_ARGUMENT', message: /groupId/ })
  })
})
