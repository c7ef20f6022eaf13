/** Reference data in versions, one for each batch. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type DirectSource, isKindlingError, type Refreshing, refreshing } from 'kindling'
import { StreamTest, type StreamTestOptions } from 'kindling/testing'
import { rejected } from '../support/rejected.ts'

/** Loads 1, 2, 3, …; `undefined` stands for a load that fails. */
function loader(fails: (n: number) => boolean = () => false) {
  let n = 0
  return async (): Promise<{ n: number }> => {
    n++
    if (fails(n)) throw new Error(`load ${n} failed`)
    return { n }
  }
}

/** A batch each second: what its two partitions, and a second stream, see of the data. */
function program(rates: Refreshing<{ n: number }>, options: Partial<StreamTestOptions> = {}): StreamTest {
  return new StreamTest({
    ...options,
    build: t => {
      const input = t.input(
        'in',
        Array.from({ length: 9 }, () => ['a', 'b']),
        { partitions: 2 },
      )
      const seen = input.transform((rdd, time) => {
        const now = rates.at(t.sc, time)
        return rdd.map(() => now.value.n)
      })
      const also = input.transform((rdd, time) => {
        const now = rates.at(t.sc, time)
        return rdd.map(() => now.value.n)
      })
      t.collect('seen', seen.union(also))
    },
  })
}

/** What each batch saw. */
function seen(t: StreamTest): readonly (readonly number[])[] {
  return t.out<number>('seen').batches
}

describe('refreshing', () => {
  it('gives each batch one version, and later ones the next', async () => {
    await using t = program(await refreshing(loader(), { every: '2 s' }))
    await t.run(6)
    assert.deepEqual(
      seen(t).map(batch => new Set(batch)),
      [1, 1, 1, 2, 2, 3].map(n => new Set([n])),
    )
  })

  it('keeps the version of a batch whose tasks fail and run again, on other threads too', async () => {
    await using t = program(await refreshing(loader(), { every: '1 s' }), {
      master: 'local[2,4]',
      conf: { 'kindling.executor': 'threads' },
    })
    for (const nth of [1, 2]) t.failAt('task', { partition: 1, attempt: 0, nth })
    await t.run(3)
    assert.deepEqual(seen(t), [
      [1, 1, 1, 1],
      [1, 1, 1, 1],
      [2, 2, 2, 2],
    ])
  })

  it('keeps the old version when a load fails, tells it, and tries again', async () => {
    const told: string[] = []
    const rates = await refreshing(
      loader(n => n === 2 || n === 3),
      {
        every: '2 s',
        onError: error => told.push((error as Error).message),
      },
    )
    await using t = program(rates)
    await t.run(7)
    assert.deepEqual(told, ['load 2 failed', 'load 3 failed'])
    assert.deepEqual(
      seen(t).map(([n]) => n),
      [1, 1, 1, 1, 1, 4, 4],
    )
  })

  it('fails a batch for which the data would be too old', async () => {
    await using t = program(
      await refreshing(
        loader(n => n > 1),
        { every: '1 s', maxAge: '2 s' },
      ),
    )
    await t.run(4, { collectErrors: true })
    assert.deepEqual(
      seen(t)
        .slice(0, 3)
        .map(([n]) => n),
      [1, 1, 1],
    )
    const [error] = t.errors
    assert.ok(
      [error, (error as Error).cause].some(e => isKindlingError(e, 'REFERENCE_DATA_STALE')),
      String(error),
    )
    assert.match(String(error), /3\.0 s old, and at most 2\.0 s is allowed \(maxAge\): load \d failed/)
  })

  it('throws what the first load throws, and refuses no interval', async () => {
    await assert.rejects(
      refreshing(
        loader(() => true),
        { every: '1 s' },
      ),
      /load 1 failed/,
    )
    await rejected('INVALID_DURATION', () => refreshing(loader(), { every: 'soon' as '1 s' }))
  })
})

/** What docs/lookups.md advises where a batch that runs again must see the same: D184. */
describe('reference data as a direct source', () => {
  it('is in the batch that runs again after a crash, and in state made again, as it was (D184)', async () => {
    let newest = 1
    const source: DirectSource<[string, number], { version: number }, number> = {
      name: 'rates',
      plan: ({ position }) => {
        const version = newest === 0 ? position : newest
        return { ranges: version === undefined ? [] : [{ version }], position: version }
      },
      read: (sc, ranges) =>
        sc.fromPartitions(ranges, ({ version }: { version: number }) => [['usd', version * 10]]),
      close() {},
    }
    await using t = new StreamTest({
      checkpointDir: true,
      build(t) {
        const rates = t.ssc.directStream(source).uid('rates')
        const orders = t
          .input<[string, number]>(
            'in',
            Array.from({ length: 9 }, (_, i) => [['usd', i + 1]]),
          )
          .uid('orders')
        const euros = orders.join(rates).map(([currency, [amount, rate]]) => [currency, amount * rate])
        t.collect('euros', euros)
        t.collect(
          'sums',
          euros
            .updateStateByKey<number>((values, sum = 0) => values.reduce((a, b) => a + b, sum))
            .uid('sums'),
        )
      },
    })
    await t.run(1)
    t.crashAt('task', { nth: 1 })
    await t.run(1).catch(() => {})
    assert.ok(t.crashed)
    newest = 2
    await t.crashAndRestart()
    await t.run(1)
    // Who keeps them is away: batches go on with the version that they have.
    newest = 0
    await t.run(1)
    assert.deepEqual(t.out('euros').batches, [[['usd', 10]], [['usd', 20]], [['usd', 60]], [['usd', 80]]])
    assert.deepEqual(t.out('sums').batches.at(-1), [['usd', 170]])
  })
})
