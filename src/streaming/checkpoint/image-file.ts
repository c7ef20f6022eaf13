/**
 * The image of one partition of an operator's state as a file: `state/<operator>/<partition>/<time>-<epoch>.image`.
 *
 *   head      one record: whose image it is, and the image that it is an increment of, if any
 *   slots     for each run of slots: keys and values, flags, marks, and the slots where they do not just follow each other
 *   panes     one record for each pane of a window: time, slots, values
 *
 * Each block after its length (4 bytes, little-endian); a length of 0 ends the slots, and another one the panes.
 */
import { isKindlingError } from '../../base/errors.ts'
import { decodePairs, decodeRecords, encodePairs, encodeRecords } from '../../data/codec.ts'
import type { Pane } from '../state/pane-window.ts'
import type { SlotRows } from '../state/slots.ts'
import type { StateImage } from '../state/versions.ts'
import { damaged, sealed, unsealed } from './envelope.ts'
import { operatorFolder } from './operator-folder.ts'

/** Whose image it is. */
export interface ImageHead {
  readonly operator: string
  readonly time: number
  readonly partition: number
  readonly partitions: number
  /** Keys are spread by the portable hash. */
  readonly byHash: boolean
  /** The time of the image that this one is an increment of. */
  readonly base: number | undefined
  /** Whether the slots are written. Default: in increments. */
  readonly hasSlots?: boolean
  /** Panes of the base that are older have left the window. */
  readonly panesFrom: number
}

/** An image as it was read. */
export interface LoadedImage {
  readonly head: ImageHead
  readonly rows: readonly SlotRows[]
  readonly panes: readonly Pane[]
}

export function imageFile(
  { operator, partition, time }: Omit<ImageHead, 'base' | 'panesFrom'>,
  epoch: number,
): string {
  return `state/${operatorFolder(operator)}/${partition}/${String(time).padStart(15, '0')}-${epoch}.image`
}

/** The file of an image, and how many keys it has. Other callbacks have their turn in between. */
export async function encodeImage(
  whose: Omit<ImageHead, 'base' | 'panesFrom' | 'hasSlots'>,
  { rows, hasSlots, panes, base, panesFrom }: StateImage,
): Promise<{ readonly bytes: Uint8Array; readonly keys: number }> {
  const parts: Uint8Array[] = []
  const put = (block: Uint8Array): void => {
    parts.push(lengthOf(block.length), block)
  }
  put(encodeRecords([{ ...whose, base, panesFrom, hasSlots }]))
  let keys = 0
  try {
    for (let run = rows.next(); run !== undefined; run = rows.next()) {
      keys += run.keys.length
      put(encodePairs(run.keys, run.values))
      put(encodeRecords(run.flags))
      put(encodeRecords(run.marks))
      if (hasSlots) put(encodeRecords(run.slots))
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

/** @throws FILE_DAMAGED naming `path`; CLASS_NOT_REGISTERED */
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
    const { hasSlots = head.base !== undefined } = head
    const rows: SlotRows[] = []
    let slots = 0
    for (let pairs = next(); pairs !== undefined; pairs = next()) {
      const { keys, values } = decodePairs(pairs)
      const flags = decodeRecords(next()!) as number[]
      const marks = decodeRecords(next()!) as number[]
      const own = hasSlots ? decodeRecords(next()!) : keys.map((_, i) => slots + i)
      slots += keys.length
      rows.push({ slots: own as number[], keys, values, flags, marks })
    }
    const panes: Pane[] = []
    for (let block = next(); block !== undefined; block = next()) panes.push(decodeRecords(block)[0] as Pane)
    return { head, rows, panes }
  } catch (error) {
    // The file is as it was written: the program lacks a class. To skip it would give up the state.
    if (isKindlingError(error, 'CLASS_NOT_REGISTERED')) throw error
    throw damaged(path, (error as Error).message, error)
  }
}

function lengthOf(length: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32LE(length)
  return bytes
}

/** The image that an increment makes of its base. */
export function withIncrement(base: LoadedImage, increment: LoadedImage): LoadedImage {
  const { head } = increment
  return {
    head,
    rows: [...base.rows, ...increment.rows],
    panes: [...base.panes.filter(({ time }) => time >= head.panesFrom), ...increment.panes],
  }
}
