/** Values that tasks look up: kept, loaded together, and once at a time. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { threadId } from 'node:worker_threads'
import fc from 'fast-check'
import { ManualClock } from '../../src/base/clock.ts'
import { SparkContext } from '../../src/context/spark-context.ts'
import { lookup } from '../../src/executor/lookup.ts'
import { LookupCache, type LookupSettings } from '../../src/executor/lookup-cache.ts'
import { rejected, thrown } from '../support/rejected.ts'
import { runs } from '../support/runs.ts'

/** A cache over squares, of which odd ones are not there, and the keys of its calls. */
function squares(settings: Partial<LookupSettings> = {}) {
  const clock = new ManualClock()
  const calls: number[][] = []
  const load = async (keys: readonly number[]): Promise<Map<number, number>> => {
    calls.push([...keys])
    return new Map(keys.filter(key => key % 2 === 0).map(key => [key, key * key]))
  }
  const all = { maxEntries: 10, ttlMs: Number.POSITIVE_INFINITY, maxKeys: 3, ...settings }
  const cache = new LookupCache(load, all, clock)
  const get = (...keys: number[]): Promise<(number | undefined)[]> =>
    Promise.all(keys.map(key => cache.get(key)))
  return { cache, calls, clock, get }
}

describe('LookupCache', () => {
  it('loads keys of one turn together, each once, no more than maxKeys at a time', async () => {
    const { calls, get } = squares()
    assert.deepEqual(await get(2, 4, 2, 3, 6, 4), [4, 16, 4, undefined, 36, 16])
    assert.deepEqual(calls, [[2, 4, 3], [6]])
  })

  it('knows what it has found, also that there is nothing', async () => {
    const { calls, get } = squares()
    await get(2, 3)
    assert.deepEqual(await get(3, 2), [undefined, 4])
    assert.equal(calls.length, 1)
  })

  it('forgets after the time to live', async () => {
    const { calls, clock, get } = squares({ ttlMs: 1000 })
    await get(2)
    await clock.advance(999)
    await get(2)
    assert.equal(calls.length, 1)
    await clock.advance(1)
    await get(2)
    assert.equal(calls.length, 2)
  })

  it('drops what was not asked for longest', async () => {
    const { cache, calls, get } = squares({ maxEntries: 2 })
    await get(2, 4)
    await get(2)
    await get(6)
    await get(2)
    assert.deepEqual(calls, [[2, 4], [6]])
    await get(4)
    assert.deepEqual(calls, [[2, 4], [6], [4]])
    assert.equal(cache.size, 2)
  })

  it('throws what a load threw at all who wait, and asks again', async () => {
    let asked = 0
    const cache = new LookupCache<string, string>(
      async keys => {
        if (++asked === 1) throw new Error('gone')
        return keys.map(key => [key, key])
      },
      { maxEntries: 9, ttlMs: 1, maxKeys: 9 },
    )
    const results = await Promise.allSettled([cache.get('a'), cache.get('a'), cache.get('b')])
    assert.deepEqual(new Set(results.map(({ status }) => status)), new Set(['rejected']))
    assert.equal(await cache.get('a'), 'a')
    assert.equal(asked, 2)
  })

  it('refuses what is no list of pairs', async () => {
    const cache = new LookupCache<string, string>(() => undefined as never, {
      maxEntries: 9,
      ttlMs: 1,
      maxKeys: 9,
    })
    await rejected('INVALID_ARGUMENT', () => cache.get('a'))
  })

  it('gives what a plain function would, whatever is asked in whatever order', async () => {
    const turns = fc.array(fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 6 }), { maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(turns, fc.integer({ min: 1, max: 5 }), async (asked, maxEntries) => {
        const { cache, get } = squares({ maxEntries })
        for (const keys of asked) {
          assert.deepEqual(
            await get(...keys),
            keys.map(key => (key % 2 === 0 ? key * key : undefined)),
          )
          assert.ok(cache.size <= maxEntries)
        }
      }),
      { numRuns: runs },
    )
  })
})

describe('lookup', () => {
  for (const executor of ['inline', 'threads'])
    it(`is used by tasks: ${executor}`, async () => {
      const sc = new SparkContext({ master: 'local[2]', conf: { 'kindling.executor': executor } })
      const names = lookup(async (ids: readonly number[]) =>
        ids.map(id => [id, `${id} by ${threadId === 0}`]),
      )
      const isHere = executor === 'inline'
      try {
        const found = await sc
          .parallelize([1, 2, 1], 2)
          .mapAsync(id => names.get(id))
          .collect()
        assert.deepEqual(found, [`1 by ${isHere}`, `2 by ${isHere}`, `1 by ${isHere}`])
      } finally {
        await sc.stop()
      }
    })

  for (const options of [{ maxEntries: 0 }, { maxKeys: 1.5 }])
    it(`refuses ${JSON.stringify(options)}`, () => {
      thrown('INVALID_ARGUMENT', () => lookup(() => [], options))
    })
})
