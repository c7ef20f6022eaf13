/** Asks a store again as long as that may help: it is away, does not answer, or says that it is busy. */
import type { Operator } from 'opendal'
import type { Clock } from '../../base/clock.ts'
import { patiently as askedAgain } from '../../base/patience.ts'
import type { StoreSettings } from './options.ts'
import { failureOf, storeError } from './store-errors.ts'

/** One call of the library. */
export type Ask<R> = (operator: Operator) => Promise<R>

/** What is asked, for messages, and how long it may take. */
export interface Question {
  readonly store: StoreSettings
  readonly clock: Clock
  readonly what: string
  /** Bytes that are sent or come with it. */
  readonly bytes: number
}

const PAUSES = { firstPauseMs: 50, maxPauseMs: 2000 }
/** The library waits for an answer without end. */
const SILENT_MS = 30_000
/** Slower connections than this count as dead. */
const LEAST_BYTES_PER_MS = 64

/** @throws OBJECT_STORE_UNREACHABLE, OBJECT_STORE_FULL once the patience is over; OBJECT_STORE_FAILED, OBJECT_STORE_ACCESS_DENIED at once */
export async function patiently<R>(question: Question, call: () => Promise<R>): Promise<R> {
  const { store, clock, what } = question
  const patience = { clock, patienceMs: store.patienceMs, ...PAUSES, mayPass: isUnsure }
  try {
    return await askedAgain(patience, () => inTime(question, call))
  } catch (error) {
    throw storeError(store, what, error)
  }
}

/** Whether nobody knows if the store has done it, and asking again may tell. */
export function isUnsure(error: unknown): boolean {
  return failureOf(error).mayPass
}

async function inTime<R>({ clock, bytes }: Question, call: () => Promise<R>): Promise<R> {
  const limitMs = SILENT_MS + bytes / LEAST_BYTES_PER_MS
  const over = new AbortController()
  // Nobody waits for what a call does that took too long.
  const late = clock.sleep(limitMs, over.signal).then(
    () => {
      throw new Error(`Unexpected (temporary) => no answer for ${Math.round(limitMs / 1000)} s`)
    },
    () => undefined as never,
  )
  try {
    return await Promise.race([call(), late])
  } finally {
    over.abort()
  }
}
