/**
 * What every checkpoint file is wrapped in; docs/reference/checkpoint-format.md.
 *
 *   "KNDLCKP" 01      8 bytes: magic and version
 *   length, CRC-32    of the content: little-endian, 8 and 4 bytes
 *   content
 */
import { crc32 } from 'node:zlib'
import { KindlingError } from '../../base/errors.ts'
import { decodeRecords, encodeRecords } from '../../data/codec.ts'

/** The version of all checkpoint files. Older ones stay readable. */
export const CHECKPOINT_VERSION = 1

const MAGIC = Buffer.from('KNDLCKP', 'latin1')
const HEAD_BYTES = 20

/** The content as a file. */
export function sealed(content: readonly Uint8Array[]): Uint8Array {
  const head = Buffer.alloc(HEAD_BYTES)
  MAGIC.copy(head)
  head[7] = CHECKPOINT_VERSION
  let length = 0
  let check = 0
  for (const part of content) {
    length += part.length
    check = crc32(part, check)
  }
  head.writeBigUInt64LE(BigInt(length), 8)
  head.writeUInt32LE(check, 16)
  return Buffer.concat([head, ...content])
}

/** The content of a file. @throws FILE_DAMAGED naming `path` */
export function unsealed(path: string, file: Uint8Array): Uint8Array {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength)
  if (bytes.length < HEAD_BYTES) throw damaged(path, `it has ${bytes.length} bytes and was cut off`)
  if (!bytes.subarray(0, 7).equals(MAGIC)) throw damaged(path, 'it does not start as a checkpoint file does')
  const version = bytes[7]!
  if (version > CHECKPOINT_VERSION)
    throw damaged(path, `it has version ${version}, and this program reads up to ${CHECKPOINT_VERSION}`)
  const length = bytes.readBigUInt64LE(8)
  const content = bytes.subarray(HEAD_BYTES)
  if (length !== BigInt(content.length))
    throw damaged(path, `it has ${content.length} of ${length} bytes of content`)
  if (crc32(content) !== bytes.readUInt32LE(16)) throw damaged(path, 'its checksum does not match')
  return content
}

/** The version of a file that a later version of this program wrote. */
export function newerVersion(file: Uint8Array): number | undefined {
  const isOurs = file.length >= HEAD_BYTES && MAGIC.equals(file.subarray(0, 7))
  return isOurs && file[7]! > CHECKPOINT_VERSION ? file[7] : undefined
}

/** A file of one record. @throws RECORD_NOT_ENCODABLE */
export function sealedRecord(record: unknown): Uint8Array {
  return sealed([encodeRecords([record])])
}

/** The record of such a file. @throws FILE_DAMAGED naming `path` */
export function unsealedRecord(path: string, file: Uint8Array): unknown {
  const content = unsealed(path, file)
  try {
    return decodeRecords(content)[0]
  } catch (error) {
    throw damaged(path, (error as Error).message, error)
  }
}

export function damaged(path: string, reason: string, cause?: unknown): KindlingError {
  return new KindlingError('FILE_DAMAGED', { path, reason }, { cause })
}
