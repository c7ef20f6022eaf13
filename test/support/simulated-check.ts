/** What must hold of a simulated program: what it gives is what it gives for the same batches in a world without faults. */
import assert from 'node:assert/strict'
import type { Time } from '../../src/base/time.ts'
import type { SparkContext } from '../../src/context/spark-context.ts'
import type { InputSource } from '../../src/streaming/input-source.ts'
import type { Simulation } from '../../src/testing/simulation/simulation.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { INLINE } from './backends.ts'
import { memoryStorage } from './memory-storage.ts'
import type { Met, Picked } from './simulated.ts'
import { NAMES, type Pair, programs, words } from './simulated-operators.ts'

/** A letter as its sink has it. */
interface Letter {
  /** A record as its input gave it: of files a line. */
  readonly value?: Pair | string
  readonly unread?: string
}

export async function verify(s: Simulation, picked: Picked, met: Met): Promise<void> {
  for (const name of ['in', 'out']) assertRepeatable(s, name, picked)
  const { givenUp } = s
  const taken = kept(s, 'in')
  const letters = lettersOf(s)
  assert.ok(
    [...letters.keys()].every(time => givenUp.has(time)),
    'letters are of batches that were given up',
  )
  assertTaken([...taken.values()].flat(), [...letters.values()].flat(), { s, picked })
  const times = [...new Set([...s.out('in').times, ...givenUp.keys()])].sort((a, b) => a - b)
  const border = borderOf(times)
  if (border !== undefined) met.add('the batch interval changed')
  const expected = sortedEach(await withoutFaults(times, { taken, picked, border, givenUp }))
  assert.deepEqual(sortedEach(kept(s, 'out')), expected)
  const written = picked.sink === 'disk' ? s.written('/out/sums') : s.written('out/sums', 'bucket')
  const values = [...written].map(([time, lines]) => [time, lines.map(line => JSON.parse(line))] as const)
  assert.deepEqual(sortedEach(new Map(values)), expected, 'what is written')
  if (s.log.some(({ what }) => what === 'error: BATCH_NOT_SKIPPABLE'))
    met.add('a batch could not be given up, since a sink had it')
  if (picked.input === 'files') met.add('files were read')
}

/** What was collected of the batches that were not given up, by batch time. */
function kept<T = Pair>(s: Simulation, name: string): Map<number, readonly T[]> {
  const { times, batches } = s.out<T>(name)
  const all = times.map((time, i) => [time, batches[i]!] as const)
  return new Map(all.filter(([time]) => !s.givenUp.has(time)))
}

function lettersOf(s: Simulation): Map<number, Letter[]> {
  return new Map(
    [...s.written('/out/letters')].map(([time, lines]) => [
      time,
      lines.map(line => JSON.parse(line) as Letter),
    ]),
  )
}

/** A batch that runs again gives the same, in the same order; after a second restart perhaps in another, where the first spread state anew. */
function assertRepeatable(s: Simulation, name: string, { change }: Picked): void {
  const { runs } = s.out(name)
  const first = new Map<number, unknown>()
  for (const { time, values: given } of runs) {
    const values = change === 'parallelism' ? given.map(value => JSON.stringify(value)).sort() : given
    if (!first.has(time)) first.set(time, values)
    assert.deepEqual(values, first.get(time), `what ${name} gave again for the batch at ${time}`)
  }
}

/** Every record was taken in, or given up and counted; once, but where a receiver may be sent it again. */
function assertTaken(
  taken: readonly Pair[],
  letters: readonly Letter[],
  { s, picked: { input, policy } }: { readonly s: Simulation; readonly picked: Picked },
): void {
  const values = letters.flatMap(({ value }) => (value === undefined ? [] : [value]))
  const texts = [...taken, ...values]
    .map(value => (typeof value === 'string' ? value : JSON.stringify(value)))
    .sort()
  const sent = words
    .flat()
    .map(pair => JSON.stringify(pair))
    .sort()
  const isOnce = input !== 'receiver'
  const unique = (all: readonly string[]): readonly string[] => (isOnce ? all : [...new Set(all)])
  const unread = letters.filter(({ unread }) => unread !== undefined)
  if (policy === 'skip' && s.givenUp.size > 0) {
    const lost = less(unique(sent), unique(texts))
    const infos = [...s.givenUp.values()].map(({ batchInfo }) => batchInfo)
    const counted = infos.reduce((sum, { numRecords }) => sum + numRecords, 0)
    // Of files nobody knows the number before they are read.
    if (input === 'files') assert.ok(lost.length === 0 || infos.length > 0, 'what was taken in')
    else if (isOnce) assert.equal(counted, lost.length, `records of batches that were skipped: ${lost}`)
    else assert.ok(counted >= lost.length, `${counted} records were skipped, of ${lost}`)
  } else if (unread.length > 0) assert.deepEqual(less(unique(texts), unique(sent)), [], 'what was taken in')
  else assert.deepEqual(unique(texts), unique(sent), 'what was taken in')
}

/** What `all` has more than `part`. */
function less(all: readonly string[], part: readonly string[]): string[] {
  const left = [...all]
  for (const text of part) {
    const at = left.indexOf(text)
    assert.ok(at >= 0, `${text} is there too often`)
    left.splice(at, 1)
  }
  return left
}

/** After which batch those of another interval come. Fails when one is missing. */
function borderOf(times: readonly number[]): number | undefined {
  const gaps = times.slice(1).map((time, i) => time - times[i]!)
  const changed = gaps.findIndex(gap => gap !== 1000)
  assert.deepEqual(
    gaps,
    gaps.map((_, i) => (changed >= 0 && i >= changed ? 500 : 1000)),
    'no batch is missing',
  )
  return changed < 0 ? undefined : times[changed]
}

/** What the operator gives for the same batches in a world without faults, on the program's own thread: of those that were not given up. */
async function withoutFaults(
  times: readonly number[],
  {
    taken,
    picked: { operator },
    border,
    givenUp,
  }: {
    readonly taken: ReadonlyMap<number, readonly Pair[]>
    readonly picked: Picked
    readonly border: number | undefined
    readonly givenUp: ReadonlyMap<number, unknown>
  },
): Promise<Map<number, unknown[]>> {
  const shift = times[0]! - 1000
  const storage = memoryStorage()
  await using t = new StreamTest({
    master: 'local[2]',
    conf: INLINE,
    build(t) {
      t.ssc.checkpoint(storage)
      const input = t.ssc.inputStream(new BatchesAt(t.sc, time => taken.get(time + shift) ?? []))
      t.collect('out', programs[operator]!(input, { names: t.sc.parallelize(NAMES, 2) }))
    },
  })
  await t.run(times.filter(time => time <= (border ?? Number.POSITIVE_INFINITY)).length)
  if (border !== undefined) {
    await t.crashAndRestart({ batchDuration: 500 })
    await t.run(times.filter(time => time > border).length)
  }
  const out = t.out('out')
  const all = out.times.map((time, i): [number, unknown[]] => [time + shift, out.batches[i]!])
  return new Map(all.filter(([time]) => !givenUp.has(time)))
}

/** Batches by their time, of any interval. */
class BatchesAt implements InputSource<Pair> {
  readonly name = 'batches'
  private readonly sc: SparkContext
  private readonly at: (time: number) => readonly Pair[]
  private last = 0

  constructor(sc: SparkContext, at: (time: number) => readonly Pair[]) {
    this.sc = sc
    this.at = at
  }

  start(): void {}

  stop(): void {}

  plan(time: Time) {
    this.last = time.milliseconds
    const records = this.at(this.last)
    return { rdd: this.rdd(this.last), numRecords: records.length }
  }

  describe(): number {
    return this.last
  }

  restore(_time: Time, description: unknown) {
    return () => this.rdd(description as number)
  }

  private rdd(time: number) {
    return this.sc.parallelize([...this.at(time)], 2)
  }
}

function sortedEach(batches: ReadonlyMap<number, readonly unknown[]>): [number, string[]][] {
  return [...batches]
    .map(([time, values]): [number, string[]] => [time, values.map(value => JSON.stringify(value)).sort()])
    .sort(([a], [b]) => a - b)
}
