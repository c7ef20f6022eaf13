import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { RowSource, SlotRows } from '../../src/streaming/state/slots.ts'
import { StateTable, type VersionEnd } from '../../src/streaming/state/state-table.ts'
import { runs } from '../support/runs.ts'

type Content = Map<string, unknown>

function contentOf(table: StateTable, version: VersionEnd): Content {
  const content: Content = new Map()
  const source = table.read(version)
  for (;;) {
    const chunk = source.next()
    if (chunk === undefined) return content
    assert.ok(!(chunk instanceof Promise) && chunk.kind === 'pairs')
    for (let i = 0; i < chunk.keys.length; i++) content.set(chunk.keys[i] as string, chunk.values[i])
  }
}

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e')
const value = fc.oneof(
  { weight: 5, arbitrary: fc.integer() },
  { weight: 1, arbitrary: fc.tuple(fc.integer(), fc.string()) },
  { weight: 1, arbitrary: fc.array(fc.array(fc.integer())) },
)
/** A change, the end of a version, an undone version, the forgetting of the oldest one, or a reader that begins or goes on. */
const step = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(fc.constant('put' as const), key, value) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('drop' as const), key, value) },
  {
    weight: 6,
    arbitrary: fc.tuple(fc.constantFrom('end', 'undo', 'forget', 'read', 'image', 'refuse'), key, value),
  },
)

describe('StateTable', () => {
  it('every remembered version reads as it was, whatever comes after (property)', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), steps => {
        const table = new StateTable()
        const versions: { end: VersionEnd; content: Content }[] = [
          { end: table.endVersion(0), content: new Map() },
        ]
        const reading: { source: ReturnType<StateTable['read']>; seen: Content; expected: Content }[] = []
        const images: { readonly rows: RowSource; readonly slots: number; readonly expected: Content }[] = []
        let imagedAt = 0
        let now: Content = new Map()
        for (const [what, k, v] of steps) {
          const slot = table.index.slotOf(k)
          if (what === 'put') {
            table.put(slot, v)
            now.set(k, v)
          } else if (what === 'drop') {
            table.drop(slot)
            now.delete(k)
          } else if (what === 'refuse') {
            assert.throws(() => table.put(slot, [() => v]), { code: 'RECORD_NOT_ENCODABLE' })
          } else if (what === 'end')
            versions.push({ end: table.endVersion(versions.length), content: new Map(now) })
          else if (what === 'undo') {
            table.undo()
            now = new Map(versions.at(-1)!.content)
          } else if (what === 'forget' && versions.length > 1) {
            versions.shift()
            table.forgetBefore(versions[0]!.end)
          } else if (what === 'read') {
            const { end, content } = versions[versions.length >> 1]!
            reading.push({ source: table.read(end), seen: new Map(), expected: content })
          } else if (what === 'image') {
            // Of the newest version or an older one; never of one older than the last.
            const at = Math.max(imagedAt, versions.length - 1 - (k.charCodeAt(0) % 2))
            const chosen = versions.find(({ end }) => end.time >= at) ?? versions.at(-1)!
            imagedAt = chosen.end.time
            const rows = table.image(chosen.end, images.length > 0)
            images.push({ rows, slots: table.index.size, expected: chosen.content })
          }
          assert.equal(table.size, now.size)
          for (const { end, content } of versions)
            assert.deepEqual(sorted(contentOf(table, end)), sorted(content))
        }
        for (const { source, seen, expected } of reading) {
          const chunk = source.next()
          if (chunk !== undefined && !(chunk instanceof Promise) && chunk.kind === 'pairs')
            for (let i = 0; i < chunk.keys.length; i++) seen.set(chunk.keys[i] as string, chunk.values[i])
          assert.deepEqual(sorted(seen), sorted(expected))
        }
        // What images gave, read only now, makes a table of each version they are of.
        const read: SlotRows[] = []
        for (const { rows, slots, expected } of images) {
          for (let run = rows.next(); run !== undefined; run = rows.next()) read.push(run)
          const copy = new StateTable()
          for (const run of read) assert.deepEqual([...copy.adoptRows(run)], run.slots)
          assert.ok(copy.index.size >= slots)
          assert.deepEqual(sorted(contentOf(copy, copy.endVersion(0))), sorted(expected))
          assert.equal(copy.size, expected.size)
        }
      }),
      { numRuns: runs },
    )
  })

  it('a reader in the middle of a large table sees its version to the end', () => {
    const table = new StateTable()
    const n = 10_000
    for (let i = 0; i < n; i++) table.put(table.index.slotOf(`key ${i}`), i)
    const version = table.endVersion(1)
    const source = table.read(version)
    let sum = 0
    let count = 0
    for (let turn = 1; ; turn++) {
      const chunk = source.next()
      if (chunk === undefined) break
      assert.ok(!(chunk instanceof Promise) && chunk.kind === 'pairs')
      count += chunk.keys.length
      for (const v of chunk.values) sum += v as number
      for (let i = 0; i < n; i++) table.put(i, -turn)
      table.put(table.index.slotOf(`late ${turn}`), 1)
      if (turn % 2 === 0) table.undo()
      else table.forgetBefore(table.endVersion(turn + 1))
    }
    assert.equal(count, n)
    assert.equal(sum, (n * (n - 1)) / 2)
  })

  it('a new table has what is left of a sparse one, in the same order', async () => {
    const table = new StateTable()
    for (let i = 0; i < 5000; i++) table.put(table.index.slotOf(i), { n: i, s: String(i) }, i)
    assert.equal(table.isSparse, false)
    for (let i = 0; i < 5000; i++) if (i % 7 !== 0) table.drop(i)
    assert.equal(table.isSparse, true)
    const compact = await table.compacted(() => undefined)
    assert.equal(compact.size, table.size)
    assert.equal(compact.isSparse, false)
    const all = contentOf(compact, compact.endVersion(1))
    assert.deepEqual([...all.keys()].slice(0, 3), [0, 7, 14])
    assert.deepEqual(all.get(14 as never), { n: 14, s: '14' })
    assert.equal(compact.mark(compact.index.find(14)), 14)
  })

  it('a value that is refused leaves the slot and the journal as they were', () => {
    const table = new StateTable()
    table.put(table.index.slotOf('a'), 1)
    const first = table.endVersion(1)
    assert.throws(() => table.put(0, [() => {}]), { code: 'RECORD_NOT_ENCODABLE' })
    table.put(0, 2)
    const second = table.endVersion(2)
    assert.deepEqual([...contentOf(table, first)], [['a', 1]])
    assert.deepEqual([...contentOf(table, second)], [['a', 2]])
  })
})

function sorted(content: Content): unknown[] {
  return [...content].sort(([a], [b]) => (a < b ? -1 : 1))
}
