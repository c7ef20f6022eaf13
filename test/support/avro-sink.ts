/** The other side of a Flume stream, for tests: encodes calls as an Avro sink of Flume does. */
import { createHash } from 'node:crypto'
import type { AvroEvent, WireTypes } from '../../src/connectors/flume/avro-types.ts'

/** What such a sink says of itself. */
export const SINK_PROTOCOL = '{"protocol":"AvroSourceProtocol","of":"a test"}'

/** A handshake, without a protocol or with it. */
export function handshake(
  types: WireTypes,
  protocol: string | null,
  text: string = SINK_PROTOCOL,
): Uint8Array {
  const clientHash = createHash('md5').update(text).digest()
  return types.handshakeRequest.toBuffer({
    clientHash,
    clientProtocol: protocol,
    serverHash: clientHash,
    meta: null,
  })
}

/** A call of `appendBatch`, or of another name. */
export function batchCall(types: WireTypes, events: readonly AvroEvent[], name = 'appendBatch'): Uint8Array {
  const args = name === 'append' ? types.event.toBuffer(events[0]!) : types.events.toBuffer(events)
  return Buffer.concat([types.metadata.toBuffer({}), types.text.toBuffer(name), args])
}

/** Bytes as frames of at most `size`. */
export function frames(serial: number, body: Uint8Array, size = 8192): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < body.length || at === 0; at += size) {
    const part = body.subarray(at, at + size)
    const head = Buffer.alloc(4)
    head.writeUInt32BE(part.length)
    parts.push(head, Buffer.from(part))
  }
  const head = Buffer.alloc(8)
  head.writeUInt32BE(serial)
  head.writeUInt32BE(parts.length / 2, 4)
  return Buffer.concat([head, ...parts])
}

export const event = (text: string, headers: Record<string, string> = {}): AvroEvent => ({
  headers,
  body: Buffer.from(text),
})
