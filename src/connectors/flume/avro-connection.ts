/**
 * One connection of an Avro sink: cuts the stream into calls, answers each.
 *
 *   frames      serial (4 bytes) · count (4) · count × (length (4) · bytes)
 *   first call  handshake · metadata · name · arguments          answer   handshake · metadata · flag · result
 *   others      metadata · name · arguments                      answer   metadata · flag · result
 *
 * A caller whose protocol is not known is asked for it (NONE); then it sends the same call again, with the protocol. The answers always
 * have the protocol and hash of this side where they do not match: Avro's Java side fails for ever on NONE without them.
 *
 * I1  Calls are answered in order, each once: only when the events are stored, or with FAILED.
 */
import { createHash } from 'node:crypto'
import {
  type AvroEvent,
  type HandshakeRequest,
  PROTOCOL,
  PROTOCOL_HASH,
  type WireType,
  type WireTypes,
} from './avro-types.ts'

/** Nobody sends more at once, unless he means harm. */
const MAX_FRAMES = 65_536
const MAX_CALL_BYTES = 256 * 1024 * 1024

/** Hashes of protocols that callers have sent. */
const known = new Set<string>()

/** See the file head. */
export class AvroConnection {
  private readonly types: WireTypes
  private readonly store: (events: readonly AvroEvent[]) => Promise<void>
  private pending: Buffer = Buffer.alloc(0)
  private isKnown = false

  /** @param store resolves once the events may be acknowledged */
  constructor(types: WireTypes, store: (events: readonly AvroEvent[]) => Promise<void>) {
    this.types = types
    this.store = store
  }

  /**
   * The answers to the calls that are whole now, in order.
   *
   * @throws Error when the bytes are no calls
   */
  async *take(bytes: Uint8Array): AsyncGenerator<Uint8Array, undefined> {
    this.pending = this.pending.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.pending, bytes])
    for (let call = this.nextCall(); call !== undefined; call = this.nextCall())
      yield framed(call.serial, await this.answer(call.body))
    return undefined
  }

  private nextCall(): { readonly serial: number; readonly body: Buffer } | undefined {
    const { pending } = this
    if (pending.length < 8) return undefined
    const count = pending.readUInt32BE(4)
    if (count > MAX_FRAMES)
      throw new Error(`a call of ${count} frames; is the sink compressed, or no Avro sink?`)
    let at = 8
    const frames: Buffer[] = []
    let total = 0
    for (let i = 0; i < count; i++) {
      if (pending.length < at + 4) return undefined
      const length = pending.readUInt32BE(at)
      total += length
      if (total > MAX_CALL_BYTES) throw new Error(`a call of over ${MAX_CALL_BYTES} bytes`)
      if (pending.length < at + 4 + length) return undefined
      frames.push(pending.subarray(at + 4, at + 4 + length))
      at += 4 + length
    }
    const serial = pending.readUInt32BE(0)
    const body = Buffer.concat(frames)
    this.pending = Buffer.from(pending.subarray(at))
    return { serial, body }
  }

  private async answer(body: Buffer): Promise<Uint8Array> {
    const { types } = this
    const reading = new Reading(body)
    const head = this.isKnown ? [] : [this.handshake(reading.next(types.handshakeRequest))]
    if (!this.isKnown) return Buffer.concat(head)
    reading.next(types.metadata)
    const name = reading.next(types.text)
    const none = types.metadata.toBuffer({})
    if (name !== 'append' && name !== 'appendBatch') {
      const error = types.text.toBuffer(`there is no message ${name}`)
      // A union of errors, whose first is a text.
      return Buffer.concat([...head, none, types.flag.toBuffer(true), Uint8Array.of(0), error])
    }
    const events = name === 'append' ? [reading.next(types.event)] : reading.next(types.events)
    let status: 'OK' | 'FAILED' = 'OK'
    try {
      await this.store(events)
    } catch {
      // The agent takes the transaction back and sends the events again.
      status = 'FAILED'
    }
    return Buffer.concat([...head, none, types.flag.toBuffer(false), types.status.toBuffer(status)])
  }

  private handshake({ clientHash, clientProtocol, serverHash }: HandshakeRequest): Uint8Array {
    const hash = Buffer.from(clientHash).toString('hex')
    if (clientProtocol !== null && createHash('md5').update(clientProtocol).digest('hex') === hash)
      known.add(hash)
    this.isKnown = known.has(hash)
    const isOurs = Buffer.compare(serverHash, PROTOCOL_HASH) === 0
    const isFull = !this.isKnown || !isOurs
    return this.types.handshakeResponse.toBuffer({
      match: !this.isKnown ? 'NONE' : isOurs ? 'BOTH' : 'CLIENT',
      serverProtocol: isFull ? PROTOCOL : null,
      serverHash: isFull ? PROTOCOL_HASH : null,
      meta: null,
    })
  }
}

/** Reads values one after the other. */
class Reading {
  private readonly bytes: Buffer
  private at = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  next<T>(type: WireType<T>): T {
    const { value, offset } = type.decode(this.bytes, this.at)
    if (offset < 0) throw new Error('a call that ends too early')
    this.at = offset
    return value
  }
}

function framed(serial: number, body: Uint8Array): Uint8Array {
  const head = Buffer.alloc(12)
  head.writeUInt32BE(serial, 0)
  head.writeUInt32BE(1, 4)
  head.writeUInt32BE(body.length, 8)
  return Buffer.concat([head, body])
}
