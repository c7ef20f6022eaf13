import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { describe, it } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { Config } from '../../src/base/config.ts'
import { silentLogger } from '../../src/base/logger.ts'
import {
  type AllocationRules,
  allocationRules,
  WorkerAllocation,
  wantedWorkers,
} from '../../src/streaming/batch/worker-allocation.ts'
import type { BatchInfo, OutputOperationInfo } from '../../src/streaming/listener.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { INLINE } from '../support/backends.ts'

const PREFIX = 'spark.streaming.dynamicAllocation.'
const ON = { [`${PREFIX}enabled`]: true }

describe('how many workers a load needs', () => {
  const rules: AllocationRules = {
    scalingIntervalMs: 60_000,
    upRatio: 0.9,
    downRatio: 0.3,
    minWorkers: 2,
    maxWorkers: 8,
  }
  const table: readonly (readonly [title: string, ratio: number, current: number, wanted: number])[] = [
    ['stays in between', 0.5, 4, 4],
    ['just below the upper ratio stays', 0.89, 4, 4],
    ['one more at the upper ratio', 0.9, 4, 5],
    ['as many as the ratio rounded', 2.5, 4, 7],
    ['one more when that rounds down to one', 1.4, 4, 5],
    ['not above the most', 9, 4, 8],
    ['at least the least', 1, 0, 2],
    ['one less at the lower ratio', 0.3, 4, 3],
    ['one less, however low', 0, 4, 3],
    ['not below the least', 0, 2, 2],
  ]
  for (const [title, ratio, current, wanted] of table)
    it(title, () => assert.equal(wantedWorkers(ratio, current, rules), wanted))
})

describe('the settings of dynamic allocation', () => {
  it('are off by default', () => {
    assert.equal(allocationRules(new Config(), 2), undefined)
  })

  it('have Spark’s defaults, and no more threads than cores', () => {
    assert.deepEqual(allocationRules(new Config(ON), 1), {
      scalingIntervalMs: 60_000,
      upRatio: 0.9,
      downRatio: 0.3,
      minWorkers: 1,
      maxWorkers: availableParallelism(),
    })
    assert.equal(allocationRules(new Config(ON), 100)?.maxWorkers, 100)
  })

  const refusals: readonly (readonly [
    title: string,
    conf: Readonly<Record<string, unknown>>,
    message: RegExp,
  ])[] = [
    ['that of the core at the same time', { 'spark.dynamicAllocation.enabled': true }, /false while/],
    ['a most below the least', { [`${PREFIX}minExecutors`]: 3, [`${PREFIX}maxExecutors`]: 2 }, /at least/],
    ['an upper ratio that is not above the lower', { [`${PREFIX}scalingUpRatio`]: 0.3 }, /above/],
    ['a lower ratio of nothing', { [`${PREFIX}scalingDownRatio`]: 0 }, /a number above 0/],
  ]
  for (const [title, conf, message] of refusals)
    it(`refuse ${title}, at the start`, async () => {
      const settings = new Config({ ...ON, ...conf })
      assert.throws(() => allocationRules(settings, 2), { code: 'INVALID_CONFIG', message })
      await using t = new StreamTest({
        conf: Object.fromEntries(settings.entries()),
        build: t => void t.collect('out', t.input('in', [[1]])),
      })
      await assert.rejects(t.ssc.start(), { code: 'INVALID_CONFIG' })
    })
})

describe('worker allocation', () => {
  /** A pool of `size`, and what ends a batch of so many ms of a second. */
  function allocated(size: number, conf: Readonly<Record<string, unknown>> = {}) {
    const clock = new ManualClock(0)
    const workers = {
      capacity: size,
      resize(to: number) {
        this.capacity = to
      },
    }
    const settings = new Config({ ...ON, [`${PREFIX}maxExecutors`]: 10, ...conf })
    const parts = { conf: settings, clock, logger: silentLogger, batchMs: 1000, workers }
    const allocation = new WorkerAllocation(parts)
    assert.equal(allocation.prepare(), true)
    allocation.start()
    const batch = (processingDelay: number | undefined, failureReason?: string): void => {
      const output = { failureReason } as Partial<OutputOperationInfo> as OutputOperationInfo
      const outputOperationInfos = new Map([[0, output]])
      const batchInfo = { outputOperationInfos, processingDelay } as Partial<BatchInfo> as BatchInfo
      allocation.onBatchCompleted({ batchInfo })
    }
    return { clock, workers, allocation, batch }
  }

  it('follows the mean of each interval', async () => {
    const { clock, workers, batch } = allocated(2)
    for (const ms of [800, 1000, 900]) batch(ms)
    await clock.advance(59_999)
    assert.equal(workers.capacity, 2, 'not before the interval is over')
    await clock.advance(1)
    assert.equal(workers.capacity, 3)
    batch(300)
    await clock.advance(60_000)
    assert.equal(workers.capacity, 2, 'what was before does not count any more')
    batch(3600)
    await clock.advance(60_000)
    assert.equal(workers.capacity, 6)
  })

  it('does nothing without batches, nor by those that failed or never ran', async () => {
    const { clock, workers, batch } = allocated(2)
    await clock.advance(120_000)
    batch(5000, 'sink is closed')
    batch(undefined)
    await clock.advance(60_000)
    assert.equal(workers.capacity, 2)
  })

  it('goes by the settings', async () => {
    const { clock, workers, batch } = allocated(2, {
      [`${PREFIX}scalingInterval`]: '1s',
      [`${PREFIX}scalingUpRatio`]: 0.5,
      [`${PREFIX}maxExecutors`]: 3,
    })
    batch(500)
    await clock.advance(1000)
    assert.equal(workers.capacity, 3)
    batch(5000)
    await clock.advance(1000)
    assert.equal(workers.capacity, 3)
  })

  it('ends with the context', async () => {
    const { clock, workers, allocation, batch } = allocated(2)
    allocation.stop()
    batch(1000)
    await clock.advance(600_000)
    assert.equal(workers.capacity, 2)
  })
})

describe('a program whose load changes', () => {
  it('has more worker threads while batches are slow, fewer when they are quick, and the same results', async () => {
    const sizes: (number | undefined)[] = []
    await using t = new StreamTest({
      master: 'local[1]',
      conf: {
        'kindling.executor': 'threads',
        ...ON,
        [`${PREFIX}scalingInterval`]: '2s',
        [`${PREFIX}maxExecutors`]: 2,
      },
      build: t => {
        const batches = Array.from({ length: 8 }, (_, i) => [i, i])
        const doubled = t.input('in', batches, { partitions: 2 }).map(n => n * 2)
        t.collect('out', doubled)
        doubled.foreachRDD(async (_, { milliseconds }) => {
          sizes.push(t.sc.workers?.capacity)
          await t.clock.sleep(milliseconds <= 4000 ? 950 : 100)
        })
      },
    })
    await t.run(8)
    assert.equal(sizes[0], 1)
    assert.ok(sizes.includes(2))
    assert.equal(sizes.at(-1), 1)
    const expected = Array.from({ length: 8 }, (_, i) => [2 * i, 2 * i])
    assert.deepEqual(t.out('out').batches.slice(0, 8), expected)
  })

  it('on the thread of the program it is told that nothing follows', async () => {
    await using t = new StreamTest({
      master: 'local[2]',
      conf: { ...INLINE, ...ON },
      build: t => void t.collect('out', t.input('in', [[1]])),
    })
    await t.run(1)
    assert.match(t.warnings.join(), /dynamicAllocation.enabled has no effect/)
  })
})
