import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { ChunkSource } from '../../src/data/chunk.ts'
import type { StateNode, StateTask } from '../../src/rdd/nodes.ts'
import { HashPartitioner } from '../../src/rdd/partitioner.ts'
import { recordsOf } from '../../src/rdd/segment/interpret.ts'
import {
  decodeImage,
  encodeImage,
  type LoadedImage,
  withIncrement,
} from '../../src/streaming/checkpoint/image-file.ts'
import { spread } from '../../src/streaming/checkpoint/spread-image.ts'
import { LayeredPartition } from '../../src/streaming/state/layered-partition.ts'
import { HIDDEN } from '../../src/streaming/state/slots.ts'
import { type Advance, type Before, TablePartition } from '../../src/streaming/state/table-partition.ts'
import { loaded, WorkerPartition } from '../../src/streaming/state/worker-partition.ts'
import { runs } from '../support/runs.ts'

/** What a version does: sets keys, hides some, drops others; panes name the keys that they are about. */
interface Step {
  readonly put: readonly (readonly [key: string, value: unknown])[]
  readonly hide: readonly string[]
  readonly drop: readonly string[]
  /** Keys that are looked up only. */
  readonly seen: readonly string[]
  readonly pane: readonly string[]
  readonly fails: boolean
}

const WINDOW_MS = 3000

const advance =
  (): Advance =>
  async (table, _, { time, detail, before }) => {
    const { put, hide, drop, seen, pane, fails } = detail as Step
    const slotOf = (key: string): number => table.index.slotOf(key)
    for (const key of seen) slotOf(key)
    for (const [key, value] of put) table.put(slotOf(key), value, time)
    for (const key of hide) table.put(slotOf(key), 'hidden', time, HIDDEN)
    for (const key of drop) table.drop(slotOf(key))
    if (fails) throw new Error('of the test')
    const slots = Int32Array.from(new Set(pane), slotOf)
    const old = before?.table === table ? before.panes : []
    const panes = [
      ...old.filter(p => p.time > time - WINDOW_MS),
      { time, slots, values: Array.from(slots, s => `${time} ${s}`) },
    ]
    return { panes, output: [{ kind: 'rows', rows: [time] }] }
  }

/** Panes by the keys that they are about. */
function paneKeys({ table, panes }: Before): unknown {
  return panes.map(({ time, slots }) => [time, Array.from(slots, slot => table.key(slot))])
}

const task = { breathe: () => undefined, failed: (error: unknown) => error as Error } satisfies StateTask
const nodeOf = (time: number, previous: number | undefined, detail: Step): StateNode =>
  ({
    kind: 'state',
    time,
    previous: previous === undefined ? undefined : { time: previous },
    inputs: [],
    detail,
  }) as unknown as StateNode

async function recordsIn(source: ChunkSource): Promise<unknown[]> {
  const all: unknown[] = []
  for (let chunk = await source.next(); chunk !== undefined; chunk = await source.next())
    all.push(...recordsOf(chunk))
  return all
}

const key = fc.constantFrom('a', 'b', 'c', 'dd', 'ключ', 'a long key that is cut out of a text')
const value = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.string(),
  fc.record({ n: fc.integer(), s: fc.string() }),
  fc.array(fc.integer()),
)
const step: fc.Arbitrary<Step> = fc.record({
  put: fc.array(fc.tuple(key, value), { maxLength: 5 }),
  hide: fc.array(key, { maxLength: 1 }),
  drop: fc.array(key, { maxLength: 2 }),
  seen: fc.array(key, { maxLength: 2 }),
  pane: fc.array(key, { maxLength: 3 }),
  fails: fc.boolean(),
})
const action = fc.oneof(
  { weight: 6, arbitrary: step.map(s => ({ kind: 'version' as const, step: s })) },
  { weight: 2, arbitrary: fc.constant({ kind: 'lost' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'undo' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'image' as const }) },
)

describe('layers of state', () => {
  it('are the table, whatever happens to the workers that have it (property)', async () => {
    const hits = { lost: 0, undone: 0, images: 0 }
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { maxLength: 25 }),
        fc.integer({ min: 1, max: 4 }),
        async (actions, remembered) => {
          // The same versions in one table that is never lost.
          const plain = new TablePartition(0, advance())
          const driver = new LayeredPartition()
          let worker = new WorkerPartition(0, advance)
          const images: LoadedImage[] = []
          const times: number[] = []
          let now = 0
          // A version that failed or was taken back may leave keys without a value in one table and not in the other.
          let isOrdered = true
          const same = (found: unknown[], expected: unknown[], what: string): void =>
            isOrdered
              ? assert.deepEqual(found, expected, what)
              : assert.deepEqual(new Map(found as []), new Map(expected as []), what)
          const reload = (): void => {
            worker = new WorkerPartition(0, advance)
            const newest = driver.newest
            if (newest !== undefined) worker.load(driver.layersOf(newest))
          }
          for (const { kind, ...rest } of actions) {
            if (kind === 'lost') {
              reload()
              hits.lost++
            } else if (kind === 'undo') {
              const time = times.at(-1)
              // The first version has none before it to go back to.
              if (time === undefined || times.length < 2) continue
              hits.undone++
              times.pop()
              isOrdered = false
              plain.undo(time)
              driver.undo(time)
              images.splice(0, images.length, ...images.filter(image => image.head.time !== time))
              reload()
            } else if (kind === 'image') {
              const time = times.at(-1)
              if (time === undefined || images.at(-1)?.head.time === time) continue
              const whose = { operator: 'test', time, partition: 0, partitions: 1, byHash: true }
              const { bytes } = await encodeImage(whose, driver.image(time))
              images.push(decodeImage('image', bytes))
            } else {
              const { step: detail } = rest as { step: Step }
              now += 1000
              const node = nodeOf(now, times.at(-1), detail)
              const made = await worker.make(node, [], task, now % 7000 === 0).catch(() => undefined)
              await plain.make(node, [], task).catch(() => {})
              assert.equal(made === undefined, detail.fails)
              if (made === undefined) {
                isOrdered = false
                continue
              }
              assert.equal(driver.adopt(made), true)
              assert.equal(driver.adopt(made), false, 'a version counts once')
              worker.settle()
              times.push(now)
              while (times.length > remembered) {
                const old = times.shift()!
                plain.forget(old)
                driver.forget(old)
              }
            }
            for (const time of times) {
              same(await recordsIn(driver.read(time)), await recordsIn(plain.read(time)), `read ${time}`)
              assert.deepEqual(await recordsIn(driver.output(time)), [time])
              assert.deepEqual(paneKeys(loaded(driver.layersOf(time))), paneKeys(plain.at(time)))
            }
            if (times.length > 0)
              same(
                await recordsIn(worker.read(times.at(-1)!)),
                await recordsIn(plain.read(times.at(-1)!)),
                'on the worker',
              )
          }
          const last = images.at(-1)
          if (last === undefined) return
          let whole = last
          for (let at = last; at.head.base !== undefined; ) {
            const base = images.find(image => image.head.time === at.head.base)
            if (base === undefined) return
            whole = withIncrement(base, whole)
            at = base
          }
          const [saved] = spread([whole], new HashPartitioner(1))
          const restored = new LayeredPartition()
          restored.restore(last.head.time, saved!)
          if (times.includes(last.head.time)) hits.images++
          if (times.includes(last.head.time))
            assert.deepEqual(
              await recordsIn(restored.read(last.head.time)),
              await recordsIn(driver.read(last.head.time)),
            )
        },
      ),
      // So many that each kind of step comes, whatever the seed.
      { numRuns: Math.max(runs, 200) },
    )
    for (const [what, n] of Object.entries(hits)) assert.ok(n > 0, `${what} was tried`)
  })
})
