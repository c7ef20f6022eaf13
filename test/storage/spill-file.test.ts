/** Parts of files, and the sizes of values that decide what goes there. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { roughBytes, roughPairBytes } from '../../src/storage/rough-size.ts'
import { type FilePart, SpillFile, SpillReader } from '../../src/storage/spill-file.ts'
import { SpillFolder } from '../../src/storage/spill-folder.ts'
import { thrown } from '../support/rejected.ts'
import { runs } from '../support/runs.ts'

const parent = mkdtempSync(join(tmpdir(), 'kindling-spill-file-'))
after(() => rmSync(parent, { recursive: true, force: true }))

describe('a file of parts', () => {
  it('gives back what was written, in any order, and every change is found (property)', () => {
    const bytes = fc.uint8Array({ maxLength: 50 })
    fc.assert(
      fc.property(
        fc.array(bytes, { minLength: 1, maxLength: 6 }),
        fc.nat(),
        fc.nat(),
        (given, where, flip) => {
          const folder = SpillFolder.in(parent)
          const file = new SpillFile(folder.newPath())
          const parts = given.map(part => file.append(part))
          for (const i of [...parts.keys()].reverse()) assert.deepEqual(file.read(parts[i]!), given[i])
          file.close()
          const whole = readFileSync(file.path)
          assert.equal(whole.length, file.length)
          if (whole.length > 0) {
            const at = where % whole.length
            whole[at]! ^= 1 << (flip % 8)
            writeFileSync(file.path, whole)
            const hit = parts.findIndex(p => at >= p.at && at < p.at + p.length)
            const reader = new SpillReader(file.path)
            for (const [i, part] of parts.entries())
              if (i === hit) thrown('BLOCK_DAMAGED', () => reader.read(part))
              else assert.deepEqual(reader.read(part), given[i])
            reader.close()
          }
          file.remove()
          assert.deepEqual(readdirSync(folder.path), [])
          folder.removeNow()
        },
      ),
      { numRuns: runs },
    )
  })

  it('says what is wrong: cut off, gone, taken over by nobody', () => {
    const folder = SpillFolder.in(parent)
    const file = new SpillFile(folder.newPath())
    const part: FilePart = file.append(new Uint8Array(100))
    file.close()
    truncateSync(file.path, 60)
    const reader = new SpillReader(file.path)
    assert.match(thrown('BLOCK_DAMAGED', () => reader.read(part)).message, /it was cut off/)
    reader.close()
    file.remove()
    thrown('BLOCK_DAMAGED', () => new SpillReader(file.path).read(part))
    thrown('BLOCK_DAMAGED', () => folder.adopt(file.path))
    folder.removeNow()
  })
})

describe('rough sizes', () => {
  it('of any value, without calling anything of it', () => {
    const called = (): never => assert.fail('called')
    const odd = [
      Object.defineProperty({}, 'field', { get: called, enumerable: true }),
      new Proxy({}, { get: called, ownKeys: called }),
      () => 1,
      Symbol('x'),
      undefined,
      null,
    ]
    for (const value of odd) assert.ok(roughBytes(value) > 0)
    const cycle: unknown[] = []
    cycle.push(cycle)
    assert.ok(roughBytes(cycle) > 0)
  })

  it('grow with what is in it', () => {
    const grown: readonly (readonly [small: unknown, large: unknown])[] = [
      ['a', 'a'.repeat(9000)],
      [[1], Array.from({ length: 3000 }, (_, i) => i)],
      [new Uint8Array(1), new Uint8Array(9000)],
      [new Set([1]), new Set(Array.from({ length: 3000 }, (_, i) => i))],
      [{ text: '' }, { text: 'a'.repeat(9000) }],
    ]
    for (const [small, large] of grown) assert.ok(roughBytes(large) > roughBytes(small) + 8000)
  })

  it('see one large value among the first', () => {
    const keys = Array.from({ length: 100_000 }, (_, i) => i)
    const values: unknown[] = keys.map(() => [1])
    const before = roughPairBytes(keys, values)
    values[3] = Array.from({ length: 5_000_000 }, () => 1)
    assert.ok(roughPairBytes(keys, values) > before + 20_000_000)
  })
})
