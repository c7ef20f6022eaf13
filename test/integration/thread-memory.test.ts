/** Memory of the process over many batches on threads: what they shuffle does not stay. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { StreamTest } from 'kindling/testing'

const MIB = 2 ** 20
const KEYS = 4000
/** What each of the pairs that a batch shuffles holds. */
const TEXT = 'x'.repeat(500)
/** The first batches are for heaps and caches to fill. */
const [WARM, BATCHES] = [150, 900]

it('resident memory is flat while ten times as much goes through shuffles', async () => {
  await using t = new StreamTest({
    master: 'local[2]',
    conf: { 'kindling.executor': 'threads', 'spark.default.parallelism': 2 },
    build: t => {
      const numbers = t.ssc.inputStream<number>({
        name: 'numbers',
        start() {},
        stop() {},
        plan: () => ({ rdd: t.sc.range(0, KEYS, 1, 2), numRecords: KEYS }),
      })
      const groups = numbers.map(n => [`key ${n}`, TEXT + n]).groupByKey()
      t.collect(
        'longest',
        groups.map(([, texts]) => texts[0]!.length).reduce((a, b) => Math.max(a, b)),
      )
    },
  })
  const residentMiB = (): number => process.memoryUsage().rss / MIB
  await t.run(WARM)
  const early = residentMiB()
  await t.run(BATCHES - WARM)
  const late = residentMiB()
  assert.deepEqual(t.out('longest').batches.at(-1), [TEXT.length + String(KEYS - 1).length])
  const shuffled = ((BATCHES - WARM) * KEYS * TEXT.length) / MIB
  const told = `${early.toFixed()} MiB, then ${late.toFixed()}; ${shuffled.toFixed()} were shuffled`
  assert.ok(late - early < shuffled / 5, told)
})
