import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { SparkContext } from '../../src/context/spark-context.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { LOCAL, ON_THREADS, type Place } from '../support/backends.ts'

const folder = mkdtempSync(join(tmpdir(), 'kindling-pools-'))
after(() => rmSync(folder, { recursive: true }))

function allocation(content: unknown): string {
  const path = join(folder, 'pools.json')
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

/** The pools of tasks in the order in which they begin, of two jobs of three tasks each. */
async function order(
  { master, conf }: Pick<Place, 'master' | 'conf'>,
  settings: Readonly<Record<string, string>>,
): Promise<string> {
  const began: string[] = []
  let start: PromiseWithResolvers<void> | undefined
  await using sc = new SparkContext({
    master,
    conf: { ...conf, ...settings },
    // The first task waits until both jobs are there.
    async taskHook(task) {
      began.push(task.properties.local?.['spark.scheduler.pool'] ?? '-')
      if (began.length === 1) await start?.promise
    },
  })
  const numbers = sc.parallelize([1, 2, 3], 3).map(n => n + 1)
  // Threads take a while to start.
  await numbers.count()
  began.length = 0
  start = Promise.withResolvers()
  const jobs = ['a', 'b'].map(pool =>
    sc.withLocalProperties({ 'spark.scheduler.pool': pool }, () => numbers.collect()),
  )
  await new Promise(resolve => setImmediate(resolve))
  start.resolve()
  for (const result of await Promise.all(jobs)) assert.deepEqual(result, [2, 3, 4])
  return began.join('')
}

for (const place of [LOCAL, { title: 'one worker thread', master: 'local[1]', conf: ON_THREADS.conf }])
  describe(`scheduling on ${place.title}`, () => {
    it('FIFO: the first job first', async () => {
      assert.equal(await order(place, {}), 'aaabbb')
    })

    it('FAIR: the pools of the jobs take turns', async () => {
      assert.equal(await order(place, { 'spark.scheduler.mode': 'FAIR' }), 'ababab')
    })

    it('FAIR with a file of pools: by least share', async () => {
      const path = allocation({ pools: [{ name: 'b', minShare: 1 }] })
      const settings = { 'spark.scheduler.mode': 'FAIR', 'spark.scheduler.allocation.file': path }
      assert.equal(await order(place, settings), 'abbbaa')
    })
  })

describe('the file of pools', () => {
  const refusals: readonly (readonly [string, unknown, RegExp])[] = [
    ['no JSON', '<allocations/>', /a file that can be read and is JSON/],
    ['no list', { pool: [] }, /a file with \{ "pools"/],
    ['a pool without a name', { pools: [{ weight: 1 }] }, /a name for each pool/],
    [
      'another mode',
      { pools: [{ name: 'a', schedulingMode: 'LIFO' }] },
      /FIFO or FAIR as schedulingMode of pool a/,
    ],
    [
      'a weight of nothing',
      { pools: [{ name: 'a', weight: 0 }] },
      /a whole number from 1 up as weight of pool a/,
    ],
    ['a share below nothing', { pools: [{ name: 'a', minShare: -1 }] }, /from 0 up as minShare of pool a/],
    ['a field that nobody knows', { pools: [{ name: 'a', wieght: 2 }] }, /pool a has wieght/],
    ['a pool twice', { pools: [{ name: 'a' }, { name: 'a' }] }, /a is there twice/],
  ]
  for (const [title, content, message] of refusals)
    it(`refuses ${title}`, () => {
      const conf = { 'spark.scheduler.mode': 'FAIR', 'spark.scheduler.allocation.file': allocation(content) }
      assert.throws(() => new SparkContext({ conf }), { code: 'INVALID_CONFIG', message })
    })

  it('refuses a file that is not there, and does not look at it with FIFO', async () => {
    const file = { 'spark.scheduler.allocation.file': join(folder, 'missing.json') }
    const fair = { ...file, 'spark.scheduler.mode': 'FAIR' }
    assert.throws(() => new SparkContext({ conf: fair }), { code: 'INVALID_CONFIG' })
    await using sc = new SparkContext({ conf: file })
    assert.equal(await sc.parallelize([1]).count(), 1)
  })
})

it('outputs that run side by side share the slots by the pools that they name', async () => {
  const began: string[] = []
  await using t = new StreamTest({
    conf: { 'spark.streaming.concurrentJobs': 2, 'spark.scheduler.mode': 'FAIR' },
    build: t => {
      const records = t.input('in', [[1, 2, 3]], { partitions: 3 })
      for (const pool of ['a', 'b'])
        records.foreachRDD(async rdd => {
          t.sc.setLocalProperty('spark.scheduler.pool', pool)
          const noted = rdd.map(n => {
            began.push(pool)
            return n
          })
          await noted.collect()
        })
    },
  })
  await t.run(1)
  assert.deepEqual([...began].sort().join(''), 'aaabbb')
  assert.match(began.join(''), /^(ab){3}$|^(ba){3}$/)
})
