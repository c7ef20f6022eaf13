/** Attempts on worker threads that hang, take too long, or take their thread along. */
import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { KindlingError } from '../../../src/base/errors.ts'
import { SparkContext } from '../../../src/context/spark-context.ts'
import type { TaskEnded } from '../../../src/scheduler/events.ts'

const folder = mkdtempSync(join(tmpdir(), 'kindling-lost-'))
after(() => rmSync(folder, { recursive: true }))

let flags = 0
/** The path of a file that is not there yet. */
const newFlag = (): string => join(folder, `flag-${flags++}`)

/** Whether the flag was not there; now it is. */
function isFirst(flag: string): boolean {
  try {
    closeSync(openSync(flag, 'wx'))
    return true
  } catch {
    return false
  }
}

/** Never returns, and does nothing. */
function hang(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}

interface Watched {
  readonly sc: SparkContext
  readonly warnings: string[]
  /** Attempts of the first job at a partition that have ended, with the code of their error; known once the context is stopped. */
  ended(partition: number): string[]
  [Symbol.asyncDispose](): Promise<void>
}

function context(master: string, conf: Readonly<Record<string, string>>): Watched {
  const warnings: string[] = []
  const ignore = (): void => {}
  const sc = new SparkContext({
    master,
    conf: { 'kindling.executor': 'threads', 'kindling.task.killAfter': '20ms', ...conf },
    logger: { debug: ignore, info: ignore, error: ignore, warn: message => void warnings.push(message) },
  })
  const tasks: TaskEnded[] = []
  sc.addSparkListener({ onTaskEnd: task => void tasks.push(task) })
  return {
    sc,
    warnings,
    ended: partition =>
      tasks
        .filter(task => task.jobId === 0 && task.partition === partition)
        .toSorted((a, b) => a.attempt - b.attempt)
        .map(({ speculative, error }) => {
          const outcome = error === undefined ? 'ok' : (error as KindlingError).code
          return speculative ? `copy ${outcome}` : outcome
        }),
    [Symbol.asyncDispose]: () => sc.stop(),
  }
}

const numbers = [0, 1, 2, 3, 4, 5]

describe('speculation on worker threads', () => {
  const conf = {
    'spark.speculation': 'true',
    'spark.speculation.quantile': '0.5',
    'spark.speculation.interval': '10ms',
    'spark.speculation.minTaskRuntime': '50ms',
  }

  it('a copy stands in for a thread that hangs, which is replaced', async () => {
    await using t = context('local[2]', conf)
    const flag = newFlag()
    const result = await t.sc
      .parallelize(numbers, 6)
      .map(n => {
        if (n === 0 && isFirst(flag)) hang()
        return n * 10
      })
      .collect()
    assert.deepEqual(result, [0, 10, 20, 30, 40, 50])
    assert.equal(isFirst(flag), false, 'it hung')
    assert.equal(
      await t.sc
        .parallelize(numbers, 6)
        .map(n => n + 1)
        .count(),
      6,
    )
    await t.sc.stop()
    assert.deepEqual(t.ended(0), ['WORKER_LOST', 'copy ok'])
  })

  it('so in a map stage: its output and what it adds count once', async () => {
    await using t = context('local[2]', conf)
    const flag = newFlag()
    const added = t.sc.longAccumulator()
    const sums = await t.sc
      .parallelize(numbers, 6)
      .map(n => {
        added.add(1)
        if (n === 0 && isFirst(flag)) hang()
        return [n % 2, n] as [number, number]
      })
      .reduceByKey((a, b) => a + b, 1)
      .collect()
    assert.deepEqual(sums.toSorted(), [
      [0, 6],
      [1, 9],
    ])
    assert.equal(isFirst(flag), false, 'it hung')
    assert.equal(added.value, 6)
  })
})

describe('kindling.task.timeout', () => {
  const conf = { 'kindling.task.timeout': '500ms' }

  it('a task that hangs ends with its thread, and runs again', async () => {
    await using t = context('local[2]', conf)
    const flag = newFlag()
    const result = await t.sc
      .parallelize([1, 2], 2)
      .map(n => {
        if (n === 1 && isFirst(flag)) hang()
        return n
      })
      .collect()
    assert.deepEqual(result, [1, 2])
    await t.sc.stop()
    assert.equal(t.ended(0)[0], 'TASK_TIMED_OUT')
    assert.ok(t.warnings.some(text => text.includes('its task was cancelled and did not end')))
  })

  it('counts as a failure', async () => {
    await using t = context('local[1,2]', conf)
    const job = t.sc
      .parallelize([1], 1)
      .map(n => {
        hang()
        return n
      })
      .count()
    await assert.rejects(job, {
      code: 'TASK_TIMED_OUT',
      message: /longer than 500 ms \(kindling.task.timeout\)/,
    })
    await t.sc.stop()
    assert.deepEqual(t.ended(0), ['TASK_TIMED_OUT', 'TASK_TIMED_OUT'])
  })

  it('a task that ends when it is cancelled leaves its thread alone', async () => {
    await using t = context('local[1,1]', { ...conf, 'kindling.task.killAfter': '1h' })
    const job = t.sc
      .parallelize([1], 1)
      .mapAsync(
        (_, { signal }) => new Promise<number>(done => signal.addEventListener('abort', () => done(0))),
      )
      .count()
    await assert.rejects(job, { code: 'TASK_TIMED_OUT' })
    assert.equal(
      await t.sc
        .parallelize([1, 2], 1)
        .map(n => n + 1)
        .count(),
      2,
    )
    assert.deepEqual(t.warnings, [])
  })
})

describe('a thread that ends', () => {
  it('is no failure of its task', async () => {
    await using t = context('local[2,1]', {})
    const flag = newFlag()
    const result = await t.sc
      .parallelize(numbers, 6)
      .map(n => {
        if (n === 0 && isFirst(flag)) process.exit(7)
        return n
      })
      .collect()
    assert.deepEqual(result, numbers)
    await t.sc.stop()
    assert.deepEqual(t.ended(0), ['WORKER_LOST', 'ok'])
  })

  it('four times with the same task ends the job, and the context goes on', async () => {
    await using t = context('local[2,1]', {})
    const job = t.sc
      .parallelize(numbers, 6)
      .map(n => {
        if (n === 5) process.exit(7)
        return n
      })
      .collect()
    await assert.rejects(job, { code: 'WORKER_LOST', message: /exited with code 7/ })
    assert.equal(
      await t.sc
        .parallelize(numbers, 3)
        .map(n => n + 1)
        .count(),
      6,
    )
    await t.sc.stop()
    assert.deepEqual(t.ended(5), ['WORKER_LOST', 'WORKER_LOST', 'WORKER_LOST', 'WORKER_LOST'])
  })
})
