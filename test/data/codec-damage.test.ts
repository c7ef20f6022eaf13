import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isKindlingError } from '../../src/base/errors.ts'
import { decodePairs, decodeRecords, encodePairs, encodeRecords } from '../../src/data/codec.ts'
import { thrown } from '../support/rejected.ts'
import { runs } from '../support/runs.ts'
import { recordLists } from '../support/values.ts'

// Damage ends in BLOCK_DAMAGED, or in other data where it hit only the data; CLASS_NOT_REGISTERED where it hit a tag.
// Never in another error, a hang, or memory out of proportion.
function decodeDamaged(bytes: Uint8Array): void {
  for (const decode of [decodeRecords, decodePairs]) {
    try {
      decode(bytes)
    } catch (e) {
      if (!isKindlingError(e)) throw e
      assert.ok(e.code === 'BLOCK_DAMAGED' || e.code === 'CLASS_NOT_REGISTERED', `${e.code}: ${e.message}`)
    }
  }
}

describe('damaged blocks', () => {
  it('changed bytes', () => {
    const changes = fc.array(
      fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(0, 13, 127, 128, 255))),
      {
        minLength: 1,
        maxLength: 4,
      },
    )
    fc.assert(
      fc.property(recordLists, changes, (records, list) => {
        const block = encodeRecords(records)
        // After the head of 3 bytes, which is tested below.
        for (const [at, byte] of list) block[3 + (at % (block.length - 3))] = byte
        decodeDamaged(block)
      }),
      { numRuns: runs * 20 },
    )
  })

  it('changed bytes near the start, where kinds and lengths are', () => {
    fc.assert(
      fc.property(
        recordLists,
        fc.array(fc.nat(255), { minLength: 1, maxLength: 12 }),
        fc.nat(12),
        (records, noise, at) => {
          const block = encodeRecords(records)
          block.set(noise.slice(0, Math.max(0, block.length - 3 - at)), Math.min(3 + at, block.length))
          decodeDamaged(block)
        },
      ),
      { numRuns: runs * 20 },
    )
  })

  it('only noise after the head', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), noise => {
        decodeDamaged(new Uint8Array([...encodeRecords([]).subarray(0, 3), ...noise]))
      }),
      { numRuns: runs * 20 },
    )
  })

  it('every cut-off is noticed', () => {
    fc.assert(
      fc.property(recordLists, fc.nat(), (records, at) => {
        const block = encodeRecords(records)
        thrown('BLOCK_DAMAGED', () => decodeRecords(block.subarray(0, at % block.length)))
        thrown('BLOCK_DAMAGED', () => decodeRecords(new Uint8Array([...block, 0])))
      }),
      { numRuns: runs },
    )
  })

  it('foreign bytes, another version and another byte order are named', () => {
    const block = encodeRecords(['a', 'b'])
    const changed = (at: number, byte: number): Uint8Array => block.with(at, byte)
    assert.match(
      thrown('BLOCK_DAMAGED', () => decodeRecords(changed(0, 0))).message,
      /do not start as a block does/,
    )
    assert.match(thrown('BLOCK_DAMAGED', () => decodeRecords(changed(1, 9))).message, /other byte order/)
    assert.match(thrown('BLOCK_DAMAGED', () => decodeRecords(changed(2, 9))).message, /version 9/)
    thrown('BLOCK_DAMAGED', () => decodeRecords(new Uint8Array(0)))
  })

  it('a few bytes cannot ask for gigabytes', () => {
    const head = [...encodeRecords([]).subarray(0, 3)]
    const billions = [0x80, 0x80, 0x80, 0x80, 0x04] // varint of 2^30
    const columns: [string, number[]][] = [
      ['constant', [0, 0]],
      ['empty tuples', [8, 0]],
      ['empty records', [10, 0, 1]],
      ['int32', [2]],
      ['booleans', [1, 255]],
      ['strings', [6, 1]],
      ['lists', [9, 1]],
      ['generic', [13, 0, 0, 0, 1]],
    ]
    const before = process.memoryUsage().arrayBuffers + process.memoryUsage().heapTotal
    for (const [name, column] of columns) {
      assert.ok(
        thrown('BLOCK_DAMAGED', () => decodeRecords(new Uint8Array([...head, ...billions, ...column]))),
        name,
      )
    }
    const after = process.memoryUsage().arrayBuffers + process.memoryUsage().heapTotal
    assert.ok(after - before < 100 * 1024 * 1024, `${after - before} bytes`)
  })

  it('a block whose records are no pairs is refused as pairs', () => {
    for (const records of [[1, 2], [['a']], [['a', 1, 2]], [['a', 1], 'b']]) {
      thrown('BLOCK_DAMAGED', () => decodePairs(encodeRecords(records)))
    }
    assert.deepEqual(decodePairs(encodeRecords([])), { keys: [], values: [] })
    assert.deepEqual(decodePairs(encodePairs([], [])), { keys: [], values: [] })
  })
})
