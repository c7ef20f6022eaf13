/** Runs every program under examples/ on small data, as a user would: by the command line, against real processes on loopback. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { after, describe, it } from 'node:test'
import { Redis } from 'ioredis'
import { WebHdfs } from 'kindling/connectors/hdfs'
import { ObjectStore } from 'kindling/connectors/object-store'
import { until } from 'kindling/testing'
import { connectAsync } from 'mqtt'
import mysql from 'mysql2/promise'
import pg from 'pg'
import { WebSocketServer } from 'ws'
import { freePorts } from '../../scripts/services/ports.ts'
import { KafkaTopics } from '../services/kafka.ts'
import { KinesisStreams } from '../services/kinesis.ts'
import { ownServer, service } from '../services/service.ts'
import { committedTexts } from '../support/kafka-records.ts'
import { stores } from './object-store/stores.ts'

const root = join(import.meta.dirname, '../..')
const dir = mkdtempSync(join(tmpdir(), 'kindling-examples-'))
const children: ChildProcess[] = []
after(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(dir, { recursive: true, force: true })
})

function node(...args: string[]): ChildProcess {
  // The feeder ends with its standard input, which stays open until we do.
  const env = { ...process.env, AWS_ACCESS_KEY_ID: 'tester', AWS_SECRET_ACCESS_KEY: 'tester-secret' }
  const child = spawn(process.execPath, ['--conditions=source', ...args], { cwd: root, stdio: 'pipe', env })
  children.push(child)
  return child
}

/** Starts a program that prints the port it listens on first. */
async function feeder(...args: string[]): Promise<string> {
  const [port] = (await once(createInterface({ input: node(...args).stdout! }), 'line')) as [string]
  return port
}

interface Example {
  out: string
  err: string
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
}

function example(name: string, ...args: string[]): Example {
  return run(['run', `examples/${name}.ts`, ...args])
}

function run(args: string[]): Example {
  const child = node('src/cli/main.ts', ...args)
  const ended = new Promise<number | null>(resolve => child.on('close', resolve))
  const example: Example = { out: '', err: '', child, ended }
  child.stdout!.on('data', text => {
    example.out += text
  })
  child.stderr!.on('data', text => {
    example.err += text
  })
  return example
}

/** Waits for what a program should print, then ends it as Ctrl-C would. Gives all it printed. */
async function sees(example: Example, pattern: RegExp): Promise<string> {
  await until(() => pattern.test(example.out) || example.child.exitCode !== null, {
    timeoutMs: 30_000,
    what: `${pattern} in: ${example.out}${example.err}`,
  })
  example.child.kill('SIGINT')
  assert.equal(await example.ended, 0, example.err)
  assert.match(example.out, pattern)
  return example.out
}

/** A file of lines for a feeder. */
function text(name: string, ...lines: string[]): string {
  const file = join(dir, name)
  writeFileSync(file, lines.join('\n'))
  return file
}

const feed = (file: string, ...args: string[]): Promise<string> =>
  feeder('scripts/feeder.ts', '--rate', '200', '--text', file, ...args)

// Most of the time they wait for the clock.
describe('examples', { concurrency: 3 }, () => {
  it('are all here, short, and use public names only', () => {
    const tested = readFileSync(import.meta.filename, 'utf8')
    for (const file of readdirSync(join(root, 'examples'))) {
      const code = readFileSync(join(root, 'examples', file), 'utf8')
      assert.ok(tested.includes(file.replace(/\.ts$/, '')), `${file} is run here`)
      assert.ok(code.split('\n').length <= 80, `${file} is short`)
      for (const [, from] of code.matchAll(/from '([^']+)'/g))
        assert.match(from!, /^(kindling(\/[\w/-]+)?|node:\w+)$/, `${file} imports ${from}`)
    }
  })

  it('01 network word count, ending by itself', async () => {
    const port = await feed(text('words', 'hello kindling hello'))
    const program = run(['run', '--for', '4s', 'examples/01-network-word-count.ts', '127.0.0.1', port])
    assert.equal(await program.ended, 0, program.err)
    assert.match(program.out, /hello [\d,]+, kindling [\d,]+/)
    assert.match(program.err, /batches with [1-9]\d* records/)
  })

  it('02 file word count', async () => {
    const incoming = join(dir, 'incoming')
    mkdirSync(incoming)
    const program = example('02-file-word-count', incoming)
    await until(() => program.out.includes('Time:'), { timeoutMs: 30_000 })
    renameSync(text('poem', 'to be or', 'not to be'), join(incoming, 'poem'))
    const out = await sees(program, /\["be",2\]/)
    assert.match(out, /\["to",2\]/)
  })

  it('03 stateful network word count, from an initial state', async () => {
    const port = await feed(text('state', 'hello you'))
    const out = await sees(example('03-stateful-network-word-count', '127.0.0.1', port), /\["hello",2\]/)
    assert.match(out, /\["you",1\]/)
  })

  it('04 recoverable network word count goes on where it was killed', async () => {
    const port = await feed(text('recover', 'the cat and the dog'))
    const [checkpoint, file] = [join(dir, 'recover-checkpoint'), join(dir, 'counts.log')]
    const args = ['127.0.0.1', port, checkpoint, file]
    type Line = { readonly time: number; readonly counts: readonly [string, number][] }
    const lines = (): Line[] =>
      readFileSync(file, 'utf8')
        .split('\n')
        .filter(line => line !== '')
        .map(line => JSON.parse(line))
    const pattern = /ms: 2 words, [1-9]\d* in all, [1-9]\d* left out/
    const killed = example('04-recoverable-network-word-count', ...args)
    await until(() => (killed.out.match(/in all/g) ?? []).length >= 3, { timeoutMs: 30_000 })
    killed.child.kill('SIGKILL')
    await killed.ended
    const [saved, before] = lines().slice(-2) as [Line, Line]
    await sees(example('04-recoverable-network-word-count', ...args), pattern)
    const after = lines().filter(({ time }) => time > before.time)
    // The image of the last batch may not have been written yet, that of the one before was.
    const countsOf = ({ counts }: Line): number[] => counts.map(([, n]) => n)
    assert.ok(countsOf(after[0]!).every((n, i) => n >= countsOf(saved)[i]!))
    // No batch is missing, and none comes twice but the one that was under way.
    const times = lines().map(({ time }) => time)
    assert.deepEqual(
      [...new Set(times)],
      Array.from({ length: new Set(times).size }, (_, i) => times[0]! + i * 1000),
    )
  })

  it('05 queue stream', async () => {
    const out = await sees(example('05-queue-stream'), /\[9,100\]/)
    assert.match(out, /\[0,100\]/)
  })

  it('06 custom receiver', async () => {
    const port = await feed(text('receiver', 'own words'))
    const out = await sees(example('06-custom-receiver', '127.0.0.1', port), /\["own",\d+\]/)
    assert.match(out, /\["words",\d+\]/)
  })

  it('07 raw network grep over two connections', async () => {
    const ports = [
      await feed(text('raw1', 'the one', 'another'), '--raw'),
      await feed(text('raw2', 'nothing', 'of the kind'), '--raw'),
    ]
    await sees(example('07-raw-network-grep', '127.0.0.1', ...ports), /grep count [1-9]\d+/)
  })

  for (const [figure, pattern] of [
    ['pageCounts', /\["http:\/\/foo\.com\/",\d+\]/],
    ['slidingPageCounts', /\["http:\/\/foo\.com\/",\d+\]/],
    ['errorRatePerZipCode', /94117: \d+\.\d % errors/],
    ['activeUserCount', /[1-4] active users/],
    ['popularUsersSeen', /saw Ann \d+ times/],
  ] as const)
    it(`09 page views: ${figure}`, async () => {
      const port = await feeder('examples/08-page-view-generator.ts', '0', '400')
      await sees(example('09-page-view-stream', figure, '127.0.0.1', port), pattern)
    })

  it('10 top hashtags', async () => {
    const port = await feed(text('posts', '#Spark is like #kindling', 'I know #spark', 'no tags'))
    const out = await sees(
      example('10-top-hashtags', '127.0.0.1', port),
      /last 10 s \(2 in all\):\n {2}#spark/,
    )
    assert.match(out, /last 60 s \(2 in all\):\n {2}#spark \(\d+ posts\)\n {2}#kindling/)
  })

  it('11 batch RDDs', async () => {
    const program = example('11-batch-rdds', text('readme', '# Title', 'some words', 'more words'))
    assert.equal(await program.ended, 0, program.err)
    assert.match(program.out, /words: words 2, title 1|words: words 2/)
    assert.match(program.out, /headings: 1 of 3/)
    assert.match(program.out, /pi is about 3\.1/)
    assert.match(program.out, /orders: Ann: 35, Bob: 12, Cid: nothing/)
    assert.match(program.out, /averages: \[\[1,17\.5\],\[2,12\]\]/)
    assert.match(program.out, /longest: words, title, more|longest: words, title, some/)
  })

  it('12 exactly-once files has each batch once, also when it is killed, and bad lines by themselves', async () => {
    const [incoming, out] = [join(dir, 'orders'), join(dir, 'orders-out')]
    mkdirSync(incoming)
    const args = [incoming, join(dir, 'orders-checkpoint'), out]
    const publish = (name: string, ...lines: string[]): void =>
      renameSync(text(name, ...lines), join(incoming, name))
    const killed = example('12-exactly-once-files', ...args)
    await until(() => killed.out.includes('Time:'), { timeoutMs: 30_000, what: killed.err })
    assert.match(killed.err, /writeTo at \S+ → files \S+totals-\*: exactly-once/)
    publish('first', '{"customer":"Ann","euros":12}', 'oops')
    await until(() => killed.out.includes('["Ann",12]'), { timeoutMs: 30_000, what: killed.out })
    killed.child.kill('SIGKILL')
    await killed.ended
    publish('second', '{"customer":"Ann","euros":3}')
    const again = example('12-exactly-once-files', ...args)
    await sees(again, /\["Ann",15\]/)
    const read = (name: string): string[] =>
      readdirSync(out)
        .filter(folder => folder.startsWith(name))
        .flatMap(folder => {
          const { files } = JSON.parse(readFileSync(join(out, folder, '_SUCCESS'), 'utf8'))
          return (files as string[]).flatMap(file =>
            readFileSync(join(out, folder, file), 'utf8')
              .split('\n')
              .slice(0, -1),
          )
        })
    const letters = read('bad').map(line => JSON.parse(line) as Record<string, unknown>)
    assert.deepEqual(
      letters.map(({ value, raw, source }) => [value, raw, source]),
      [['oops', 'b29wcw==', { file: join(incoming, 'first'), offset: 30 }]],
    )
    assert.deepEqual([...new Set(read('totals'))], ['["Ann",12]', '["Ann",15]'])
    assert.equal(
      readdirSync(out).some(name => name.startsWith('.')),
      false,
    )
  })

  const kafka = service('kafka')
  it('13 Kafka word count', { skip: kafka.skip }, async () => {
    const { brokers } = kafka.connection
    await using topics = new KafkaTopics(brokers)
    const topic = await topics.topic(2)
    await topics.send(topic, 0, ['to be or', 'not'])
    await topics.send(topic, 1, ['to be'])
    const out = await sees(example('13-kafka-word-count', brokers, topic), /\["be",2\]/)
    assert.match(out, /\["not",1\]/)
  })

  const flume = service('flume')
  it('15 Flume events', { skip: flume.skip }, async () => {
    // An agent sends to one program only: one of its own.
    await using agent = ownServer('flume')
    const { netcatPort, sinkPort } = await agent.start()
    const socket = connect(netcatPort, '127.0.0.1')
    socket.resume()
    socket.write('one event\n')
    await sees(
      example('15-flume-event-count', '127.0.0.1', String(sinkPort)),
      /Received [1-9]\d* flume events\./,
    )
    socket.destroy()
  })

  const hdfs = service('hdfs')
  it('14 HDFS word count', { skip: hdfs.skip }, async () => {
    const { url, user } = hdfs.connection
    const cluster = new WebHdfs({ nameNodes: url, user })
    const folder = `/example-${randomUUID()}`
    await cluster.write(`${folder}/in/words`, Buffer.from('to be or\nnot to be\n'))
    const out = await sees(
      example('14-hdfs-word-count', url, `${folder}/in`, `${folder}/checkpoints`),
      /\["be",2\]/,
    )
    assert.match(out, /\["not",1\]/)
  })

  it('26 file formats', async () => {
    const [folder, out] = [join(dir, 'formats'), join(dir, 'formats-out')]
    mkdirSync(folder)
    const program = example('26-file-formats', folder, join(dir, 'formats-checkpoint'), out)
    await until(() => program.err.includes('exactly-once'), { timeoutMs: 30_000 })
    const rows = text('orders.txt', 'customer,euros', '"Ann, of Ghent",12.5', 'Bob,nothing', 'Eve,7')
    renameSync(rows, join(folder, 'orders.csv'))
    // Outputs run in the order of their definition, dead letters last.
    await sees(program, /19\.5/)
    await until(() => readdirSync(out).some(name => name.startsWith('bad')), { timeoutMs: 30_000 })
    const written = readdirSync(out)
    assert.ok(['parquet', 'avro', 'bad'].every(kind => written.some(name => name.startsWith(kind))))
  })

  it('27 rolling files', async () => {
    const [folder, lake] = [join(dir, 'rolling'), join(dir, 'rolling-lake')]
    mkdirSync(folder)
    const program = example('27-rolling-files', folder, join(dir, 'rolling-checkpoint'), lake)
    await until(() => program.err.includes('exactly-once'), { timeoutMs: 30_000 })
    renameSync(text('rolling.txt', 'one', 'two'), join(folder, 'a'))
    const written = (): string[] => (existsSync(join(lake, 'lines')) ? readdirSync(join(lake, 'lines')) : [])
    await until(() => written().some(name => name.endsWith('.parquet')), { timeoutMs: 30_000 })
    assert.ok(written().includes('_log'))
  })

  it('28 lookups', async () => {
    const [file, rates, folder] = [
      join(dir, 'customers.db'),
      join(dir, 'rates.json'),
      join(dir, 'orders-looked-up'),
    ]
    const database = new DatabaseSync(file)
    database.exec(
      "CREATE TABLE customers (id text, name text); INSERT INTO customers VALUES ('1', 'Ann'), ('2', 'Bob')",
    )
    database.close()
    mkdirSync(folder)
    writeFileSync(rates, JSON.stringify({ USD: 2, EUR: 1 }))
    const program = example('28-lookups', file, rates, folder)
    await until(() => program.out.includes('Time:'), { timeoutMs: 30_000, what: program.err })
    renameSync(text('looked-up.txt', '1 10 USD', '2 5 EUR', '1 1 EUR', '3 4 USD'), join(folder, 'a'))
    const said = ['["Ann",21]', '["Bob",5]', '["customer 3",8]']
    await until(() => said.every(line => program.out.includes(line)), { timeoutMs: 30_000 })
    // Written anew as a whole: the file is read at any moment.
    renameSync(text('rates.txt', JSON.stringify({ USD: 3, EUR: 1 })), rates)
    const results = (): string[] => program.out.match(/\["Bob",\d+\]/g) ?? []
    for (let sent = 1; results().at(-1) !== '["Bob",300]'; sent++) {
      renameSync(text('more.txt', '2 100 USD'), join(folder, `more-${sent}`))
      await until(() => results().length > sent, { timeoutMs: 30_000 })
    }
    program.child.kill('SIGKILL')
    await program.ended
  })

  const s3 = stores.find(({ name }) => name.startsWith('S3'))!
  it('25 object store word count', { skip: s3.skip }, async () => {
    const options = await s3.fresh()
    const store = new ObjectStore(options)
    await store.write('in/words', Buffer.from('to be or\nnot to be\n'))
    const program = example('25-object-store-word-count', options.url, options.endpoint!)
    const out = await sees(program, /\["be",2\]/)
    assert.match(out, /\["not",1\]/)
  })

  /** Words that come are counted in a table; `count` asks it for what it has. */
  async function countsWords(
    name: string,
    place: readonly string[],
    rows: () => Promise<unknown[]>,
  ): Promise<void> {
    const folder = join(dir, randomUUID())
    mkdirSync(folder)
    const program = example(name, ...place, folder, `${folder}-checkpoints`)
    await until(() => program.err.includes('exactly-once'), { timeoutMs: 30_000, what: program.err })
    renameSync(text(`${basename(folder)}.txt`, 'to be or', 'not to be'), join(folder, 'words'))
    const counts = async (): Promise<string> =>
      ((await rows()) as { word: string; count: number }[])
        .map(({ word, count }) => `${word} ${count}`)
        .join()
    await until(async () => (await counts()) === 'be 2,not 1,or 1,to 2', { timeoutMs: 30_000 })
    program.child.kill('SIGINT')
    await program.ended
  }

  const postgres = service('postgres')
  it('17 PostgreSQL word count', { skip: postgres.skip }, async () => {
    const { host, port, user, database } = postgres.connection
    const table = `words_${randomUUID().replaceAll('-', '')}`
    const client = new pg.Client({ host, port, user, database })
    await client.connect()
    try {
      await client.query(`CREATE TABLE ${table} (word text PRIMARY KEY, count int)`)
      await countsWords(
        '17-postgres-word-count',
        [`postgres://${user}@${host}:${port}/${database}`, table],
        async () => (await client.query(`SELECT word, count FROM ${table} ORDER BY word`)).rows,
      )
    } finally {
      await client.query(`DROP TABLE ${table}`)
      await client.end()
    }
  })

  const mariadb = service('mariadb')
  it('18 MySQL word count', { skip: mariadb.skip }, async () => {
    const { host, port, user, password, database } = mariadb.connection
    const table = `words_${randomUUID().replaceAll('-', '')}`
    const client = await mysql.createConnection(mariadb.connection)
    try {
      await client.query(`CREATE TABLE ${table} (word varchar(100) PRIMARY KEY, count int)`)
      await countsWords(
        '18-mysql-word-count',
        [`mysql://${user}:${password}@${host}:${port}/${database}`, table],
        async () => (await client.query(`SELECT word, count FROM ${table} ORDER BY word`))[0] as unknown[],
      )
    } finally {
      await client.query(`DROP TABLE ${table}`)
      await client.end()
    }
  })

  const redis = service('redis')
  it('20 Redis word count', { skip: redis.skip }, async () => {
    const { host, port } = redis.connection
    const hash = `words-${randomUUID()}`
    const client = new Redis({ host, port })
    try {
      await countsWords('20-redis-word-count', [`redis://${host}:${port}`, hash], async () =>
        Object.entries(await client.hgetall(hash))
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([word, count]) => ({ word, count })),
      )
    } finally {
      await client.del(hash)
      client.disconnect()
    }
  })

  it('19 SQLite word count', async () => {
    const file = join(dir, 'words.db')
    await countsWords('19-sqlite-word-count', [file], async () => {
      const database = new DatabaseSync(file)
      const rows = database.prepare('SELECT word, count FROM words ORDER BY word').all()
      database.close()
      return rows
    })
  })
})

describe('21-kinesis-word-count', { skip: service('aws').skip }, () => {
  it('counts the words of a stream', async () => {
    const { connection } = service('aws')
    using streams = new KinesisStreams(connection)
    const stream = await streams.stream()
    await streams.send(stream, ['to be or', 'not to be'])
    process.env['AWS_ACCESS_KEY_ID'] = connection.accessKeyId
    process.env['AWS_SECRET_ACCESS_KEY'] = connection.secretAccessKey
    const { endpoint, region } = connection
    const program = example(
      '21-kinesis-word-count',
      stream,
      region,
      join(dir, 'kinesis-checkpoint'),
      endpoint,
    )
    await sees(program, /\["be",2\]/)
  })
})

describe('22-mqtt-averages', { skip: service('mqtt').skip }, () => {
  it('sends averages', async () => {
    const { url } = service('mqtt').connection
    const root = randomUUID()
    const client = await connectAsync(url)
    try {
      const seen: string[] = []
      client.on('message', (topic, payload) => void seen.push(`${topic} ${payload}`))
      await client.subscribeAsync(`averages/#`)
      const program = example('22-mqtt-averages', url, `${root}/#`, 'averages')
      await client.publishAsync(`${root}/t`, '10', { qos: 1, retain: true })
      await until(
        async () => {
          await client.publishAsync(`${root}/u`, '3')
          return seen.includes(`averages/${root}/t 10`) && seen.includes(`averages/${root}/u 3`)
        },
        { timeoutMs: 30_000, what: program.err },
      )
    } finally {
      await client.endAsync(true)
    }
  })
})

describe('examples of HTTP', () => {
  it('23-http-push counts what is sent', async () => {
    const port = (await freePorts(['one']))['one']!
    const program = example('23-http-push', String(port), join(dir, 'push-checkpoint'))
    const body = JSON.stringify([{ kind: 'click' }, { kind: 'click' }, null])
    const headers = { 'content-type': 'application/json' }
    await until(
      async () => {
        const sent = fetch(`http://127.0.0.1:${port}/events`, { method: 'POST', headers, body })
        return (await sent.catch(() => undefined))?.status === 200
      },
      { timeoutMs: 30_000 },
    )
    await sees(program, /\["click",2\]/)
  })

  it('24-web-messages counts messages', async () => {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
    server.on('connection', socket => {
      for (const text of ['a', 'b', 'c']) socket.send(text)
    })
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    try {
      await sees(example('24-web-messages', `ws://127.0.0.1:${port}`), /Received 3 messages/)
    } finally {
      server.close()
    }
  })
})

describe('16-kafka-exactly-once', { skip: service('kafka').skip }, () => {
  it('counts the words of a topic into another one', async () => {
    const { brokers } = service('kafka').connection
    await using topics = new KafkaTopics(brokers)
    const [from, to] = [await topics.topic(2), await topics.topic()]
    await topics.send(from, 0, ['to be or', 'not to be'])
    example('16-kafka-exactly-once', brokers, from, to, join(dir, 'kafka-checkpoint'))
    const seen = async (): Promise<boolean> => {
      const texts = await committedTexts(brokers, to)
      return texts.join(' ') === '1 1 2 2'
    }
    await until(seen, { timeoutMs: 60_000 })
  })
})
