/** What nothing refers to any more goes. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { BroadcastStore } from '../../src/context/broadcast.ts'
import { SparkContext } from '../../src/context/spark-context.ts'
import type { RDD } from '../../src/rdd/rdd.ts'
import { until } from '../../src/testing/index.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const dir = mkdtempSync(join(tmpdir(), 'kindling-cleaning-'))
after(() => rmSync(dir, { recursive: true, force: true }))

it('a broadcast that nothing refers to is dropped wherever it is', async () => {
  const store = new BroadcastStore()
  const dropped: number[] = []
  store.onDrop = id => void dropped.push(id)
  const kept = store.put({ n: 1 })
  const lost = (() => store.put({ n: 2 }).id)()
  await until(() => {
    collectGarbage()
    return dropped.length > 0
  })
  assert.deepEqual(dropped, [lost])
  assert.equal(store.size, 1)
  assert.deepEqual(kept.value, { n: 1 })
})

describe('files of checkpoints', () => {
  const folders = (sc: SparkContext): string[] =>
    readdirSync(sc.getCheckpointDir()!).filter(name => name.startsWith('rdd-'))

  /** Writes an RDD down, and gives one that is computed from it. */
  async function writeDown(sc: SparkContext): Promise<RDD<number>> {
    const written = sc.parallelize([1, 2, 3], 2).map(n => n * 2)
    written.checkpoint()
    await written.count()
    return written.map(n => n + 1)
  }

  it('go with the RDD, and stay while another is computed from it', async () => {
    await using sc = new SparkContext({ conf: { 'spark.cleaner.referenceTracking.cleanCheckpoints': true } })
    sc.setCheckpointDir(dir)
    const child = await writeDown(sc)
    await writeDown(sc)
    assert.equal(folders(sc).length, 2)
    await until(() => {
      collectGarbage()
      return folders(sc).length === 1
    })
    assert.deepEqual(await child.collect(), [3, 5, 7])
  })

  it('stay by default', async () => {
    await using sc = new SparkContext()
    sc.setCheckpointDir(dir)
    const gone = new WeakRef(await writeDown(sc))
    await until(() => {
      collectGarbage()
      return gone.deref() === undefined
    })
    await new Promise(resolve => setImmediate(resolve))
    assert.equal(folders(sc).length, 1)
  })
})
