import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { AvroConnection } from '../../../src/connectors/flume/avro-connection.ts'
import { type AvroEvent, PROTOCOL, wireTypes } from '../../../src/connectors/flume/avro-types.ts'
import { batchCall, event, frames, handshake, SINK_PROTOCOL } from '../../support/avro-sink.ts'
import { runs } from '../../support/runs.ts'

const types = await wireTypes()

/** An answer without its frame. */
function bodyOf(answer: Uint8Array): { readonly serial: number; readonly body: Buffer } {
  const bytes = Buffer.from(answer)
  assert.equal(bytes.readUInt32BE(4), 1)
  assert.equal(bytes.readUInt32BE(8), bytes.length - 12)
  return { serial: bytes.readUInt32BE(0), body: bytes.subarray(12) }
}

function statusOf(body: Buffer, from = 0): string {
  const meta = types.metadata.decode(body, from)
  const flag = types.flag.decode(body, meta.offset)
  if (flag.value) return `error ${types.text.decode(body, flag.offset + 1).value}`
  const status = types.status.decode(body, flag.offset)
  assert.equal(status.offset, body.length)
  return status.value
}

function connection(store: (events: readonly AvroEvent[]) => Promise<void> = async () => {}) {
  const seen: string[] = []
  const made = new AvroConnection(types, async events => {
    await store(events)
    for (const { headers, body } of events) seen.push(`${Buffer.from(body)}${JSON.stringify(headers)}`)
  })
  const take = async (bytes: Uint8Array): Promise<Uint8Array[]> => {
    const answers: Uint8Array[] = []
    for await (const answer of made.take(bytes)) answers.push(answer)
    return answers
  }
  return { seen, take }
}

describe('calls of an Avro sink', () => {
  it('are asked for their protocol first, and need no handshake after that', async () => {
    const { seen, take } = connection()
    const [asked] = await take(frames(7, handshake(types, null, 'not heard of')))
    const { serial, body } = bodyOf(asked!)
    assert.equal(serial, 7)
    const { value } = types.handshakeResponse.decode(body, 0)
    // Without both, Avro's Java side fails for ever.
    assert.deepEqual([value.match, value.serverProtocol, value.serverHash?.length], ['NONE', PROTOCOL, 16])
    const first = Buffer.concat([handshake(types, SINK_PROTOCOL), batchCall(types, [event('a', { k: 'v' })])])
    const [answer] = await take(frames(8, first))
    const shaken = types.handshakeResponse.decode(bodyOf(answer!).body, 0)
    assert.equal(shaken.value.match, 'CLIENT')
    assert.equal(statusOf(bodyOf(answer!).body, shaken.offset), 'OK')
    const [next] = await take(frames(9, batchCall(types, [event('b'), event('c')])))
    assert.equal(statusOf(bodyOf(next!).body), 'OK')
    const [single] = await take(frames(10, batchCall(types, [event('d')], 'append')))
    assert.equal(statusOf(bodyOf(single!).body), 'OK')
    assert.deepEqual(seen, ['a{"k":"v"}', 'b{}', 'c{}', 'd{}'])
  })

  it('that cannot be stored are answered with FAILED, so that the agent sends them again', async () => {
    let fails = true
    const { seen, take } = connection(async () => {
      if (fails) throw new Error('no room')
    })
    const shake = handshake(types, SINK_PROTOCOL)
    const call = batchCall(types, [event('a')])
    const [failed] = await take(frames(1, Buffer.concat([shake, call])))
    const after = types.handshakeResponse.decode(bodyOf(failed!).body, 0).offset
    assert.equal(statusOf(bodyOf(failed!).body, after), 'FAILED')
    fails = false
    const [stored] = await take(frames(2, call))
    assert.equal(statusOf(bodyOf(stored!).body), 'OK')
    assert.deepEqual(seen, ['a{}'])
  })

  it('of another name get an error', async () => {
    const { take } = connection()
    const body = Buffer.concat([handshake(types, SINK_PROTOCOL), batchCall(types, [], 'other')])
    const [answer] = await take(frames(1, body))
    const { offset } = types.handshakeResponse.decode(bodyOf(answer!).body, 0)
    assert.equal(statusOf(bodyOf(answer!).body, offset), 'error there is no message other')
  })

  it('are refused when they are none', async () => {
    const text = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await assert.rejects(connection().take(text), /a call of \d+ frames/)
    const huge = Buffer.alloc(12)
    huge.writeUInt32BE(1, 4)
    huge.writeUInt32BE(0x7fffffff, 8)
    await assert.rejects(connection().take(huge), /over 268435456 bytes/)
    await assert.rejects(connection().take(frames(1, Buffer.from([1, 2, 3]))), /too early/)
  })

  it('keep every header, whatever its name', async () => {
    const { seen, take } = connection()
    const headers = JSON.parse('{"__proto__":"a","constructor":"b","":"c"}') as Record<string, string>
    await take(
      frames(1, Buffer.concat([handshake(types, SINK_PROTOCOL), batchCall(types, [event('x', headers)])])),
    )
    assert.deepEqual(seen, ['x{"__proto__":"a","constructor":"b","":"c"}'])
  })

  it('are the same however they arrive (property)', async () => {
    const events = fc.array(fc.tuple(fc.string(), fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 })), {
      maxLength: 5,
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(events, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 200 }),
        async (batches, frameSize, pieceSize) => {
          const { seen, take } = connection()
          const calls = batches.map((batch, i) => {
            const call = batchCall(
              types,
              batch.map(([text, headers]) => event(text, headers)),
            )
            return frames(
              i,
              i === 0 ? Buffer.concat([handshake(types, SINK_PROTOCOL), call]) : call,
              frameSize,
            )
          })
          const bytes = Buffer.concat(calls)
          const serials: number[] = []
          for (let at = 0; at < bytes.length; at += pieceSize)
            for (const answer of await take(bytes.subarray(at, at + pieceSize)))
              serials.push(bodyOf(answer).serial)
          assert.deepEqual(
            serials,
            batches.map((_, i) => i),
          )
          const expected = batches
            .flat()
            .map(([text, headers]) => `${Buffer.from(text)}${JSON.stringify({ ...headers })}`)
          assert.deepEqual(seen, expected)
        },
      ),
      { numRuns: runs },
    )
  })
})
