/**
 * The image of one partition of an operator's state as a file: `state/<operator id>/<partition>/<time>-<epoch>.image`.
 *
 *   head      one record: operator, time, partition, number of partitions, whether keys are spread by the portable hash
 *   slots     for each run of slots three blocks: keys and values, flags, marks
 *   panes     one record for each pane of a window: time, slots, values
 *
 * Each block after its length (4 bytes, little-endian); a length of 0 ends the slots, and another one the panes.
 */
import { decodePairs, decodeRecords, encodePairs, encodeRecords } from '../../data/codec.ts'
import type { Pane } from '../state/pane-window.ts'
import type { SlotRows } from '../state/slots.ts'
import type { StateImage } from '../state/versions.ts'
import { damaged, sealed, unsealed } from './envelope.ts'

/** Whose image it is. */
export interface ImageHead {
  readonly operator: string
  readonly time: number
  readonly partition: number
  readonly partitions: number
  readonly byHash: boolean
}

/** An image as it was read. */
export interface LoadedImage {
  readonly head: ImageHead
  readonly rows: readonly SlotRows[]
  readonly panes: readonly Pane[]
}

export function imageFile({ operator, partition, time }: ImageHead, epoch: number): string {
  return `state/${operator}/${partition}/${String(time).padStart(15, '0')}-${epoch}.image`
}

/** The file of an image, and how many keys it has. Other callbacks have their turn in between. */
export async function encodeImage(
  head: ImageHead,
  { rows, panes }: StateImage,
): Promise<{ readonly bytes: Uint8Array; readonly keys: number }> {
  const parts: Uint8Array[] = []
  const put = (block: Uint8Array): void => {
    parts.push(lengthOf(block.length), block)
  }
  put(encodeRecords([head]))
  let keys = 0
  try {
    for (let run = rows.next(); run !== undefined; run = rows.next()) {
      keys += run.keys.length
      put(encodePairs(run.keys, run.values))
      put(encodeRecords(run.flags))
      put(encodeRecords(run.marks))
      await new Promise(resolve => setImmediate(resolve))
    }
  } finally {
    rows.close()
  }
  parts.push(lengthOf(0))
  for (const pane of panes) {
    put(encodeRecords([pane]))
    await new Promise(resolve => setImmediate(resolve))
  }
  parts.push(lengthOf(0))
  return { bytes: sealed(parts), keys }
}

/** @throws FILE_DAMAGED naming `path` */
export function decodeImage(path: string, file: Uint8Array): LoadedImage {
  const content = unsealed(path, file)
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
  let at = 0
  const next = (): Uint8Array | undefined => {
    if (at + 4 > bytes.length) throw damaged(path, 'it ends in mid-block')
    const length = bytes.readUInt32LE(at)
    at += 4 + length
    if (at > bytes.length) throw damaged(path, 'it ends in mid-block')
    return length === 0 ? undefined : bytes.subarray(at - length, at)
  }
  try {
    const head = decodeRecords(next()!)[0] as ImageHead
    const rows: SlotRows[] = []
    for (let pairs = next(); pairs !== undefined; pairs = next())
      rows.push({
        ...decodePairs(pairs),
        flags: decodeRecords(next()!) as number[],
        marks: decodeRecords(next()!) as number[],
      })
    const panes: Pane[] = []
    for (let block = next(); block !== undefined; block = next()) panes.push(decodeRecords(block)[0] as Pane)
    return { head, rows, panes }
  } catch (error) {
    throw damaged(path, (error as Error).message, error)
  }
}

function lengthOf(length: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32LE(length)
  return bytes
}
