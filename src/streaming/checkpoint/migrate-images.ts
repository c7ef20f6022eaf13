/** Saved state whose values have another version than those of the program, value by value. */
import type { AnyStream } from '../dstream/recipe.ts'
import { ABSENT } from '../state/slots.ts'
import { FIRST_VERSION, migrated, type StateSchema } from '../state/state-schema.ts'
import type { LoadedImage } from './image-file.ts'
import type { SavedImage, SavedOperator } from './manifest.ts'

/** The version of the values of an image. */
export function versionOf({ version = FIRST_VERSION }: SavedImage): number {
  return version
}

/** That of the newest image: what a restart begins with, unless it is damaged. `undefined` while there is none. */
export function savedVersion({ images }: SavedOperator): number | undefined {
  const newest = images.at(-1)
  return newest === undefined ? undefined : versionOf(newest)
}

/** Whether some image of an operator has values of another version than the program's. */
export function needsMigration({ state }: AnyStream, { images }: SavedOperator): boolean {
  const now = state?.schema?.version ?? FIRST_VERSION
  return images.some(image => versionOf(image) !== now)
}

/** The image as the program has it. @throws STATE_MIGRATION_FAILED */
export function migratedImage(
  loaded: LoadedImage,
  schema: StateSchema,
  saved: { readonly operator: string; readonly version: number },
): LoadedImage {
  return {
    ...loaded,
    rows: loaded.rows.map(rows => ({
      ...rows,
      values: rows.values.map((value, row) =>
        rows.flags[row] === ABSENT ? value : migrated(schema, { ...saved, key: rows.keys[row], value }),
      ),
    })),
  }
}
