/**
 * The bytes of a segment of the log of received blocks; docs/reference/checkpoint-format.md.
 *
 *   "KNDLLOG" 01                 8 bytes: magic and version
 *   for each block:
 *     length, CRC-32             of what follows: little-endian, 4 bytes each
 *     length of the head         4 bytes, little-endian
 *     head                       one record: n, records, kind, metadata
 *     body                       text, or an encoded block
 */
import { crc32 } from 'node:zlib'
import { decodeRecords, encodeRecords } from '../../data/codec.ts'
import { encodedBlock } from '../../storage/block.ts'
import type { BlockContent, FreshBlock } from './received-blocks.ts'

/** What a segment begins with. */
export const SEGMENT_HEAD: Uint8Array = Buffer.from('KNDLLOG\x01', 'latin1')

const FRAME_HEAD_BYTES = 8

/** What is known of a block without its body. */
export interface FrameHead {
  /** Its number among those of its process. */
  readonly n: number
  readonly records: number
  readonly kind: 'lines' | 'block'
  readonly metadata: unknown
}

/** A frame in a segment. */
export interface Frame {
  readonly offset: number
  readonly length: number
  readonly head: FrameHead
}

/** A block as a frame. @throws RECORD_NOT_ENCODABLE for metadata or records that are no data */
export function frameOf({ n, records, metadata, content }: FreshBlock): Uint8Array {
  const isText = 'lines' in content
  const body = isText ? content.lines : [encodedBlock(content.block).bytes]
  const head = encodeRecords([{ n, records, kind: isText ? 'lines' : 'block', metadata } satisfies FrameHead])
  const prefix = Buffer.alloc(FRAME_HEAD_BYTES + 4)
  const frame = Buffer.concat([prefix, head, ...body])
  frame.writeUInt32LE(head.length, FRAME_HEAD_BYTES)
  const inner = frame.subarray(FRAME_HEAD_BYTES)
  frame.writeUInt32LE(inner.length, 0)
  frame.writeUInt32LE(crc32(inner), 4)
  return frame
}

/**
 * The frames of a segment up to the first that is not whole.
 *
 * @param skipped told of what comes after that; the end of a segment that a crash cut off is nothing unusual
 */
export function framesOf(segment: Uint8Array, skipped: (reason: string) => void): Frame[] {
  const bytes = Buffer.from(segment.buffer, segment.byteOffset, segment.length)
  if (!bytes.subarray(0, SEGMENT_HEAD.length).equals(SEGMENT_HEAD)) {
    skipped('it does not begin as a segment of this version does')
    return []
  }
  const frames: Frame[] = []
  for (let offset = SEGMENT_HEAD.length; offset < bytes.length; ) {
    const head = headAt(bytes, offset)
    if (head === undefined) {
      skipped(`what follows byte ${offset} of ${bytes.length} is not whole`)
      break
    }
    const length = FRAME_HEAD_BYTES + bytes.readUInt32LE(offset)
    frames.push({ offset, length, head })
    offset += length
  }
  return frames
}

/** The head of a frame that is whole. */
function headAt(bytes: Buffer, offset: number): FrameHead | undefined {
  if (bytes.length - offset < FRAME_HEAD_BYTES + 4) return undefined
  const start = offset + FRAME_HEAD_BYTES
  const end = start + bytes.readUInt32LE(offset)
  if (end > bytes.length || end < start + 4) return undefined
  if (crc32(bytes.subarray(start, end)) !== bytes.readUInt32LE(offset + 4)) return undefined
  return decodeRecords(headBytes(bytes, offset))[0] as FrameHead
}

function headBytes(bytes: Buffer, offset: number): Uint8Array {
  const start = offset + FRAME_HEAD_BYTES + 4
  return bytes.subarray(start, start + bytes.readUInt32LE(start - 4))
}

/** The content of the block at `offset`; `undefined` when there is no whole one. */
export function contentAt(segment: Uint8Array, offset: number): BlockContent | undefined {
  const bytes = Buffer.from(segment.buffer, segment.byteOffset, segment.length)
  const head = headAt(bytes, offset)
  if (head === undefined) return undefined
  const start = offset + FRAME_HEAD_BYTES + 4 + headBytes(bytes, offset).length
  // A copy, so that a block does not pin its whole segment.
  const body = new Uint8Array(bytes.subarray(start, offset + FRAME_HEAD_BYTES + bytes.readUInt32LE(offset)))
  if (head.kind === 'lines') return { lines: [body] }
  return { block: { kind: 'encoded', bytes: body, pairs: false, count: head.records } }
}
