/**
 * Object container files of Avro as records; the types by the package `avsc`.
 *
 *   "Obj" 01, a map of metadata (schema, codec), a mark of 16 bytes
 *   for each block: how many records, how many bytes, the bytes, the mark again
 *
 * A range begins at the first mark that begins in it, and ends with the block after its last one.
 *
 * Source: Apache Avro 1.12 specification, object container files
 */
import { inflateRawSync, zstdDecompressSync } from 'node:zlib'
import type { Type } from 'avsc'
import { KindlingError } from '../../base/errors.ts'
import type { RemoteReader } from '../sources/remote-files.ts'
import type { AvroSchema } from './avro-schema.ts'
import { type Avro, avroLibrary, avroType } from './avro-types.ts'
import { ByteQueue } from './byte-queue.ts'
import type { NamedRange } from './file-records.ts'

/** How files of Avro are read. */
export interface AvroInputOptions {
  /** What records are to look like: files of older schemas are resolved to it by Avro's rules. Default: as each file has them. */
  readonly schema?: AvroSchema
  /** What a long is: a number, which fails for those beyond 2^53, or a bigint. Default `number`. */
  readonly longs?: 'number' | 'bigint'
}

interface Header {
  readonly decode: (bytes: Buffer, count: number) => unknown[]
  readonly unpack: (bytes: Buffer) => Buffer
  readonly mark: Buffer
  /** Where the mark ends. */
  readonly bytes: number
}

const MAGIC = Buffer.from('Obj\u0001', 'latin1')
const MARK_BYTES = 16

/** @throws FILE_DAMAGED, FILE_NOT_FITTING, INPUT_NOT_READABLE, PACKAGE_MISSING */
export async function* readAvro(
  reader: RemoteReader,
  range: NamedRange,
  options: AvroInputOptions,
): AsyncGenerator<readonly unknown[], undefined> {
  const avro = await avroLibrary('Reading Avro files')
  const first = new ByteQueue(reader.stream(range.path, 0), range.name, 0)
  let queue = first
  try {
    const header = await readHeader(first, range, avro, options)
    let markAt = header.bytes - MARK_BYTES
    if (range.start > markAt) {
      await first.close()
      queue = new ByteQueue(reader.stream(range.path, range.start), range.name, range.start)
      if (!(await queue.goBehind(header.mark))) return undefined
      markAt = queue.at - MARK_BYTES
    }
    while (markAt < range.end && !(await queue.isOver())) {
      const blockAt = queue.at
      const [count, length] = [await queue.long(), await queue.long()]
      if (count < 0 || length < 0 || queue.at + length + MARK_BYTES > range.bytes)
        throw damaged(range, blockAt, `its block claims ${count} records in ${length} bytes`)
      const packed = await queue.take(length)
      markAt = queue.at
      if (!header.mark.equals(await queue.take(MARK_BYTES)))
        throw damaged(range, markAt, 'there is not the mark that ends a block')
      yield recordsOf(header, packed, count, reason => damaged(range, blockAt, reason))
    }
  } finally {
    await queue.close()
  }
  return undefined
}

function recordsOf(
  { unpack, decode }: Header,
  packed: Buffer,
  count: number,
  failed: (reason: string) => KindlingError,
): unknown[] {
  try {
    return decode(unpack(packed), count)
  } catch (error) {
    throw failed((error as Error).message)
  }
}

async function readHeader(
  queue: ByteQueue,
  range: NamedRange,
  avro: Avro,
  options: AvroInputOptions,
): Promise<Header> {
  if (!MAGIC.equals(await queue.take(MAGIC.length)))
    throw damaged(range, 0, 'it does not begin as a file of Avro does')
  const meta = new Map<string, Buffer>()
  for (let count = await queue.long(); count !== 0; count = await queue.long()) {
    // A negative count is followed by the length of the block.
    if (count < 0) await queue.long()
    for (let i = 0; i < Math.abs(count); i++) {
      const name = String(await queue.bytes(range.bytes))
      meta.set(name, await queue.bytes(range.bytes))
    }
  }
  const mark = await queue.take(MARK_BYTES)
  return {
    decode: decoder(String(meta.get('avro.schema') ?? ''), range, avro, options),
    unpack: unpacker(String(meta.get('avro.codec') ?? 'null'), range),
    mark,
    bytes: queue.at,
  }
}

function decoder(
  written: string,
  { name }: NamedRange,
  avro: Avro,
  { schema, longs }: AvroInputOptions,
): Header['decode'] {
  let writer: Type
  try {
    writer = avroType(avro, JSON.parse(written) as AvroSchema, longs)
  } catch (error) {
    const reason = `its schema is none: ${(error as Error).message}`
    throw new KindlingError('FILE_DAMAGED', { path: name, reason }, { cause: error })
  }
  let type = writer
  let resolver: ReturnType<Type['createResolver']> | undefined
  if (schema !== undefined)
    try {
      type = avroType(avro, schema, longs)
      resolver = type.createResolver(writer)
    } catch (error) {
      throw new KindlingError(
        'FILE_NOT_FITTING',
        { path: name, reason: (error as Error).message },
        { cause: error },
      )
    }
  return (bytes, count) => {
    const records: unknown[] = []
    let at = 0
    for (let i = 0; i < count; i++) {
      const { value, offset } = type.decode(bytes, at, resolver)
      if (offset < 0) throw new Error(`record ${i} of the block is cut off`)
      records.push(plain(value))
      at = offset
    }
    if (at !== bytes.length)
      throw new Error(`${bytes.length - at} bytes are left after the last record of the block`)
    return records
  }
}

function unpacker(codec: string, { name }: NamedRange): Header['unpack'] {
  switch (codec) {
    case 'null':
      return bytes => bytes
    case 'deflate':
      return bytes => inflateRawSync(bytes)
    case 'zstandard':
      return bytes => zstdDecompressSync(bytes)
    default:
      throw new KindlingError('FILE_NOT_FITTING', {
        path: name,
        reason: `its codec is ${codec}; null, deflate and zstandard can be read`,
      })
  }
}

/** Records of the library are instances of classes that it makes. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  if (Array.isArray(value)) return value.map(plain)
  if (ArrayBuffer.isView(value)) return Uint8Array.from(value as Buffer)
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]))
}

function damaged({ name }: NamedRange, at: number, reason: string): KindlingError {
  return new KindlingError('FILE_DAMAGED', { path: name, reason: `${reason} (at byte ${at})` })
}
