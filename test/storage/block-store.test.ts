import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { silentLogger } from '../../src/base/logger.ts'
import { SparkContext } from '../../src/context/spark-context.ts'
import type { Node } from '../../src/rdd/nodes.ts'
import { StorageLevel } from '../../src/rdd/storage-level.ts'
import { type Block, blockOfPairs, blockOfRows, chunkOf } from '../../src/storage/block.ts'
import { BlockFiles } from '../../src/storage/block-files.ts'
import { BlockStore } from '../../src/storage/block-store.ts'
import { until } from '../../src/testing/until.ts'
import { runs } from '../support/runs.ts'

const folder = mkdtempSync(join(tmpdir(), 'kindling-block-store-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const { MEMORY_ONLY, MEMORY_AND_DISK, MEMORY_ONLY_SER, DISK_ONLY, NONE } = StorageLevel
const ROWS = 100

/** A node as far as the store looks at it, and a block of about a kilobyte. */
let nextId = 0
function node(storage: StorageLevel, numPartitions = 1): Node {
  return { id: nextId++, storage, numPartitions } as Node
}
const block = (seed: number): Block =>
  blockOfRows(Array.from({ length: ROWS }, (_, i) => `${seed} ${i}`.padEnd(10, '.')))

function store(maxBytes: number): BlockStore {
  return new BlockStore(maxBytes, new BlockFiles(folder), silentLogger)
}

async function rowsOf(kept: BlockStore, of: Node, partition = 0): Promise<unknown[] | undefined> {
  const blocks = await kept.get(of, partition)
  return blocks?.flatMap(b => {
    const chunk = chunkOf(b)
    return chunk.kind === 'rows' ? [...chunk.rows] : []
  })
}

const files = (): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))

/** Room for two blocks and a half. */
const TIGHT = 3000

describe('BlockStore', () => {
  it('the partition used longest ago makes room: to a file, or away, as its level says', async () => {
    const kept = store(TIGHT)
    const [disk, memory, third] = [node(MEMORY_AND_DISK), node(MEMORY_ONLY), node(MEMORY_ONLY)]
    await kept.put(disk, 0, [block(1)])
    await kept.put(memory, 0, [block(2)])
    assert.deepEqual(files(), [])
    await kept.put(third, 0, [block(3)])
    assert.equal(files().length, 1)
    assert.deepEqual(kept.sizeOf(disk).memoryBytes, 0)
    assert.deepEqual(await rowsOf(kept, disk), chunkRows(block(1)))
    // Used just now, so the other one goes.
    assert.deepEqual(await rowsOf(kept, memory), chunkRows(block(2)))
    await kept.put(node(MEMORY_ONLY), 0, [block(4)])
    assert.equal(kept.has(third, 0), false)
    assert.equal(kept.has(memory, 0), true)
    await kept.close()
    assert.deepEqual(files(), [])
  })

  it('no partition makes room for another of the same node', async () => {
    const kept = store(TIGHT)
    const one = node(MEMORY_ONLY, 4)
    for (let p = 0; p < 4; p++) await kept.put(one, p, [block(p)])
    assert.deepEqual(
      [0, 1, 2, 3].map(p => kept.has(one, p)),
      [true, true, false, false],
    )
    assert.ok(kept.usedBytes <= TIGHT)
    const other = node(MEMORY_AND_DISK, 4)
    for (let p = 0; p < 4; p++) await kept.put(other, p, [block(p)])
    assert.equal(kept.isComplete(other), true)
    for (let p = 0; p < 4; p++) assert.deepEqual(await rowsOf(kept, other, p), chunkRows(block(p)))
    await kept.close()
  })

  it('what is larger than all room is not kept, or on disk only', async () => {
    const kept = store(500)
    const [memory, disk] = [node(MEMORY_ONLY), node(MEMORY_AND_DISK)]
    await kept.put(memory, 0, [block(1)])
    await kept.put(disk, 0, [block(1)])
    assert.equal(kept.has(memory, 0), false)
    assert.deepEqual(await rowsOf(kept, disk), chunkRows(block(1)))
    assert.equal(kept.usedBytes, 0)
    await kept.close()
  })

  it('serialised levels keep bytes; DISK_ONLY keeps nothing in memory', async () => {
    const kept = store(1 << 20)
    const [ser, disk] = [node(MEMORY_ONLY_SER), node(DISK_ONLY)]
    await kept.put(ser, 0, [block(1), blockOfPairs(['a'], [1])])
    assert.deepEqual(
      (await kept.get(ser, 0))!.map(b => b.kind),
      ['encoded', 'encoded'],
    )
    await kept.put(disk, 0, [block(2)])
    assert.equal(kept.sizeOf(disk).memoryBytes, 0)
    assert.ok(kept.sizeOf(disk).diskBytes > 0)
    kept.drop(disk)
    await until(() => files().length === 0)
    await kept.close()
  })

  it('a file that is gone or changed is a partition that is not here', async () => {
    const kept = store(0)
    for (const harm of [
      (path: string) => rmSync(path),
      (path: string) => writeFileSync(path, readFileSync(path).subarray(0, 40)),
      (path: string) => writeFileSync(path, readFileSync(path).fill(7, 60, 61)),
    ]) {
      const of = node(DISK_ONLY)
      await kept.put(of, 0, [block(1)])
      harm(files()[0]!)
      assert.equal(await kept.get(of, 0), undefined)
      assert.equal(kept.has(of, 0), false)
      for (const path of files()) rmSync(path)
    }
    await kept.close()
  })

  it('unpersisted while room was made: nothing stays', async () => {
    const kept = store(TIGHT)
    const first = node(MEMORY_AND_DISK)
    const second = node(MEMORY_AND_DISK)
    await kept.put(first, 0, [block(1), block(2)])
    const putting = kept.put(second, 0, [block(3), block(4)])
    second.storage = NONE
    kept.drop(second)
    await putting
    assert.equal(kept.has(second, 0), false)
    kept.drop(first)
    assert.equal(kept.usedBytes, 0)
    await until(() => files().length === 0)
    await kept.close()
  })

  it('what nobody refers to any more is given back', async () => {
    setFlagsFromString('--expose-gc')
    const collectGarbage = runInNewContext('gc') as () => void
    const kept = store(1 << 20)
    for (let i = 0; i < 10; i++) await kept.put(node(i % 2 ? DISK_ONLY : MEMORY_ONLY), 0, [block(i)])
    assert.equal(files().length, 5)
    await until(() => {
      collectGarbage()
      return kept.usedBytes === 0 && files().length === 0
    })
    await kept.close()
  })
})

function chunkRows(of: Block): unknown[] {
  const chunk = chunkOf(of)
  return chunk.kind === 'rows' ? [...chunk.rows] : []
}

describe('persisted RDDs with little room', () => {
  const level = fc.constantFrom(
    StorageLevel.MEMORY_ONLY,
    StorageLevel.MEMORY_ONLY_SER,
    StorageLevel.MEMORY_AND_DISK,
    StorageLevel.MEMORY_AND_DISK_SER_2,
    StorageLevel.DISK_ONLY,
    StorageLevel.OFF_HEAP,
  )
  const record = fc.oneof(
    fc.string(),
    fc.tuple(fc.integer(), fc.string()),
    fc.record({ n: fc.integer() }, { noNullPrototype: true }),
  )

  for (const master of ['local', 'local[3]'])
    it(`give the same as without, whatever is evicted, ${master} (property)`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(level, fc.array(record, { maxLength: 40 }), fc.integer({ min: 1, max: 4 })), {
            minLength: 1,
            maxLength: 5,
          }),
          fc.constantFrom(0, 200, 1000, 1 << 20),
          async (given, maxBytes) => {
            await using sc = new SparkContext({
              master,
              conf: { 'kindling.storage.maxBytes': maxBytes, 'spark.local.dir': folder },
            })
            const rdds = given.map(([level, records, n]) =>
              sc
                .parallelize<unknown>(records, n)
                .map(r => [r, 1] as [unknown, number])
                .persist(level),
            )
            for (let round = 0; round < 3; round++)
              await Promise.all(
                rdds.map(async (rdd, i) =>
                  assert.deepEqual(
                    await rdd.collect(),
                    given[i]![1].map(r => [r, 1]),
                  ),
                ),
              )
            for (const rdd of rdds) rdd.unpersist()
            assert.equal(sc.blocks.usedBytes, 0)
          },
        ),
        { numRuns: Math.ceil(runs / 4) },
      )
      assert.deepEqual(readdirSync(folder), [])
    })
})
