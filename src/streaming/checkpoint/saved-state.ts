/** The state of one operator as it was saved, partition by partition. */
import { KindlingError } from '../../base/errors.ts'
import { CHECKPOINT_VERSION, newerVersion } from './envelope.ts'
import type { LocalStorage } from './local-storage.ts'
import {
  manifestFile,
  manifestNumbers,
  readManifests,
  type SavedImage,
  type SavedOperator,
} from './manifest.ts'
import { readImage, recordsOf } from './read-image.ts'

/** The operators of the newest manifest that can be read. @throws CHECKPOINT_NOT_USABLE, CHECKPOINT_NEWER */
export async function savedOperators(storage: LocalStorage): Promise<readonly SavedOperator[]> {
  const numbers = await manifestNumbers(storage)
  const [newest] = await readManifests(storage, numbers, () => {})
  if (newest !== undefined) return newest.manifest.operators
  const file = manifestFile(numbers.at(-1) ?? 0)
  const version = newerVersion((await storage.read(file)) ?? new Uint8Array())
  if (version !== undefined)
    throw new KindlingError('CHECKPOINT_NEWER', {
      path: `${storage.name}/${file}`,
      version,
      known: CHECKPOINT_VERSION,
    })
  throw new KindlingError('CHECKPOINT_NOT_USABLE', {
    directory: storage.name,
    reason: `none of its ${numbers.length} manifests can be read`,
  })
}

/**
 * The images of an operator that may be read, the newest first; that of a time, if one is given.
 *
 * @throws OPERATOR_NOT_SAVED
 */
export function imagesOf(
  storage: LocalStorage,
  operators: readonly SavedOperator[],
  wanted: { readonly id: string; readonly time: number | undefined },
): { readonly operator: SavedOperator; readonly images: readonly SavedImage[] } {
  const notSaved = (reason: string): KindlingError =>
    new KindlingError('OPERATOR_NOT_SAVED', { directory: storage.name, operator: wanted.id, reason })
  const operator = operators.find(({ id }) => id === wanted.id)
  if (operator === undefined)
    throw notSaved(
      operators.length === 0
        ? 'it has no operators with state'
        : `its operators are ${operators.map(({ id }) => id).join(', ')}`,
    )
  const { images } = operator
  if (images.length === 0) throw notSaved('no image of it has been saved yet')
  if (wanted.time === undefined) return { operator, images: images.toReversed() }
  const image = images.find(({ time }) => time === wanted.time)
  if (image === undefined)
    throw notSaved(
      `there is no image of ${wanted.time} ms; there are those of ${images.map(({ time }) => time).join(', ')} ms`,
    )
  return { operator, images: [image] }
}

/** Keys and values of one partition. */
export interface SavedRecords {
  readonly keys: readonly unknown[]
  readonly values: readonly unknown[]
}

/** The partitions of an image, one in memory at a time. @throws FILE_DAMAGED, CLASS_NOT_REGISTERED */
export async function* partitionsOf(
  storage: LocalStorage,
  operator: SavedOperator,
  image: SavedImage,
): AsyncGenerator<SavedRecords> {
  for (const [partition, file] of image.files.entries()) {
    let reason = 'it is damaged'
    const skipped = (message: string): void => {
      reason = message.replace(/\.$/, '')
    }
    const read = await readImage({ storage, skipped }, operator, image, partition)
    if (read === undefined) throw new KindlingError('FILE_DAMAGED', { path: file, reason })
    yield recordsOf(read)
  }
}
