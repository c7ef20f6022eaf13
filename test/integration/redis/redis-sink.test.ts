/** What the sink writes into Redis: whole batches, each once. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { inspect } from 'node:util'
import { Redis } from 'ioredis'
import { type ErrorCode, type ExactlyOnceSink, isKindlingError, SparkContext } from 'kindling'
import {
  type RedisCommand,
  type RedisConnection,
  redisSink,
  toChannel,
  toHash,
  toKeys,
  toStream,
} from 'kindling/connectors/redis'
import { sinkConformance, until } from 'kindling/testing'
import { freePorts } from '../../../scripts/services/ports.ts'
import { ownServer, service } from '../../services/service.ts'
import { KeyFiles, noKeyFiles } from '../../support/certificate.ts'
import { waitsForRoom } from '../../support/full-server.ts'
import { serverKills } from '../../support/server-kills.ts'
import { failureOf, sinkCrashes, stopsWaiting } from '../../support/sink-crashes.ts'

const server = service('redis')

/** A list of words of one test: pushing is what shows when a command runs twice. */
async function place() {
  const { connection } = server
  const client = new Redis(connection)
  const prefix = `test-${randomBytes(5).toString('hex')}`
  const list = `${prefix}:words`
  return {
    client,
    prefix,
    connection,
    sink: (): ExactlyOnceSink<[string]> =>
      redisSink<[string]>({
        connection,
        prefix,
        patience: 200,
        commands: ([word]) => [['RPUSH', list, word]],
      }),
    words: async () => (await client.lrange(list, 0, -1)).sort(),
    leftovers: () => client.keys(`${prefix}:*:rows:*`),
    /** From now on the list is none. */
    async break() {
      await client.del(list)
      await client.set(list, 'no list')
    },
    async [Symbol.asyncDispose]() {
      const keys = await client.keys(`${prefix}*`)
      if (keys.length > 0) await client.del(...keys)
      client.disconnect()
    },
  }
}

describe('sinkConformance of Redis', { skip: server.skip }, () => {
  const cases = sinkConformance<[string]>({
    records: ['one', 'two', 'three', 'four', 'five', 'six'].map(word => [word]),
    isReachedFromThreads: true,
    async place() {
      const made = await place()
      let isBroken = false
      return {
        sink: made.sink,
        read: async () => (isBroken ? [] : (await made.words()).map((word): [string] => [word])),
        leftovers: async () => (isBroken ? [] : await made.leftovers()),
        async break() {
          isBroken = true
          await made.break()
        },
        dispose: () => made[Symbol.asyncDispose](),
      }
    },
  })
  for (const { name, run } of cases) it(name, run)
})

describe('batches in Redis', { skip: server.skip }, () => sinkCrashes(place))

describe('a program whose Redis goes', { skip: server.skip }, () =>
  serverKills(async () => {
    const own = ownServer('redis')
    const { host, port } = await own.start()
    const client = new Redis({ host, port })
    client.on('error', () => {})
    return {
      target: port,
      sink: port =>
        redisSink<[string]>({ connection: { host, port }, commands: ([word]) => [['RPUSH', 'words', word]] }),
      words: () => client.lrange('words', 0, -1),
      leftovers: () => client.keys('*:rows:*'),
      kill: () => own.end('SIGKILL'),
      start: () => own.start(),
      async [Symbol.asyncDispose]() {
        client.disconnect()
        await own[Symbol.asyncDispose]()
      },
    }
  }, [
    { name: 'while tasks write', sent: [/rpush/], master: 'local' },
    { name: 'while tasks write', sent: [/rpush/] },
    { name: 'before it commits', sent: [/LRANGE/] },
    { name: 'when it has committed and nobody knows', sent: [/LRANGE/], isAnswerLost: true },
  ]),
)

describe('Redis without memory', { skip: server.skip }, () =>
  waitsForRoom(
    async () => {
      const own = ownServer('redis')
      const connection = await own.start()
      const client = new Redis(connection)
      return {
        sink: () => redisSink<[string]>({ connection, commands: ([word]) => [['RPUSH', 'words', word]] }),
        words: () => client.lrange('words', 0, -1),
        leftovers: () => client.keys('*:rows:*'),
        fill: async () => void (await client.config('SET', 'maxmemory', '1')),
        free: async () => void (await client.config('SET', 'maxmemory', '0')),
        async [Symbol.asyncDispose]() {
          client.disconnect()
          await own[Symbol.asyncDispose]()
        },
      }
    },
    {
      code: 'DATABASE_FULL',
      message: /^Redis at 127\.0\.0\.1:\d+\/0 has no room for commands of a batch \(OOM/,
    },
  ),
)

describe('redisSink', { skip: server.skip }, () => {
  const sc = new SparkContext({ master: 'local[2]' })
  let at: Awaited<ReturnType<typeof place>>
  before(async () => {
    at = await place()
  })
  after(async () => {
    await at[Symbol.asyncDispose]()
    await sc.stop()
  })
  const write = <T>(records: T[], commands: (record: T) => readonly RedisCommand[]): Promise<void> =>
    sc.parallelize(records, 2).writeTo(redisSink({ connection: at.connection, prefix: at.prefix, commands }))

  it('writes keys, with their time, and removes them', async () => {
    const key = `${at.prefix}:key`
    await at.client.set(`${key}3`, 'old')
    await write(
      [
        [`${key}1`, { a: 'ü' }],
        [`${key}2`, new Uint8Array([0, 255])],
        [`${key}3`, null],
      ] as [string, unknown][],
      toKeys({ ttl: '1 h' }),
    )
    assert.equal(await at.client.get(`${key}1`), '{"a":"ü"}')
    assert.deepEqual(await at.client.getBuffer(`${key}2`), Buffer.from([0, 255]))
    assert.equal(await at.client.get(`${key}3`), null)
    assert.ok((await at.client.pttl(`${key}1`)) > 3_500_000)
  })

  it('writes the fields of a hash, and removes them', async () => {
    const hash = `${at.prefix}:hash`
    await write(
      [
        ['a', 1],
        ['b', 2n],
        ['c', true],
      ] as [string, unknown][],
      toHash(hash),
    )
    await write(
      [
        ['a', undefined],
        ['b', 3],
      ] as [string, unknown][],
      toHash(hash),
    )
    assert.deepEqual(await at.client.hgetall(hash), { b: '3', c: 'true' })
  })

  it('writes the entries of a stream', async () => {
    const stream = `${at.prefix}:stream`
    await write(
      [
        { page: '/', ms: 1.5 },
        { page: '/x', at: new Date(0), no: null },
      ],
      toStream(stream),
    )
    const entries = await at.client.xrange(stream, '-', '+')
    assert.deepEqual(
      entries.map(([, fields]) => fields),
      [
        ['page', '/', 'ms', '1.5'],
        ['page', '/x', 'at', '1970-01-01T00:00:00.000Z'],
      ],
    )
  })

  it('publishes', async () => {
    const channel = `${at.prefix}:channel`
    const listener = new Redis(at.connection)
    const heard: string[] = []
    listener.on('message', (_, text: string) => heard.push(text))
    await listener.subscribe(channel)
    await write(['a', 'b'], toChannel(channel))
    await until(() => heard.length === 2)
    assert.deepEqual(heard.sort(), ['a', 'b'])
    listener.disconnect()
  })

  it('goes on after the commands that were done when one of them was refused', async () => {
    await using own = await place()
    const token = { program: 'p', operatorId: 'o', epoch: 1, batchTime: 1000 }
    const sink = redisSink<[string]>({
      connection: own.connection,
      prefix: own.prefix,
      commands: ([word]) => [
        ['RPUSH', `${own.prefix}:words`, word],
        ['SADD', `${own.prefix}:set`, word],
      ],
    })
    await own.client.set(`${own.prefix}:set`, 'no set')
    await sink.open?.({ ...token, logger: undefined as never })
    const writer = await sink.writer({ ...token, partition: 0, attempt: 0 })
    await writer.write([['a'], ['b']])
    const message = await writer.prepare()
    await writer.close?.()
    await assert.rejects(
      Promise.resolve(sink.commit(token, [message])),
      error =>
        isKindlingError(error, 'DATABASE_FAILED') &&
        /refused the command SADD \S+:set: WRONGTYPE/.test(error.message),
    )
    await own.client.del(`${own.prefix}:set`)
    await sink.commit(token, [message])
    await sink.commit(token, [message])
    await sink.forget?.(token, 2000)
    await sink.close?.(token)
    assert.deepEqual(await own.words(), ['a', 'b'])
    assert.deepEqual((await own.client.smembers(`${own.prefix}:set`)).sort(), ['a', 'b'])
    assert.deepEqual(await own.client.keys(`${own.prefix}:batches:*`), [])
  })

  it('says who may not, and which server is not there, without passwords', async () => {
    await using own = ownServer('redis')
    const { host, port } = await own.start()
    const admin = new Redis({ host, port })
    admin.on('error', () => {})
    await admin.acl('SETUSER', 'etl', 'on', '>right-one', '~*', '+@all')
    await admin.acl('SETUSER', 'reader', 'on', '>right-one', '~*', '+@connection', '+get')
    admin.disconnect()
    const rejects = async (connection: string, code: ErrorCode, message: RegExp): Promise<void> => {
      const error = await failureOf(redisSink({ connection, patience: 100, commands: toHash('h') as never }))
      assert.ok(isKindlingError(error, code), error.message)
      assert.match(error.message, message)
      assert.ok(!inspect(error, { depth: 9 }).includes('-one'))
    }
    await rejects(
      `redis://etl:wrong-one@${host}:${port}`,
      'DATABASE_ACCESS_DENIED',
      /127\.0\.0\.1:\d+\/0 does not let.*WRONGPASS/,
    )
    await rejects(`redis://reader:right-one@${host}:${port}`, 'DATABASE_ACCESS_DENIED', /NOPERM/)
    await rejects(
      `redis://etl:right-one@${host}:9`,
      'DATABASE_UNREACHABLE',
      /127\.0\.0\.1:9\/0.*ECONNREFUSED/,
    )
    await rejects(`redis://etl:right-one@${host}:${port}/99`, 'DATABASE_FAILED', /out of range/)
    assert.throws(
      () => redisSink({ connection: 'me:secret@host', commands: toHash('h') }),
      error => !inspect(error).includes('secret'),
    )
  })

  it('goes by TLS, to a server whose certificate is right', { skip: noKeyFiles }, async () => {
    using keys = new KeyFiles()
    using others = new KeyFiles()
    const { tls: port } = await freePorts(['tls'])
    await using own = ownServer('redis', [
      ...['--tls-port', String(port), '--tls-auth-clients', 'no'],
      ...['--tls-cert-file', keys.cert, '--tls-key-file', keys.key, '--tls-ca-cert-file', keys.cert],
    ])
    const admin = new Redis(await own.start())
    await admin.config('SET', 'requirepass', 'right-one')
    admin.disconnect()
    const sinkBy = (tls: RedisConnection['tls'] = false, host = '127.0.0.1'): ExactlyOnceSink<[string]> =>
      redisSink<[string]>({
        connection: { host, port: port!, password: 'right-one', tls },
        commands: ([word]) => [['RPUSH', 'words', word]],
        patience: 300,
      })
    for (const [tls, code, message, host] of [
      [
        { ca: others.ca },
        'DATABASE_FAILED',
        /Redis at 127\.0\.0\.1:\d+\/0 refused .*self-signed certificate/,
      ],
      [true, 'DATABASE_FAILED', /self-signed certificate/],
      [false, 'DATABASE_UNREACHABLE', /Redis at 127\.0\.0\.1:\d+\/0 does not answer/],
      [{ ca: keys.ca }, 'DATABASE_FAILED', /Redis at localhost:\d+\/0 refused .*altnames/, 'localhost'],
    ] as const) {
      const error = await failureOf(sinkBy(tls, host))
      assert.ok(isKindlingError(error, code), error.message)
      assert.match(error.message, message)
      assert.ok(!inspect(error, { depth: 9 }).includes('right-one'))
    }
    await sc.parallelize<[string]>([['a']], 1).writeTo(sinkBy({ ca: keys.ca }))
    const client = new Redis({ host: '127.0.0.1', port: port!, password: 'right-one', tls: { ca: keys.ca } })
    assert.deepEqual(await client.lrange('words', 0, -1), ['a'])
    client.disconnect()
  })

  it('waits for a server that was killed, and goes on', async () => {
    await using own = ownServer('redis')
    const connection = await own.start()
    const sink = redisSink<[string]>({ connection, commands: ([word]) => [['RPUSH', 'words', word]] })
    const token = { program: 'p', operatorId: 'o', epoch: 1, batchTime: 1000 }
    await sink.open?.({ ...token, logger: undefined as never })
    const writer = await sink.writer({ ...token, partition: 0, attempt: 0 })
    await writer.write([['a']])
    const message = await writer.prepare()
    await writer.close?.()
    const interrupted = await sink.writer({ ...token, partition: 1, attempt: 0 })
    await interrupted.write([['b']])
    await own.end('SIGKILL')
    await assert.rejects(Promise.resolve(interrupted.write([['c']])), error =>
      isKindlingError(error, 'DATABASE_UNREACHABLE'),
    )
    await interrupted.abort()
    const committed = sink.commit(token, [message])
    await own.start()
    await committed
    await sink.commit(token, [message])
    await sink.close?.(token)
    const client = new Redis(connection)
    assert.deepEqual(await client.lrange('words', 0, -1), ['a'])
    assert.deepEqual(await client.keys('*:rows:*'), [])
    client.disconnect()
  })

  it('stops waiting for a server when its attempt is cancelled, and when it is closed', async () => {
    const connection = { host: '127.0.0.1', port: 9 }
    await stopsWaiting(patience =>
      redisSink<[string]>({ connection, patience, commands: ([w]) => [['DEL', w]] }),
    )
  })
})
