/**
 * What goes over the wire between an Avro sink of Flume and its source: the protocol AvroSourceProtocol, and the handshake of Avro's
 * remote calls. Encoding and decoding are those of the library `avsc`, loaded when a receiver starts.
 */
import { createHash } from 'node:crypto'
import type { AvroSchema } from '../../rdd/formats/avro-schema.ts'
import { avroLibrary, avroType } from '../../rdd/formats/avro-types.ts'

/** An event as it is decoded. */
export interface AvroEvent {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/** What a caller says first. */
export interface HandshakeRequest {
  readonly clientHash: Uint8Array
  readonly clientProtocol: string | null
  readonly serverHash: Uint8Array
  readonly meta: Readonly<Record<string, Uint8Array>> | null
}

/** A type of the library, as far as it is used here. */
export interface WireType<T> {
  toBuffer(value: T): Uint8Array
  /** `offset` is below 0 when the bytes end too early. */
  decode(bytes: Uint8Array, offset: number): { readonly value: T; readonly offset: number }
}

/** All types of the protocol. */
export interface WireTypes {
  readonly handshakeRequest: WireType<HandshakeRequest>
  readonly handshakeResponse: WireType<{
    readonly match: 'BOTH' | 'CLIENT' | 'NONE'
    readonly serverProtocol: string | null
    readonly serverHash: Uint8Array | null
    readonly meta: null
  }>
  readonly metadata: WireType<Readonly<Record<string, Uint8Array>>>
  readonly text: WireType<string>
  readonly flag: WireType<boolean>
  readonly event: WireType<AvroEvent>
  readonly events: WireType<readonly AvroEvent[]>
  readonly status: WireType<'OK' | 'FAILED' | 'UNKNOWN'>
}

const STATUS = { type: 'enum', name: 'Status', symbols: ['OK', 'FAILED', 'UNKNOWN'] }
const EVENT = {
  type: 'record',
  name: 'AvroFlumeEvent',
  fields: [
    { name: 'headers', type: { type: 'map', values: 'string' } },
    { name: 'body', type: 'bytes' },
  ],
}
const HASH = { type: 'fixed', name: 'MD5', size: 16 }
const METADATA = { type: 'map', values: 'bytes' }

/** The protocol that this side speaks, as text, and its hash. */
export const PROTOCOL: string = JSON.stringify({
  protocol: 'AvroSourceProtocol',
  namespace: 'org.apache.flume.source.avro',
  types: [STATUS, EVENT],
  messages: {
    append: { request: [{ name: 'event', type: 'AvroFlumeEvent' }], response: 'Status' },
    appendBatch: {
      request: [{ name: 'events', type: { type: 'array', items: 'AvroFlumeEvent' } }],
      response: 'Status',
    },
  },
})
export const PROTOCOL_HASH: Uint8Array = createHash('md5').update(PROTOCOL).digest()

/** @throws PACKAGE_MISSING without the library */
export async function wireTypes(): Promise<WireTypes> {
  const avro = await avroLibrary('Receiving from Flume')
  const typeOf = <T>(schema: unknown): WireType<T> =>
    avroType(avro, schema as AvroSchema) as unknown as WireType<T>
  return {
    handshakeRequest: typeOf({
      type: 'record',
      name: 'HandshakeRequest',
      fields: [
        { name: 'clientHash', type: HASH },
        { name: 'clientProtocol', type: ['null', 'string'] },
        { name: 'serverHash', type: 'MD5' },
        { name: 'meta', type: ['null', METADATA] },
      ],
    }),
    handshakeResponse: typeOf({
      type: 'record',
      name: 'HandshakeResponse',
      fields: [
        {
          name: 'match',
          type: { type: 'enum', name: 'HandshakeMatch', symbols: ['BOTH', 'CLIENT', 'NONE'] },
        },
        { name: 'serverProtocol', type: ['null', 'string'] },
        { name: 'serverHash', type: ['null', HASH] },
        { name: 'meta', type: ['null', METADATA] },
      ],
    }),
    metadata: typeOf(METADATA),
    text: typeOf('string'),
    flag: typeOf('boolean'),
    event: typeOf(EVENT),
    events: typeOf({ type: 'array', items: EVENT }),
    status: typeOf(STATUS),
  }
}
