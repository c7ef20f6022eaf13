import assert from 'node:assert/strict'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { checkpointedNode } from '../../src/context/checkpoints.ts'
import { SparkContext } from '../../src/context/spark-context.ts'
import type { NarrowNode } from '../../src/rdd/nodes.ts'
import { HashPartitioner, RangePartitioner } from '../../src/rdd/partitioner.ts'
import { RDD } from '../../src/rdd/rdd.ts'
import { StorageLevel } from '../../src/rdd/storage-level.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { onEachContext } from '../support/contexts.ts'
import { rejected, thrown } from '../support/rejected.ts'

const dir = mkdtempSync(join(tmpdir(), 'kindling-checkpoint-'))
after(() => rmSync(dir, { recursive: true, force: true }))
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

onEachContext('checkpoint', (make, itHere) => {
  itHere('writes after the first job, and is read from then on', async () => {
    const sc = make()
    assert.equal(sc.getCheckpointDir(), undefined)
    thrown('CHECKPOINT_DIR_NOT_SET', () => sc.parallelize([1]).checkpoint())
    sc.setCheckpointDir(dir)
    assert.match(sc.getCheckpointDir()!, /[0-9a-f-]{36}$/)
    let calls = 0
    const rdd = sc.parallelize([1, 2, 3], 2).map(n => {
      calls++
      return { n }
    })
    const above = rdd.map(r => r.n * 10)
    rdd.checkpoint()
    assert.ok(!rdd.isCheckpointed)
    assert.equal(rdd.getCheckpointFile(), undefined)
    assert.equal(await above.count(), 3)
    assert.equal(calls, 6, 'once for the action, once for the files')
    assert.ok(rdd.isCheckpointed)
    assert.equal(rdd.getCheckpointFile(), join(sc.getCheckpointDir()!, `rdd-${rdd.id}`))
    assert.deepEqual(readdirSync(rdd.getCheckpointFile()!).sort(), ['_SUCCESS', 'part-00000', 'part-00001'])
    assert.deepEqual(await rdd.collect(), [{ n: 1 }, { n: 2 }, { n: 3 }])
    assert.deepEqual(await above.collect(), [10, 20, 30])
    assert.deepEqual(
      await rdd
        .map(r => r.n)
        .glom()
        .collect(),
      [[1], [2, 3]],
    )
    assert.deepEqual(
      await rdd
        .mapPartitions(function* (records) {
          yield [...records].length
        })
        .collect(),
      [1, 2],
    )
    assert.deepEqual(await rdd.take(2), [{ n: 1 }, { n: 2 }])
    assert.equal(calls, 6)
    rdd.checkpoint()
    await rdd.count()
    assert.equal(calls, 6)
  })

  itHere('persisted first, nothing is computed twice; kept blocks come before files', async () => {
    const sc = make()
    sc.setCheckpointDir(dir)
    let calls = 0
    const rdd = sc.parallelize([1, 2, 3], 2).map(n => {
      calls++
      return n
    })
    rdd.cache().checkpoint()
    await rdd.count()
    assert.equal(calls, 3)
    rmSync(rdd.getCheckpointFile()!, { recursive: true })
    assert.deepEqual(await rdd.collect(), [1, 2, 3])
    rdd.unpersist()
    await rejected('CHECKPOINT_DAMAGED', () => rdd.collect())
  })

  it('cuts the lineage: stages behind it are gone, and parents are let go', async () => {
    const sc = make()
    sc.setCheckpointDir(dir)
    const stages: number[] = []
    sc.addSparkListener({ onJobStart: job => void stages.push(job.stageIds.length) })
    const before = sc.parallelize(
      [
        ['a', 1],
        ['b', 2],
        ['a', 3],
      ] as [string, number][],
      2,
    )
    const counts = before.reduceByKey((a, b) => a + b, new HashPartitioner(3)).mapValues(n => n)
    counts.checkpoint()
    const expected = (await counts.collect()).sort()
    await turn()
    assert.notEqual((counts.node as NarrowNode).parent, before.node)
    assert.equal((counts.node as NarrowNode).parent, counts.node.checkpoint!.source)
    assert.equal(counts.partitioner?.numPartitions, 3)
    assert.deepEqual(
      counts.dependencies.map(d => d.kind),
      ['narrow'],
    )
    assert.match(
      counts.toDebugString(),
      /MapPartitionsRDD.*\n.*ReliableCheckpointRDD\[\d+\] at checkpoint at /,
    )
    assert.deepEqual((await counts.collect()).sort(), expected)
    assert.deepEqual(await counts.reduceByKey((a, b) => a + b, new HashPartitioner(3)).count(), 2)
    await sc.stop()
    assert.deepEqual(stages, [2, 1, 1, 1], 'the action, the files (map stage skipped), two reads')
  })

  it('every kind of node can be cut, also after jobs over it (D64), and pairs, text and unions read the same', async () => {
    const sc = make()
    sc.setCheckpointDir(dir)
    const file = join(dir, `text-${sc.master}-${sc.conf.getRaw('kindling.task.segments')}`)
    writeFileSync(file, 'b\na\nc\n')
    const text = sc.textFile(file)
    const pairs = text.map(line => [line, line.length] as [string, number])
    const kinds: [string, RDD<unknown>][] = [
      ['source', text],
      ['narrow', pairs],
      ['shuffle', pairs.groupByKey(2)],
      ['sorted', text.sortBy(line => line)],
      ['union', text.union(text)],
      ['coalesce', sc.parallelize([1, 2, 3, 4], 4).coalesce(2)],
      ['zip', text.zip(text)],
      ['cartesian', text.cartesian(sc.parallelize([1, 2], 2))],
      ['empty', sc.emptyRDD()],
    ]
    for (const [name, rdd] of kinds) {
      const expected = await rdd.glom().collect()
      rdd.checkpoint()
      await rdd.count()
      await turn()
      assert.ok(rdd.isCheckpointed, name)
      assert.deepEqual(await rdd.glom().collect(), expected, name)
      assert.deepEqual(
        await rdd
          .map(r => [r])
          .glom()
          .collect(),
        expected.map(p => p.map(r => [r])),
        name,
      )
    }
  })

  it('the files alone give the RDD back, with its partitioner', async () => {
    const sc = make()
    sc.setCheckpointDir(dir)
    const pairs = sc.parallelize(
      [
        [1, 'a'],
        [2, 'b'],
        [5, 'c'],
      ] as [number, string][],
      2,
    )
    const own = { numPartitions: 2, partition: () => 0 }
    for (const rdd of [pairs, pairs.partitionBy(3), pairs.sortByKey(false, 2), pairs.partitionBy(own)]) {
      rdd.checkpoint()
      const expected = await rdd.glom().collect()
      const node = await checkpointedNode(rdd.getCheckpointFile()!, rdd.node.scope)
      assert.deepEqual(await new RDD(sc, node).glom().collect(), expected)
      const { partitioner } = node
      if (rdd.partitioner instanceof HashPartitioner) assert.ok(rdd.partitioner.equals(partitioner!))
      else if (rdd.partitioner instanceof RangePartitioner)
        for (const key of [0, 1, 2, 3, 9])
          assert.equal(partitioner!.partition(key), rdd.partitioner.partition(key))
      else assert.equal(partitioner, undefined)
    }
    await rejected('INPUT_PATH_NOT_FOUND', () => checkpointedNode(join(dir, 'none'), pairs.node.scope))
  })

  itHere('a failure while writing fails the action, and the next job writes again', async () => {
    const sc = make()
    sc.setCheckpointDir(dir)
    class Own {}
    let bad = true
    const rdd = sc.parallelize([1, 2], 2).map(n => (bad && n === 2 ? new Own() : n))
    rdd.checkpoint()
    await rejected('RECORD_NOT_ENCODABLE', () => rdd.count())
    assert.ok(!rdd.isCheckpointed)
    const folder = join(sc.getCheckpointDir()!, `rdd-${rdd.id}`)
    assert.ok(!existsSync(folder))
    bad = false
    assert.deepEqual(await rdd.collect(), [1, 2])
    assert.ok(rdd.isCheckpointed)
    assert.deepEqual(readdirSync(folder).sort(), ['_SUCCESS', 'part-00000', 'part-00001'])
  })

  itHere('localCheckpoint keeps the blocks, also after unpersist (D65)', async () => {
    const sc = make()
    let calls = 0
    const rdd = sc.parallelize([1, 2, 3], 3).map(n => {
      calls++
      return { n }
    })
    assert.equal(rdd.localCheckpoint(), rdd)
    assert.equal(rdd.getStorageLevel(), StorageLevel.MEMORY_AND_DISK)
    await rdd.first()
    assert.ok(rdd.isCheckpointed)
    assert.equal(rdd.getCheckpointFile(), undefined)
    assert.equal(calls, 3)
    rdd.unpersist()
    assert.deepEqual(await rdd.collect(), [{ n: 1 }, { n: 2 }, { n: 3 }])
    assert.equal(calls, 3)
  })

  itHere('a job that runs meanwhile sees its own lineage to the end', async () => {
    const sc = make({ master: 'local[3]' })
    sc.setCheckpointDir(dir)
    const gate = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    let slow = true
    const rdd = sc.parallelize([1, 2, 3, 4], 2).map(n => n + 1)
    const through = rdd.mapAsync(async n => {
      begun.resolve()
      if (slow) await gate.promise
      return n
    })
    const first = through.union(rdd.mapPartitions(records => records)).collect()
    await begun.promise
    slow = false
    rdd.checkpoint()
    assert.equal(await rdd.count(), 4)
    assert.ok(rdd.isCheckpointed)
    gate.resolve()
    assert.deepEqual(await first, [2, 3, 4, 5, 2, 3, 4, 5])
    assert.deepEqual(await through.collect(), [2, 3, 4, 5])
  })
})

describe('memory', () => {
  it('what a checkpointed RDD was computed from can be freed', async () => {
    await using sc = new SparkContext()
    sc.setCheckpointDir(dir)
    const made = (): { rdd: RDD<[number, number]>; behind: WeakRef<object>[] } => {
      const source = sc.parallelize([1, 2, 3], 2).map(n => [n % 2, n] as [number, number])
      const shuffled = source.reduceByKey((a, b) => a + b)
      return {
        rdd: shuffled.mapValues(n => n),
        behind: [source.node, shuffled.node].map(n => new WeakRef(n)),
      }
    }
    const { rdd, behind } = made()
    rdd.checkpoint()
    await rdd.count()
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc') as () => void
    for (let i = 0; i < 5; i++) {
      await turn()
      gc()
    }
    assert.deepEqual(
      behind.map(ref => ref.deref()),
      [undefined, undefined],
    )
    assert.equal(await rdd.count(), 2)
  })
})

describe('checkpoint files', () => {
  it('any damage is found and named', async () => {
    await using sc = new SparkContext()
    sc.setCheckpointDir(dir)
    const rdd = sc
      .parallelize(
        Array.from({ length: 3000 }, (_, i) => `record ${i}`),
        1,
      )
      .map(r => r)
    rdd.checkpoint()
    await rdd.count()
    const path = join(rdd.getCheckpointFile()!, 'part-00000')
    const whole = readFileSync(path)
    assert.equal(whole.toString('latin1', 0, 8), 'KNDLOBJ\x01')
    const found = async (): Promise<string> => {
      const error = await rejected('CHECKPOINT_DAMAGED', () => rdd.collect())
      assert.ok(error.message.includes(path))
      return error.message
    }
    for (let size = whole.length - 1; size >= 0; size = Math.floor(size * 0.8) - 1) {
      truncateSync(path, size)
      assert.match(await found(), /ends in mid-block/)
      writeFileSync(path, whole)
    }
    const changed = [0, 4, 7, 8, 11, 12, 20, 500, whole.length - 8, whole.length - 4, whole.length - 1]
    for (const at of changed) {
      const bytes = Buffer.from(whole)
      bytes[at] = bytes[at]! ^ 0x41
      writeFileSync(path, bytes)
      await found()
    }
    rmSync(path)
    assert.match(await found(), /no such file/)
    writeFileSync(path, whole)
    assert.equal(await rdd.count(), 3000)
  })

  it('a directory that cannot be made', () => {
    const sc = new SparkContext()
    writeFileSync(join(dir, 'file'), '')
    thrown('OUTPUT_FAILED', () => sc.setCheckpointDir(join(dir, 'file')))
  })
})

describe('checkpoint in streams', () => {
  it('writes all marked ancestors of a batch', async () => {
    const marked: RDD<number>[] = []
    await using t = new StreamTest({
      build: t => {
        t.sc.setCheckpointDir(t.dir)
        const mark = (rdd: RDD<number>): RDD<number> => {
          rdd.checkpoint()
          marked.push(rdd)
          return rdd
        }
        t.collect(
          'out',
          t.input('in', [[1, 2]]).transform(rdd => mark(mark(rdd.map(n => n + 1)).map(n => n * 2))),
        )
      },
    })
    await t.run(1)
    assert.deepEqual(t.out('out').batches, [[4, 6]])
    assert.deepEqual(
      marked.map(rdd => rdd.isCheckpointed),
      [true, true],
    )
  })

  it('outside of streams only the nearest', async () => {
    await using sc = new SparkContext()
    sc.setCheckpointDir(dir)
    const far = sc.parallelize([1], 1).map(n => n)
    const near = far.map(n => n)
    far.checkpoint()
    near.checkpoint()
    await near.count()
    assert.deepEqual([far.isCheckpointed, near.isCheckpointed], [false, true])
  })
})
