/** What values of a state look like: a number that a program raises when they change, and how older ones become new ones. */
import { isKindlingError, KindlingError } from '../../base/errors.ts'
import { copyValue } from '../../data/codec.ts'

/**
 * The value of a key as `version` of the program saved it, as the program has it now. Plain data in and out; called once for each key
 * when a program goes on from state of another version.
 */
export type Migrate<S> = (old: unknown, version: number) => S

/** The version of state that a program declares. */
export interface StateSchema {
  /** Whole, from 1. */
  readonly version: number
  readonly migrate: Migrate<unknown> | undefined
}

/** That of state for which no version is declared. */
export const FIRST_VERSION = 1

/** @throws INVALID_ARGUMENT for a version that is none, or a function without one */
export function stateSchema(
  version: number | undefined,
  migrate: Migrate<unknown> | undefined,
): StateSchema | undefined {
  const refuse = (what: string, value: unknown, expected: string): never => {
    throw new KindlingError('INVALID_ARGUMENT', { what, value, expected })
  }
  if (migrate !== undefined && version === undefined)
    refuse('the version of a state with migrate', undefined, 'a whole number of at least 1')
  if (version === undefined) return undefined
  if (!Number.isSafeInteger(version) || version < FIRST_VERSION)
    refuse('the version of a state', version, 'a whole number of at least 1')
  return { version, migrate }
}

/** Why a program cannot take over state of the version `saved`; `undefined` when it can. */
export function notMigratable(schema: StateSchema | undefined, saved: number): string | undefined {
  const now = schema?.version ?? FIRST_VERSION
  if (saved === now || schema?.migrate !== undefined) return undefined
  return `it has values of version ${saved}, the program those of version ${now}, and no migrate`
}

/** A value of another version as the program has it. @throws STATE_MIGRATION_FAILED */
export function migrated(
  { version, migrate }: StateSchema,
  saved: {
    readonly operator: string
    readonly key: unknown
    readonly value: unknown
    readonly version: number
  },
): unknown {
  const { operator, key } = saved
  const failed = (reason: string, cause?: unknown): KindlingError =>
    new KindlingError(
      'STATE_MIGRATION_FAILED',
      { operator, key, from: saved.version, to: version, reason },
      { cause },
    )
  let made: unknown
  try {
    made = copyValue(migrate!(copyValue(saved.value), saved.version))
  } catch (error) {
    if (isKindlingError(error, 'RECORD_NOT_ENCODABLE')) throw failed(error.message, error)
    throw failed(error instanceof Error ? error.message : String(error), error)
  }
  if (made === undefined) throw failed('it gave undefined: a key keeps its state, or the function throws')
  return made
}
