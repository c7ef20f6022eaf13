import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { packed, type RedisCommand, toChannel, toStream } from '../../../src/connectors/redis/commands.ts'
import { explained } from '../../../src/connectors/redis/redis-link.ts'
import { thrown } from '../../support/rejected.ts'
import { runs } from '../../support/runs.ts'

/** As the script does. */
function unpacked(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at)
    parts.push(bytes.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
  return parts
}

describe('commands of Redis', () => {
  it('are the same after they were bytes', () => {
    const part = fc.oneof(fc.string({ unit: 'binary' }), fc.integer(), fc.uint8Array())
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.array(part), (name, args) => {
        const expected = [name, ...args].map(p =>
          p instanceof Uint8Array ? Buffer.from(p) : Buffer.from(String(p)),
        )
        assert.deepEqual(unpacked(packed([name, ...args])), expected)
      }),
      { numRuns: runs },
    )
  })

  const wrong: unknown[] = [[], 'SET a b', undefined, new Array(5001).fill('x')]
  for (const command of wrong)
    it(`are refused: ${String(command).slice(0, 20)}`, () => {
      thrown('INVALID_ARGUMENT', () => packed(command as RedisCommand))
    })

  it('need something to say', () => {
    thrown('RECORD_NOT_FITTING', () => toStream('s')({ a: null }))
    thrown('RECORD_NOT_FITTING', () => toChannel('c')(Number.NaN))
  })

  const errors: [string, string][] = [
    ['WRONGPASS invalid username-password pair', 'denied'],
    ['NOAUTH Authentication required.', 'denied'],
    ['BUSY Redis is busy running a script.', 'busy'],
    ['LOADING Redis is loading the dataset in memory', 'unreachable'],
    ['OOM command not allowed when used memory', 'full'],
    ['MISCONF Errors writing to the AOF file: No space left on device', 'full'],
    ['Connection is closed.', 'unreachable'],
    ['WRONGTYPE Operation against a key', 'failed'],
    ['ERR unknown command', 'failed'],
  ]
  for (const [message, fault] of errors)
    it(`${message} means ${fault}`, () => assert.equal(explained({ message }).fault, fault))
})
