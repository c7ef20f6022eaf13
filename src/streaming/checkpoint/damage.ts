/** Files that cannot be read back are skipped, and what was skipped is reported. */
import { isKindlingError } from '../../base/errors.ts'

/** Gets a message for each file that was skipped. */
export type Damage = (message: string) => void

/** The message of a damaged file; other errors are thrown on. */
export function damageOf(error: unknown): string {
  if (isKindlingError(error) && error.code === 'FILE_DAMAGED') return error.message
  throw error
}
