/** Blocks that tasks on worker threads keep: in memory that all threads read, and back from files. */
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { SparkContext } from '../../../src/context/spark-context.ts'
import type { Node } from '../../../src/rdd/nodes.ts'
import { StorageLevel } from '../../../src/rdd/storage-level.ts'

const sc = new SparkContext({ master: 'local[2]', conf: { 'kindling.executor': 'threads' } })
after(() => sc.stop())

async function blocksOf(node: Node, partitions: number) {
  const all = []
  for (let p = 0; p < partitions; p++) all.push(...((await sc['blocks'].get(node, p)) ?? []))
  return all
}

describe('kept blocks', () => {
  it('of some size lie in shared memory, small ones do not', async () => {
    const large = sc
      .range(0, 40_000, 1, 2)
      .map(n => `text ${n}`)
      .persist(StorageLevel.MEMORY_ONLY)
    const small = sc
      .range(0, 10, 1, 2)
      .map(n => `text ${n}`)
      .persist(StorageLevel.MEMORY_ONLY)
    for (let i = 0; i < 2; i++) {
      assert.equal(await large.count(), 40_000)
      assert.equal(await small.count(), 10)
    }
    const isShared = (block: Awaited<ReturnType<typeof blocksOf>>[number]): boolean =>
      block.kind === 'encoded' && block.bytes.buffer instanceof SharedArrayBuffer
    const kept = await blocksOf(large.node, 2)
    assert.ok(kept.length > 0 && kept.every(isShared))
    assert.ok((await blocksOf(small.node, 2)).every(block => !isShared(block)))
  })

  it('are written to files and read again', async () => {
    const kept = sc
      .range(0, 40_000, 1, 2)
      .map(n => `text ${n}`)
      .persist(StorageLevel.DISK_ONLY)
    assert.equal(await kept.count(), 40_000)
    assert.equal(await kept.filter(text => text.endsWith('9')).count(), 4000)
  })
})
