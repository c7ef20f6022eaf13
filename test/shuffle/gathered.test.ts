/** Input that is gathered for synchronous loops: the same records in any budget. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { SparkContext } from '../../src/context/spark-context.ts'
import { type Chunk, type ChunkSource, chunkRows } from '../../src/data/chunk.ts'
import { iterateSource } from '../../src/rdd/segment/iterate.ts'
import { Gathered } from '../../src/shuffle/gathered.ts'
import { TaskMemory } from '../../src/shuffle/task-memory.ts'
import { SpillFolder } from '../../src/storage/spill-folder.ts'
import { LOCAL, ON_THREADS, spilledBytes, thorough } from '../support/backends.ts'
import { thrown } from '../support/rejected.ts'
import { runs } from '../support/runs.ts'

const parent = mkdtempSync(join(tmpdir(), 'kindling-gathered-'))
after(() => rmSync(parent, { recursive: true, force: true }))
let folders = 0

function memoryOf(budgetBytes: number): { memory: TaskMemory; files(): string[] } {
  const path = join(parent, String(folders++))
  return {
    memory: new TaskMemory({ budgetBytes, folder: new SpillFolder(path) }),
    files: () => {
      try {
        return readdirSync(path).map(name => join(path, name))
      } catch {
        return []
      }
    },
  }
}

/** A source that gives promises; `closed` counts. */
function waiting(chunks: readonly Chunk[]) {
  let at = 0
  const counted = { closed: 0 }
  const source: ChunkSource = {
    asynchronous: true,
    next: async () => chunks[at++],
    close: () => void counted.closed++,
  }
  return { source, counted }
}

const chunk = fc.oneof(
  fc
    .array(fc.oneof(fc.string(), fc.integer(), fc.record({ a: fc.string() }, { noNullPrototype: true })))

    .map((rows): Chunk => ({ kind: 'rows', rows })),
  fc
    .array(fc.tuple(fc.string(), fc.integer()))
    .map((pairs): Chunk => ({ kind: 'pairs', keys: pairs.map(([k]) => k), values: pairs.map(([, v]) => v) })),
  fc
    .array(fc.stringMatching(/^[a-z ]{0,9}$/))
    .map((lines): Chunk => ({ kind: 'text', text: lines.map(line => `${line}\n`).join('') })),
)

describe('input that is gathered', () => {
  it('is the same in any budget, and any number of times (property)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(chunk), fc.nat({ max: 2000 }), async (chunks, budget) => {
        const { memory } = memoryOf(budget)
        const { source, counted } = waiting(chunks)
        const gathered = await Gathered.of(source, memory)
        assert.equal(counted.closed, 1)
        const expected = chunks.flatMap(one => [...chunkRows(one)])
        for (let time = 0; time < 2; time++) assert.deepEqual([...iterateSource(gathered.chunks())], expected)
        assert.equal(memory.metrics.diskBytesSpilled > 0, gathered.isFiled)
        if (budget === 0 && expected.length > 0) assert.ok(gathered.isFiled)
        gathered.release()
        memory.end()
      }),
      { numRuns: runs },
    )
  })

  it('keeps in memory what no block can hold, in its place', async () => {
    class Own {
      readonly n: number
      constructor(n: number) {
        this.n = n
      }
    }
    const rows = [[1, 2], [new Own(3)], [4]]
    const { memory } = memoryOf(0)
    const gathered = await Gathered.of(waiting(rows.map(one => ({ kind: 'rows', rows: one }))).source, memory)
    assert.ok(gathered.isFiled)
    const found = [...iterateSource(gathered.chunks())]
    assert.deepEqual(found, [1, 2, new Own(3), 4])
    assert.ok(found[2] instanceof Own)
    memory.end()
  })

  it('closes a source that fails, and lets go of its share', async () => {
    const { memory } = memoryOf(100)
    const failing: ChunkSource = {
      asynchronous: true,
      next: () => Promise.reject(new Error('gone')),
      close: () => void closed++,
    }
    let closed = 0
    memory.take()
    await assert.rejects(Gathered.of(failing, memory), /gone/)
    assert.deepEqual([closed, memory.share], [1, 100])
  })

  it('whose file was damaged is told', async () => {
    const { memory, files } = memoryOf(0)
    const rows = Array.from({ length: 100 }, (_, i) => `record ${i}`)
    const gathered = await Gathered.of(waiting([{ kind: 'rows', rows }]).source, memory)
    truncateSync(files()[0]!, 50)
    assert.match(thrown('BLOCK_DAMAGED', () => gathered.chunks().next()).message, /cut off/)
    memory.end()
    assert.deepEqual(files(), [])
  })

  for (const place of thorough ? [LOCAL, ON_THREADS] : [LOCAL])
    it(`does not change what programs give, and leaves nothing, on ${place.title}`, async () => {
      const folder = join(parent, `spill-${place.master}`)
      const path = join(parent, 'lines.gz')
      const lines = Array.from({ length: 5000 }, (_, i) => `line ${i}`)
      writeFileSync(path, gzipSync(`${lines.join('\n')}\n`))
      const conf = { ...place.conf, 'kindling.shuffle.maxBytes': '10k', 'spark.local.dir': folder }
      const sc = new SparkContext({ master: place.master, conf })
      const spilled = spilledBytes(sc)
      const text = sc.textFile(path)
      const whole = text.mapPartitions(records => [[...records].length])
      assert.deepEqual(await whole.collect(), [5000])
      const few = sc.parallelize([1, 2, 3], 2)
      assert.deepEqual(await few.cartesian(text).count(), 15_000)
      assert.deepEqual((await few.cartesian(text).collect()).slice(4999, 5001), [
        [1, 'line 4999'],
        [2, 'line 0'],
      ])
      const failing = text.mapPartitions(records => {
        for (const record of records) if (record === 'line 4000') throw new Error('here')
        return []
      })
      await assert.rejects(failing.collect(), /here/)
      await sc.stop()
      assert.ok(spilled() > 0, 'the packed file went through the spill folder')
      const left = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry =>
        entry.isFile(),
      )
      assert.deepEqual(left, [])
    })
})
