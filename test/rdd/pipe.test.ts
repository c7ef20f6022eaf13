import assert from 'node:assert/strict'
import { it } from 'node:test'
import { onEveryBackend } from '../support/backends.ts'
import { rejected, thrown } from '../support/rejected.ts'

const node = (script: string): string[] => [process.execPath, '-e', script]
/** Copies its input to its output. */
const COPY = 'process.stdin.pipe(process.stdout)'

onEveryBackend('pipe', ({ sc, master, itHere }) => {
  it('sends each partition through a process of its own, in order', async () => {
    const rdd = sc.parallelize(['b', 'a', 'd', 'c'], 2).pipe('sort')
    assert.deepEqual(await rdd.glom().collect(), [
      ['a', 'b'],
      ['c', 'd'],
    ])
    assert.deepEqual(
      await sc
        .parallelize([['k', 1], { a: 1 }, 7], 1)
        .pipe(['cat'])
        .collect(),
      ['["k",1]', '{"a":1}', '7'],
    )
    assert.deepEqual(
      await sc
        .parallelize(['x'], 3)
        .pipe('wc -l')
        .map(s => s.trim())
        .collect(),
      ['0', '0', '1'],
    )
    assert.deepEqual(await sc.emptyRDD().pipe('cat').collect(), [])
  })

  it('much more than a pipe holds, through narrow steps and functions of partitions', async () => {
    const n = 60_000
    const lines = sc
      .range(0, n, 1, 1)
      .map(x => `line ${x} ${'x'.repeat(20)}`)
      .pipe('cat')
    assert.equal(await lines.filter(l => l.startsWith('line ')).count(), n)
    assert.deepEqual(await lines.mapPartitions(r => [[...r].length]).collect(), [n])
    assert.equal(
      await lines
        .map(l => [l.length, 1] as [number, number])
        .reduceByKey((a, b) => a + b)
        .values()
        .sum(),
      n,
    )
  })

  it('environment, working directory, context lines and own lines', async () => {
    const rdd = sc
      .parallelize([1, 2], 1)
      .pipe(node(`console.log(process.env.GREETING + process.cwd()); ${COPY}`), {
        env: { GREETING: 'hello ' },
        cwd: '/',
        printPipeContext: write => write('head'),
        printRDDElement: (record, write) => {
          write(`${record}a`)
          write(`${record}b`)
        },
      })
    assert.deepEqual(await rdd.collect(), ['hello /', 'head', '1a', '1b', '2a', '2b'])
  })

  it('a process that fails, or cannot start, fails the task with its words', async () => {
    const failing = sc.parallelize(['a'], 1).pipe(node("console.error('bad input'); process.exit(3)"))
    assert.match(
      (await rejected('PIPE_FAILED', () => failing.count())).message,
      /exit code 3; it wrote: bad input.*pipe\.test\.ts/s,
    )
    await rejected('PIPE_FAILED', () => sc.parallelize(['a'], 1).pipe('no-such-program-here').count())
    thrown('INVALID_ARGUMENT', () => sc.range(3).pipe('  '))
    const upstream = sc
      .parallelize([1], 1)
      .map(() => {
        throw new Error('before')
      })
      .pipe('cat')
    assert.match((await rejected('USER_CODE_FAILED', () => upstream.count())).message, /map threw: before/)
    const lines = sc.parallelize([1], 1).pipe('cat', {
      printRDDElement: () => {
        throw new Error('no lines')
      },
    })
    await rejected('USER_CODE_FAILED', () => lines.count())
  })

  itHere('a process need not read everything, and ends when nothing more is wanted', async () => {
    const many = sc.range(0, 100_000, 1, 1).map(x => `${x} ${'y'.repeat(50)}`)
    assert.equal(await many.pipe('head -n 2').count(), 2)
    const endless = sc.parallelize(['a'], 1).pipe('yes')
    assert.deepEqual(await endless.take(3), ['y', 'y', 'y'])
    const started = Promise.withResolvers<void>()
    const hanging = sc
      .parallelize(['a'], 1)
      .pipe(node("console.log('up'); setInterval(() => {}, 1000)"))
      .foreach(() => started.resolve())
    const ended = rejected('JOB_CANCELLED', () => hanging)
    await started.promise
    sc.cancelAllJobs()
    await ended
    assert.equal(await sc.range(3).count(), 3, `${master} goes on`)
  })
})
