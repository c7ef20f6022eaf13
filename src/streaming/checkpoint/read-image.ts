/** Reads a saved version of a partition: an image, or an increment with all that it stands on. */
import { PRESENT } from '../state/slots.ts'
import { type Damage, damageOf } from './damage.ts'
import { decodeImage, type LoadedImage, withIncrement } from './image-file.ts'
import type { SavedImage, SavedOperator } from './manifest.ts'
import type { CheckpointStorage } from './storage.ts'

/** Where from, and who is told of files that cannot be read. */
export interface ImageSource {
  readonly storage: CheckpointStorage
  readonly skipped: Damage
}

/** `undefined` when something of it is missing or damaged. */
export async function readImage(
  source: ImageSource,
  operator: SavedOperator,
  image: SavedImage,
  partition: number,
): Promise<LoadedImage | undefined> {
  const { storage, skipped } = source
  const path = `${storage.name}/${image.files[partition]}`
  const bytes = await storage.read(image.files[partition]!)
  if (bytes === undefined) {
    skipped(`${path} is missing.`)
    return undefined
  }
  let read: LoadedImage
  try {
    read = decodeImage(path, bytes)
  } catch (error) {
    skipped(damageOf(error))
    return undefined
  }
  const { base } = read.head
  if (base === undefined) return read
  const before = operator.images.find(({ time }) => time === base)
  if (before === undefined) {
    skipped(`${path}: the image at ${base} ms that it is an increment of is missing.`)
    return undefined
  }
  const whole = await readImage(source, operator, before, partition)
  return whole === undefined ? undefined : withIncrement(whole, read)
}

/** The records of an image; of several rows of one slot the last counts. */
export function recordsOf({ rows }: LoadedImage): {
  readonly keys: readonly unknown[]
  readonly values: readonly unknown[]
} {
  const latest = new Map<number, { readonly run: number; readonly row: number }>()
  rows.forEach(({ slots }, run) => {
    for (const [row, slot] of slots.entries()) latest.set(slot, { run, row })
  })
  const keys: unknown[] = []
  const values: unknown[] = []
  for (const { run, row } of latest.values()) {
    const from = rows[run]!
    if (from.flags[row] !== PRESENT) continue
    keys.push(from.keys[row])
    values.push(from.values[row])
  }
  return { keys, values }
}
