/**
 * Manifests: which images of the state there are, and what a restart goes by. `manifest-<n>` in the uppermost folder, numbered
 * without gaps; the highest number that can be read counts.
 *
 * A manifest is created only if there is none of its number. The process that does so goes on; one that finds the number taken has
 * been overtaken, and stops.
 */
import { TimeGrid } from '../time-grid.ts'
import type { Damage } from './damage.ts'
import { damageOf } from './damage.ts'
import { damaged, sealedRecord, unsealedRecord } from './envelope.ts'
import type { CheckpointStorage, CheckpointWriter } from './storage.ts'

/** A version of an operator's state that was saved. */
export interface SavedImage {
  /** Batch time in ms. */
  readonly time: number
  /** One for each partition; none when the operator had no state yet. */
  readonly files: readonly string[]
  /** The oldest image that it is made of: itself, unless it is an increment. */
  readonly from: number
  readonly bytes: number
  readonly keys: number
  /** Of its values, where the program declared one. */
  readonly version?: number
}

/** What is saved of a stateful operator. */
export interface SavedOperator {
  readonly id: string
  readonly layout: Readonly<Record<string, string | number | boolean>>
  /** Its first batch comes after this time. */
  readonly since: number
  /** Oldest first. */
  readonly images: readonly SavedImage[]
}

/** An input, and since when it is part of the program, in ms. */
export interface SavedInput {
  readonly id: string
  readonly since: number
}

/** When batches were, up to a time. */
export interface EarlierTimes {
  readonly zeroTime: number
  readonly batchMs: number
  readonly upTo: number
}

/** What a restart goes by. */
export interface Manifest {
  /** The name of the program in the tokens of sinks; made up once. Older manifests have none. */
  readonly program?: string | undefined
  /** The number of the manifest with which this process began. */
  readonly epoch: number
  /** The last batch that had been planned when this process began; what earlier epochs wrote of later ones does not count. */
  readonly takenOver: number | undefined
  /** Who wrote it, where the storage knows. */
  readonly writer?: CheckpointWriter | undefined
  readonly zeroTime: number
  readonly batchMs: number
  /** Other intervals that batches before had, the oldest first. */
  readonly earlier?: readonly EarlierTimes[] | undefined
  /** All batches up to this time have ended. */
  readonly ended: number
  /** Plans of later batches may be needed. */
  readonly logFrom: number
  readonly inputs: readonly SavedInput[]
  readonly operators: readonly SavedOperator[]
}

/** A manifest and its number. */
export interface NumberedManifest {
  readonly number: number
  readonly manifest: Manifest
}

const NAME = /^manifest-(\d+)$/

export function manifestFile(number: number): string {
  return `manifest-${number}`
}

export function gridOf({ zeroTime, batchMs, earlier = [] }: Manifest): TimeGrid {
  const after = [Number.NEGATIVE_INFINITY, ...earlier.map(({ upTo }) => upTo)]
  return new TimeGrid(
    [...earlier, { zeroTime, batchMs }].map((era, i) => ({
      zeroTime: era.zeroTime,
      batchMs: era.batchMs,
      after: after[i]!,
    })),
  )
}

/** @param from earlier times are needed no more */
export function savedTimes(grid: TimeGrid, from: number): Pick<Manifest, 'zeroTime' | 'batchMs' | 'earlier'> {
  const eras = grid.since(from)
  const { zeroTime, batchMs } = grid.newest
  const earlier = eras
    .slice(0, -1)
    .map((era, i) => ({ zeroTime: era.zeroTime, batchMs: era.batchMs, upTo: eras[i + 1]!.after }))
  return { zeroTime, batchMs, earlier: earlier.length === 0 ? undefined : earlier }
}

/** @returns false when the number is taken */
export function createManifest(
  storage: CheckpointStorage,
  number: number,
  manifest: Manifest,
): Promise<boolean> {
  return storage.createIfAbsent(manifestFile(number), sealedRecord(manifest))
}

/** The numbers of all manifests, readable or not, ascending. */
export async function manifestNumbers(storage: CheckpointStorage): Promise<number[]> {
  const numbers: number[] = []
  for (const name of await storage.list('')) {
    const match = NAME.exec(name)
    if (match !== null) numbers.push(Number(match[1]))
  }
  return numbers.sort((a, b) => a - b)
}

/** Those that can be read, the newest first. */
export async function readManifests(
  storage: CheckpointStorage,
  numbers: readonly number[],
  skipped: Damage,
): Promise<NumberedManifest[]> {
  const found: NumberedManifest[] = []
  for (const number of numbers.toReversed()) {
    const file = manifestFile(number)
    const bytes = await storage.read(file)
    if (bytes === undefined) continue
    try {
      const path = `${storage.name}/${file}`
      const record = unsealedRecord(path, bytes) as Manifest
      if (typeof record?.epoch !== 'number' || !Array.isArray(record.operators))
        throw damaged(path, 'it is no manifest')
      found.push({ number, manifest: record })
    } catch (error) {
      skipped(damageOf(error))
    }
  }
  return found
}

/** The files of all images that manifests name. */
export function namedImages(manifests: readonly NumberedManifest[]): Set<string> {
  return new Set(
    manifests.flatMap(({ manifest }) =>
      manifest.operators.flatMap(({ images }) => images.flatMap(({ files }) => files)),
    ),
  )
}
