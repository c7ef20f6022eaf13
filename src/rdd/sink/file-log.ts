/**
 * The log of a folder of files: which of them count. Each change is a file `_log/<n>` of its own, numbered without gaps and created only if
 * there is none of its number; so of two writers one succeeds, and the other looks again.
 *
 *   open    a driver begins: of earlier epochs of its output nothing comes after
 *   batch   the files of a batch count
 *   roll    what counts now, all of it: small files have become larger ones. What stands before it is not needed any more
 *
 * I1  A file counts from the entry that adds it to the one that leaves it out, whole.
 * I2  A batch is added once.
 */
import { KindlingError } from '../../base/errors.ts'
import type { BatchToken, SinkOutput } from './sink.ts'
import { outputDigest } from './success-file.ts'

/** The folder of the log, in that of the files. */
export const FILE_LOG = '_log'

/** A file that counts. */
export interface CountedFile {
  readonly file: string
  readonly bytes: number
  /** The first of the batches that it has. */
  readonly batchTime: number
  /** Which output wrote it. */
  readonly output: string
  /** Whether it is as large as it becomes. */
  readonly isRolled: boolean
}

/** What is known of an output. */
interface OutputStanding {
  readonly epoch: number
  /** Times of the batches that it has written, as far as they may be asked for. */
  readonly batches: readonly number[]
}

/** A file that does not count any more, and may still be read. */
export interface ReplacedFile {
  readonly file: string
  /** The batch after which it was replaced. */
  readonly since: number
}

/** What the log says. */
export interface LogState {
  /** Of the last entry; 0 for none. */
  readonly number: number
  readonly files: readonly CountedFile[]
  readonly replaced: readonly ReplacedFile[]
  /** By digest. */
  readonly outputs: Readonly<Record<string, OutputStanding>>
}

/** A change, as a line of JSON. */
export type LogEntry =
  | { readonly kind: 'open'; readonly output: string; readonly epoch: number }
  | {
      readonly kind: 'batch'
      readonly output: string
      readonly epoch: number
      readonly batchTime: number
      readonly files: readonly CountedFile[]
    }
  | ({ readonly kind: 'roll' } & Omit<LogState, 'number'>)

/** Reads entries, wherever they are. */
export interface LogReader {
  /** The names in the folder of the log. */
  names(): Promise<readonly string[]>
  /** @param name of an entry; `undefined` when it is gone */
  read(name: string): Promise<Uint8Array | undefined>
}

const EMPTY: LogState = { number: 0, files: [], replaced: [], outputs: {} }
const NUMBER = /^\d{12}$/

export function entryName(number: number): string {
  return String(number).padStart(12, '0')
}

export function entryBytes(entry: LogEntry): Uint8Array {
  return Buffer.from(`${JSON.stringify(entry)}\n`)
}

/**
 * What the log says now: read backwards to the last entry that says everything.
 *
 * @param path for messages
 * @throws FILE_DAMAGED for an entry that is none, or is missing
 */
export async function readFileLog(reader: LogReader, path: string): Promise<LogState> {
  for (;;) {
    const numbers = (await reader.names()).filter(name => NUMBER.test(name)).map(Number)
    const last = Math.max(0, ...numbers)
    const entries: LogEntry[] = []
    let number = last
    for (; number > 0; number--) {
      const bytes = await reader.read(entryName(number))
      if (bytes === undefined) break
      const entry = parsed(bytes, `${path}/${entryName(number)}`)
      entries.unshift(entry)
      if (entry.kind === 'roll') break
    }
    if (number === 0 || entries[0]?.kind === 'roll') {
      const first = last - entries.length + 1
      return entries.reduce((state, entry, i) => after(state, entry, first + i), EMPTY)
    }
    // It was removed while it was read, as newer ones say everything; else it is lost.
    const isMoving = (await reader.names())
      .filter(name => NUMBER.test(name))
      .some(name => Number(name) > last)
    if (!isMoving)
      throw new KindlingError('FILE_DAMAGED', {
        path: `${path}/${entryName(number)}`,
        reason: 'it is missing',
      })
  }
}

/** The state after a change. */
export function after(state: LogState, entry: LogEntry, number: number): LogState {
  if (entry.kind === 'roll')
    return { number, files: entry.files, replaced: entry.replaced, outputs: entry.outputs }
  const { output, epoch } = entry
  const { batches = [] } = state.outputs[output] ?? {}
  const isNew = entry.kind === 'batch' && !batches.includes(entry.batchTime)
  return {
    ...state,
    number,
    files: isNew ? [...state.files, ...entry.files] : state.files,
    outputs: {
      ...state.outputs,
      [output]: { epoch, batches: isNew ? [...batches, entry.batchTime] : batches },
    },
  }
}

/** Whether the log has a batch. */
export function hasBatch({ outputs }: LogState, batch: BatchToken): boolean {
  return outputs[outputDigest(batch)]?.batches.includes(batch.batchTime) === true
}

/** The latest epoch of an output that has begun. */
export function latestEpoch({ outputs }: LogState, output: SinkOutput): number {
  return outputs[outputDigest(output)]?.epoch ?? 0
}

function parsed(bytes: Uint8Array, path: string): LogEntry {
  try {
    const entry = JSON.parse(Buffer.from(bytes).toString()) as LogEntry
    if (['open', 'batch', 'roll'].includes(entry.kind)) return entry
  } catch {
    // Told below.
  }
  throw new KindlingError('FILE_DAMAGED', { path, reason: 'it is no entry of a log of files' })
}
