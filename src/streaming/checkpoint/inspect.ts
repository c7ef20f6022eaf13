/**
 * What a checkpoint directory holds, for people and tools: read as a restart reads it, and checked file by file. Nothing is changed.
 *
 * Cost: reads every file once, and the newest images again, a partition at a time.
 */
import { isKindlingError } from '../../base/errors.ts'
import { type LogContent, type LoggedBatch, readLog } from './batch-log.ts'
import { type DamagedFile, findDamage } from './find-damage.ts'
import { inspectReceived, type ReceivedInput } from './inspect-received.ts'
import type { LocalStorage } from './local-storage.ts'
import { countsFor, standingOf } from './log-standing.ts'
import {
  type EarlierTimes,
  gridOf,
  manifestNumbers,
  type NumberedManifest,
  readManifests,
  type SavedInput,
  type SavedOperator,
} from './manifest.ts'
import { readImage, recordsOf } from './read-image.ts'
import type { CheckpointWriter } from './storage.ts'
import { type StoredFile, storedFiles } from './stored-files.ts'
import { type UnneededFile, unneededFiles } from './unneeded.ts'

/** See the file head. Times in ms. */
export interface Inspection {
  readonly directory: string
  /** Numbers of manifests that can be read, the newest first. */
  readonly manifests: readonly number[]
  /** What a restart would go by; `undefined` when no manifest can be read. */
  readonly saved: SavedProgram | undefined
  readonly damaged: readonly DamagedFile[]
  /** What receivers have logged. */
  readonly received: readonly ReceivedInput[]
  /** What `compact` would delete. */
  readonly unneeded: readonly UnneededFile[]
  readonly files: number
  readonly bytes: number
}

/** What a restart would go by. */
export interface SavedProgram {
  readonly epoch: number
  readonly writer: CheckpointWriter | undefined
  readonly zeroTime: number
  readonly batchMs: number
  /** Other intervals that batches before had. */
  readonly earlier: readonly EarlierTimes[]
  /** The last batch that was planned. */
  readonly last: number
  /** All batches up to this one have ended. */
  readonly ended: number
  /** Planned and not ended: they run again. */
  readonly pending: readonly { readonly time: number; readonly merged: number; readonly records: number }[]
  readonly inputs: readonly SavedInput[]
  readonly operators: readonly InspectedOperator[]
  readonly log: {
    readonly plans: number
    readonly commits: number
    readonly bytes: number
    readonly from: number
  }
}

/** What is saved of an operator. */
export interface InspectedOperator {
  readonly id: string
  readonly kind: string
  /** Settings that a program must have to take it over, besides its kind. */
  readonly layout: Readonly<Record<string, string | number | boolean>>
  readonly since: number
  /** Of the newest image that can be read; `undefined` while there is none. */
  readonly newest:
    | { readonly time: number; readonly partitions: number; readonly keys: number | undefined }
    | undefined
  /** Of the values of the newest image, where the program declares one. */
  readonly version: number | undefined
  /** Of all images. */
  readonly bytes: number
  readonly images: readonly { readonly time: number; readonly isIncrement: boolean; readonly bytes: number }[]
}

export async function inspect(storage: LocalStorage): Promise<Inspection> {
  const numbers = await manifestNumbers(storage)
  const manifests = await readManifests(storage, numbers, () => {})
  const newest = manifests[0]
  // After the manifests: a program that runs has written all that they name before.
  const files = await storedFiles(storage.name)
  const received = newest === undefined ? undefined : await inspectReceived(storage, manifests, files)
  return {
    directory: storage.name,
    manifests: manifests.map(({ number }) => number),
    saved: newest === undefined ? undefined : await savedProgram(storage, newest, files),
    damaged: await findDamage(storage, manifests, files),
    received: received?.inputs ?? [],
    unneeded: newest === undefined ? [] : [...unneededFiles(manifests, files), ...received!.unneeded],
    files: files.length,
    bytes: bytesOf(files),
  }
}

async function savedProgram(
  storage: LocalStorage,
  { manifest }: NumberedManifest,
  files: readonly StoredFile[],
): Promise<SavedProgram> {
  const { epoch, writer, zeroTime, batchMs, earlier = [], inputs, logFrom } = manifest
  const log = await readLog(
    storage,
    file => countsFor(manifest, file),
    () => {},
  )
  const { last, ended, pending } = standingOf(manifest, log, gridOf(manifest))
  const operators: InspectedOperator[] = []
  for (const operator of manifest.operators) operators.push(await inspectOperator(storage, operator))
  return {
    ...{ epoch, writer, zeroTime, batchMs, earlier, last, ended, inputs, operators },
    pending: pending.map(batch => ({ time: batch.time, merged: batch.merged, records: recordsIn(batch) })),
    log: {
      ...lengthOf(log),
      bytes: bytesOf(files.filter(({ file }) => file.startsWith('batches/'))),
      from: logFrom,
    },
  }
}

function lengthOf({ files }: LogContent): { readonly plans: number; readonly commits: number } {
  const plans = files.filter(({ kind }) => kind === 'plan').length
  return { plans, commits: files.filter(({ kind }) => kind === 'commit').length }
}

const recordsIn = ({ inputs }: LoggedBatch): number =>
  inputs.reduce((sum, { numRecords }) => sum + numRecords, 0)

const bytesOf = (files: readonly StoredFile[]): number => files.reduce((sum, { bytes }) => sum + bytes, 0)

async function inspectOperator(storage: LocalStorage, operator: SavedOperator): Promise<InspectedOperator> {
  const { id, since, images } = operator
  const { operator: kind, ...layout } = operator.layout
  return {
    ...{ id, kind: String(kind), layout, since, version: images.at(-1)?.version },
    newest: await newestOf(storage, operator),
    bytes: images.reduce((sum, { bytes }) => sum + bytes, 0),
    images: images.map(({ time, from, bytes }) => ({ time, isIncrement: from < time, bytes })),
  }
}

/** Of the images, the first from the end of which all partitions can be read. */
async function newestOf(
  storage: LocalStorage,
  operator: SavedOperator,
): Promise<InspectedOperator['newest']> {
  for (const image of operator.images.toReversed()) {
    const { time, files } = image
    let keys = 0
    let isWhole = true
    try {
      for (const partition of files.keys()) {
        const read = await readImage({ storage, skipped: () => {} }, operator, image, partition)
        if (read === undefined) isWhole = false
        else keys += recordsOf(read).keys.length
      }
    } catch (error) {
      // The program knows the class, this process does not.
      if (!isKindlingError(error, 'CLASS_NOT_REGISTERED')) throw error
      return { time, partitions: files.length, keys: undefined }
    }
    if (isWhole) return { time, partitions: files.length, keys }
  }
  return undefined
}
