import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { RDD } from '../../src/rdd/rdd.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'

it('an RDD that a program holds after its batch was forgotten is not computed again (D157)', async () => {
  const computed: number[] = []
  let held: RDD<[number, number]> | undefined
  await using t = new StreamTest({
    build: t => {
      const sums = t
        .input('in', [[1, 2], [3], [4], [5]])
        .map(n => {
          computed.push(n)
          return [n % 2, n] as [number, number]
        })
        .reduceByKey((a, b) => a + b)
      sums.foreachRDD(async (rdd, { milliseconds }) => {
        await rdd.count()
        if (milliseconds === 1000) held = rdd
      })
    },
  })
  await t.run(4)
  assert.deepEqual((await held!.collect()).toSorted(), [
    [0, 2],
    [1, 1],
  ])
  assert.deepEqual(computed, [1, 2, 3, 4, 5])
})

it('a stream that builds each batch on the one before computes each record once (D157)', async () => {
  const computed: number[] = []
  const totals: unknown[] = []
  await using t = new StreamTest({
    build: t => {
      let before: RDD<[string, number]> | undefined
      const running = t.input('in', [[1], [2], [3], [4]]).transform(rdd => {
        const pairs = rdd.map(n => {
          computed.push(n)
          return ['sum', n] as [string, number]
        })
        before = (before === undefined ? pairs : before.union(pairs)).reduceByKey((a, b) => a + b, 1)
        return before
      })
      running.foreachRDD(async (rdd, { milliseconds }) => {
        if (milliseconds % 2000 === 0) totals.push(await rdd.collect())
      })
    },
  })
  await t.run(4)
  assert.deepEqual(totals, [[['sum', 3]], [['sum', 10]]])
  assert.deepEqual(computed.toSorted(), [1, 2, 3, 4])
})
