import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { until } from 'kindling/testing'

const root = join(import.meta.dirname, '../..')
const dir = mkdtempSync(join(tmpdir(), 'kindling-cli-'))
const children: ChildProcess[] = []
after(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(dir, { recursive: true, force: true })
})

interface Run {
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
  readonly closed: Promise<[code: number | null, signal: string | null]>
  out: string
  err: string
}

function start(args: readonly string[]): Run {
  const child = spawn(process.execPath, ['--conditions=source', ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  const ended = new Promise<number | null>(resolve => child.on('exit', resolve))
  const closed = new Promise<[number | null, string | null]>(resolve =>
    child.on('close', (code, signal) => resolve([code, signal])),
  )
  const run: Run = { child, ended, closed, out: '', err: '' }
  child.stdout!.on('data', text => {
    run.out += text
  })
  child.stderr!.on('data', text => {
    run.err += text
  })
  return run
}

const cli = (...args: string[]): Run => start(['src/cli/main.ts', ...args])

function program(name: string, text: string): string {
  const file = join(dir, name)
  // Programs of users import the package by name; here it is found from the project's folder.
  writeFileSync(file, text.replaceAll("'kindling'", `'${join(root, 'src/index.ts')}'`))
  return file
}

/** Its batch does not end. */
const long = (): string =>
  program(
    'long.ts',
    `import { StreamingContext } from 'kindling'
const ssc = new StreamingContext({ batchDuration: 50 })
ssc.queueStream<number>([[1]]).foreachRDD(async () => {
console.log('in the batch')
await new Promise(() => setInterval(() => {}, 1000))
})
await ssc.start()
await ssc.awaitTermination()
`,
  )

describe('kindling', () => {
  it('explains itself, and what was typed wrong', async () => {
    const help = cli('--help')
    assert.equal(await help.ended, 0)
    assert.match(help.out, /kindling run/)
    for (const [args, message] of [
      [['dance'], /no command "dance"/],
      [['run'], /needs a program/],
      [['run', '--for', '10', 'app.ts'], /--for/],
      [['run', '--conf', 'nonsense', 'app.ts'], /key=value/],
      [['run', '--unknown', 'app.ts'], /unknown/],
      [['run', 'nothing.ts'], /no file nothing\.ts/],
    ] as const) {
      const run = cli(...args)
      assert.equal(await run.ended, 2, args.join(' '))
      assert.match(run.err, message)
    }
  })

  it('runs the main job on the feeder, and ends by itself with a summary', async () => {
    const run = start(['scripts/start.ts', '--for', '4s', '--rate', '5000'])
    assert.equal(await run.ended, 0, run.err)
    assert.match(run.out, /[\d,]+ records\/s · batch \d+ ms · total delay \d+ ms {2}\| {2}\w+ [\d,]+/)
    assert.match(run.err, /\d+ batches with [\d,]+ records in \d/)
    assert.doesNotMatch(run.err, /with 0 records/)
  })

  it("reads somebody else's socket, and Ctrl-C stops gracefully", async t => {
    const server = createServer(socket => {
      socket.on('error', () => {})
      socket.write('hello hello kindling\n')
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close())
    const { port } = server.address() as { port: number }
    const run = cli('run', 'examples/01-network-word-count.ts', '127.0.0.1', String(port))
    await until(() => run.out.includes('hello 2'), { timeoutMs: 20_000, what: 'the first count' })
    run.child.kill('SIGINT')
    assert.equal(await run.ended, 0)
    assert.match(run.err, /stopping: what has been received is processed first/)
    assert.match(run.err, /batch(es)? with 1 record /)
  })

  it("an error of the program names the operator and the user's line, and the exit code says so", async () => {
    const file = program(
      'broken.ts',
      `import { StreamingContext } from 'kindling'
await using ssc = new StreamingContext({ batchDuration: 50 })
ssc.queueStream<number>([[1, 2, 3]]).map(n => {
  if (n === 3) throw new Error('three')
  return n
}).print()
await ssc.start()
await ssc.awaitTermination()
`,
    )
    const run = cli('run', file)
    assert.equal(await run.ended, 1)
    assert.match(run.err, /USER_CODE_FAILED.*map threw: three.*broken\.ts:3/s)
    assert.match(run.err, /at .*broken\.ts:4/)
  })

  it('a rejection that a task let float fails the task, with its line', async () => {
    for (const [name, how] of [
      ['now', "Promise.reject(new Error('nobody awaits me'))"],
      ['later', "(async () => { await null; await null; throw new Error('nobody awaits me') })()"],
    ] as const) {
      const file = program(
        `floating-${name}.ts`,
        `import { SparkContext } from 'kindling'
await using sc = new SparkContext()
try {
  await sc.parallelize([1, 2, 3]).map(n => {
    if (n === 2) void ${how}
    return n
  }).collect()
  console.log('done')
} catch (error) {
  console.log(error.code, error.message, error.cause.stack.split('\\n')[1])
}
console.log('goes on')
`,
      )
      const run = cli('run', file)
      assert.equal(await run.ended, 0, run.err)
      assert.match(
        run.out,
        /^FLOATING_REJECTION .*a task of collect ran: nobody awaits me.*operator collect, at .*:7/,
      )
      assert.match(run.out, new RegExp(`at .*floating-${name}\\.ts:5`))
      assert.match(run.out, /goes on/)
    }
  })

  it('a task that waits for what a floating rejection broke fails too, and is tried again where attempts are left', async () => {
    const file = program(
      'floating-hangs.ts',
      `import { SparkContext } from 'kindling'
await using sc = new SparkContext({ master: 'local[1,2]', conf: { 'kindling.executor': 'inline' } })
let attempts = 0
await sc.parallelize([1]).foreach(async () => {
  if (++attempts === 2) return
  void new Promise((_, reject) => setTimeout(() => reject(new Error('broken')), 10))
  await new Promise(resolve => setTimeout(resolve, 1e8).unref())
})
console.log('attempts', attempts)
`,
    )
    const run = cli('run', file)
    assert.equal(await run.ended, 0, run.err)
    assert.equal(run.out, 'attempts 2\n')
  })

  it('one that arises in a batch, or in a task of it that has ended, fails the batch', async () => {
    for (const [name, body] of [
      ['callback', "void Promise.reject(new Error('floats'))"],
      [
        'task',
        "await rdd.foreach(() => void new Promise((_, no) => setTimeout(() => no(new Error('floats')), 30))); await new Promise(r => setTimeout(r, 1e8).unref())",
      ],
    ] as const) {
      const file = program(
        `floating-batch-${name}.ts`,
        `import { StreamingContext } from 'kindling'
await using ssc = new StreamingContext({ batchDuration: 50 })
ssc.queueStream<number>([[1]]).foreachRDD(async rdd => {
  ${body}
})
await ssc.start()
await ssc.awaitTermination()
`,
      )
      const run = cli('run', file)
      assert.equal(await run.ended, 1)
      assert.match(
        run.err,
        /FLOATING_REJECTION: .*foreachRDD ran: floats.*operator foreachRDD, at .*:3.*batch \d+ ms/,
      )
      assert.match(run.err, new RegExp(`at .*floating-batch-${name}\\.ts:4`))
      // With batches of 50 ms the next one may fail as well before the program has ended.
      assert.match(run.err, /\d batch(es)? failed/)
    }
  })

  it('one outside of all work ends the program, with its line', async () => {
    const file = program(
      'floating.ts',
      `\nvoid Promise.reject(new Error('alone'))\nsetTimeout(() => {}, 1e8)\n`,
    )
    const run = cli('run', file)
    await until(() => run.err.includes('alone'), { timeoutMs: 20_000 })
    assert.match(run.err, /error: Error: alone\n +at .*floating\.ts:2/)
    run.child.kill('SIGKILL')
  })

  it('Ctrl-C in a long batch: the second one ends at once', async () => {
    const run = cli('run', long())
    await until(() => run.out.includes('in the batch'), { timeoutMs: 20_000 })
    run.child.kill('SIGINT')
    await until(() => run.err.includes('stopping'), { timeoutMs: 20_000 })
    run.child.kill('SIGINT')
    assert.equal(await run.ended, 130)
  })

  it('a second SIGTERM ends at once too, with its own code', async () => {
    const run = cli('run', long())
    await until(() => run.out.includes('in the batch'), { timeoutMs: 20_000 })
    run.child.kill('SIGTERM')
    await until(() => run.err.includes('stopping'), { timeoutMs: 20_000 })
    run.child.kill('SIGTERM')
    assert.equal(await run.ended, 143)
  })

  it('a stop that is not done by its deadline says what is left, and the exit code does too', async () => {
    const run = cli('run', '--deadline', '300ms', long())
    await until(() => run.out.includes('in the batch'), { timeoutMs: 20_000 })
    run.child.kill('SIGTERM')
    assert.equal(await run.ended, 4, run.err)
    assert.match(
      run.err,
      /not done after 300 ms and ends now: 0 batches with 0 records processed; \d+ batch(es)? with 1 record/,
    )
    assert.match(run.err, /did not end, and are lost/)
  })

  it('a stop in time processes what was received', async () => {
    const file = program(
      'in-time.ts',
      `import { StreamingContext, Receiver } from 'kindling'
class Ones extends Receiver<number> {
  async onStart() { await this.storeMany([1]); console.log('stored') }
}
const ssc = new StreamingContext({ batchDuration: 1500 })
ssc.receiverStream(new Ones()).foreachRDD(async rdd => console.log('processed', await rdd.count()))
await ssc.start()
await ssc.awaitTermination()
`,
    )
    const run = cli('run', '--deadline', '20s', '-v', file)
    await until(() => run.out.includes('stored'), { timeoutMs: 20_000 })
    run.child.kill('SIGTERM')
    assert.equal(await run.ended, 0, run.err)
    assert.match(run.out, /processed 1/)
    assert.match(run.err, /the graceful stop is done: 1 batch with 1 record processed/)
  })

  it('a failure that nobody has waited for is a failure', async () => {
    const file = program(
      'unseen.ts',
      `import { StreamingContext } from 'kindling'
const ssc = new StreamingContext({ batchDuration: 50 })
ssc.queueStream<number>([[1]]).foreachRDD(() => { throw new Error('unseen') })
await ssc.start()
`,
    )
    const run = cli('run', file)
    assert.equal(await run.ended, 1, run.err)
    assert.match(run.err, /unseen/)
  })

  it('SIGTERM stops gracefully, unless that is switched off', async () => {
    const file = program(
      'shutdown.ts',
      `import { StreamingContext, Receiver } from 'kindling'
class Ones extends Receiver<number> {
  async onStart() { await this.storeMany([1]); console.log('stored') }
}
const ssc = new StreamingContext({ batchDuration: 600_000 })
ssc.receiverStream(new Ones()).foreachRDD(async rdd => console.log('processed', await rdd.count()))
await ssc.start()
await ssc.awaitTermination()
console.log('ended')
`,
    )
    const run = cli('run', '--conf', 'spark.streaming.stopGracefullyOnShutdown=false', file)
    await until(() => run.out.includes('stored'), { timeoutMs: 20_000 })
    run.child.kill('SIGTERM')
    assert.equal(await run.ended, 0, run.err)
    assert.equal(run.out, 'stored\nended\n')
  })

  it('without the command line, a program that asks for it stops gracefully at a signal, and ends by it', async () => {
    const file = program(
      'own-shutdown.ts',
      `import { StreamingContext, Receiver } from 'kindling'
class Ones extends Receiver<number> {
  async onStart() { await this.storeMany([1]); console.log('stored') }
}
const conf = { 'spark.streaming.stopGracefullyOnShutdown': true }
const ssc = new StreamingContext({ batchDuration: 2000, conf })
ssc.receiverStream(new Ones()).foreachRDD(async rdd => console.log('processed', await rdd.count()))
await ssc.start()
await ssc.awaitTermination()
console.log('ended')
`,
    )
    const run = start([file])
    await until(() => run.out.includes('stored'), { timeoutMs: 20_000 })
    run.child.kill('SIGTERM')
    const [code, signal] = await run.closed
    assert.deepEqual([code, signal], [null, 'SIGTERM'], run.err)
    assert.equal(run.out, 'stored\nprocessed 1\nended\n')
  })

  it('settings of the command line reach the program, which may overrule them', async () => {
    const file = program(
      'settings.ts',
      `import { SparkContext } from 'kindling'
await using a = new SparkContext()
await using b = new SparkContext({ master: 'local[3]', conf: { 'spark.default.parallelism': 7 } })
console.log(a.master, a.defaultParallelism, b.master, b.defaultParallelism, process.argv.slice(2).join())
`,
    )
    const run = cli(
      'run',
      '--master',
      'local[2]',
      '--conf',
      'spark.default.parallelism=5',
      file,
      '--for',
      'me',
    )
    assert.equal(await run.ended, 0, run.err)
    assert.equal(run.out, 'local[2] 5 local[3] 7 --for,me\n')
  })

  it('doctor looks at the machine', async () => {
    const run = cli('doctor')
    assert.equal(await run.ended, 0)
    assert.match(run.out, /ok {2}cores/)
    assert.match(run.out, /ok {2}Parquet files +can be written/)
  })

  it('without code generation the same program runs interpreted', async () => {
    const file = program(
      'plain.ts',
      `import { SparkContext } from 'kindling'
await using sc = new SparkContext()
console.log(JSON.stringify(await sc.parallelize(['a b', 'b']).flatMap(l => l.split(' ')).map(w => [w, 1]).reduceByKey((a, b) => a + b).collect()))
`,
    )
    const run = start(['--disallow-code-generation-from-strings', 'src/cli/main.ts', 'run', file])
    assert.equal(await run.ended, 0, run.err)
    assert.equal(run.out, '[["a",1],["b",2]]\n')
  })
})
