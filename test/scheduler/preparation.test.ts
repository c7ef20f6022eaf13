import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SparkContext } from '../../src/context/spark-context.ts'
import type { JobStarted } from '../../src/scheduler/events.ts'
import { INLINE } from '../support/backends.ts'
import { rejected } from '../support/rejected.ts'

const later = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** A context, and the names of the actions and operators whose jobs it ran. */
function listening(): { sc: SparkContext; jobs: () => Promise<string[]> } {
  const sc = new SparkContext({ master: 'local[2]', conf: INLINE })
  const seen: string[] = []
  sc.addSparkListener({ onJobStart: (e: JobStarted) => void seen.push(e.description.split(' ')[0]!) })
  return {
    sc,
    jobs: async () => {
      await later()
      await later()
      return seen.splice(0)
    },
  }
}

const shifted = (sc: SparkContext) => sc.range(0, 9, 1, 3).map(x => [8 - x, x] as [number, number])

describe('what a job needs to know first', () => {
  it('is found out once, by jobs in the name of the operator', async () => {
    const { sc, jobs } = listening()
    await using _ = sc
    const sorted = shifted(sc).sortByKey().zipWithIndex()
    assert.deepEqual(await jobs(), [])
    assert.equal((await sorted.collect())[2]![0][0], 2)
    assert.deepEqual(await jobs(), ['sortByKey', 'zipWithIndex', 'collect'])
    await sorted.count()
    assert.deepEqual(await jobs(), ['count'])
  })

  it('is not asked for where kept partitions or map outputs make it needless', async () => {
    const { sc, jobs } = listening()
    await using _ = sc
    const sorted = shifted(sc).sortByKey()
    await sorted.count()
    const kept = sc.range(0, 9, 1, 3).zipWithIndex().cache()
    await kept.count()
    await jobs()
    await kept.map(x => x).collect()
    await sorted.mapValues(x => x).collect()
    assert.deepEqual(await jobs(), ['collect', 'collect'])
  })

  it('two jobs at once agree', async () => {
    const { sc } = listening()
    await using _ = sc
    const sorted = shifted(sc).sortByKey(true, 4)
    const [all, n, top] = await Promise.all([
      sorted.keys().collect(),
      sorted.count(),
      sorted.zipWithIndex().take(1),
    ])
    assert.deepEqual(all, [0, 1, 2, 3, 4, 5, 6, 7, 8])
    assert.equal(n, 9)
    assert.deepEqual(top, [[[0, 8], 0]])
  })

  it('fails the job that needs it, and is tried again by the next', async () => {
    const { sc } = listening()
    await using _ = sc
    let broken = true
    const sorted = shifted(sc)
      .filter(() => {
        if (broken) throw new Error('not yet')
        return true
      })
      .sortByKey()
    await rejected('USER_CODE_FAILED', () => sorted.collect())
    broken = false
    assert.equal(await sorted.count(), 9)
  })
})
