/**
 * The log of batches: what was planned for each, written before it runs, and that it has ended, written after its outputs.
 *
 *   batches/<time>-<epoch>.plan      batches/<time>-<epoch>.commit      batches/<time>-<epoch>.failed
 *
 * `failed`: the batch has failed for good and its input goes to dead letters, which is under way until there is a commit as well.
 *
 * One small file for each, so that it can be kept where files cannot be added to. The epoch is the number of the manifest with
 * which a process took the program over: what a process that was overtaken writes late is told from what its successor writes.
 */
import type { Parallelism } from '../../context/spark-context.ts'
import type { BatchFailure } from '../delivery/batch-letters.ts'
import type { RecordedCuts } from '../dstream/cut.ts'
import type { SavedRate } from '../receiver/batch-rate.ts'
import { everyBatch, type TimeGrid } from '../time-grid.ts'
import { type Damage, damageOf } from './damage.ts'
import { sealedRecord, unsealedRecord } from './envelope.ts'
import type { CheckpointStorage } from './storage.ts'

/** What an input gave a batch. */
export interface LoggedInput {
  /** The id of its stream. */
  readonly id: string
  /** What the source is, for messages. */
  readonly source: string
  readonly numRecords: number
  /** What `describe` gave; `undefined` where the source cannot plan again. */
  readonly plan: unknown
  /** What was known of the rate that batches can take. */
  readonly rate?: SavedRate | undefined
}

/** One batch as it was planned. */
export interface LoggedBatch {
  /** Batch time in ms. */
  readonly time: number
  /** Ticks before it that were merged into it. */
  readonly merged: number
  readonly inputs: readonly LoggedInput[]
  /** How records are cut: partition counts, where they are by hash or of `repartition`. Older logs, and programs without shuffles, have none. */
  readonly cuts?: RecordedCuts | undefined
  /** By which functions of the program cut that name no count. Older logs have none. */
  readonly parallelism?: Parallelism | undefined
}

/** The time up to which other batches have the input: before the ticks that were merged into this one. */
export function before(batch: LoggedBatch, grid: TimeGrid): number {
  return grid.before(ticksOf(batch, grid).at(-1)!, everyBatch)
}

/** The ticks that the batch takes in, the latest first. */
export function ticksOf({ time, merged }: LoggedBatch, grid: TimeGrid): number[] {
  const ticks = [time]
  while (ticks.length <= merged) ticks.push(grid.before(ticks.at(-1)!, everyBatch))
  return ticks
}

/** What the log holds. */
export interface LogContent {
  /** By time, ascending. */
  readonly plans: ReadonlyMap<number, LoggedBatch>
  readonly commits: ReadonlySet<number>
  /** Those of them that failed and were skipped: batches without records. */
  readonly skipped: ReadonlySet<number>
  /** Batches whose input goes to dead letters. */
  readonly failed: ReadonlyMap<number, BatchFailure>
  /** All files, also those that do not count. */
  readonly files: readonly LogFile[]
}

/** A file of the log. */
export interface LogFile {
  readonly file: string
  readonly time: number
  readonly epoch: number
  readonly kind: 'plan' | 'commit' | 'failed'
}

/** The folder of the log. */
export const LOG_FOLDER = 'batches'
const NAME = /^batches\/(\d+)-(\d+)\.(plan|commit|failed)$/
/** Files that are read at once. */
const READERS = 16

export function logFile(kind: LogFile['kind'], time: number, epoch: number): LogFile {
  return { file: `${LOG_FOLDER}/${String(time).padStart(15, '0')}-${epoch}.${kind}`, time, epoch, kind }
}

/** What the name of a file says; `undefined` when it is not one of the log. */
export function logFileOf(file: string): LogFile | undefined {
  const match = NAME.exec(file)
  if (match === null) return undefined
  return { file, time: Number(match[1]), epoch: Number(match[2]), kind: match[3] as LogFile['kind'] }
}

export async function writePlan(
  storage: CheckpointStorage,
  batch: LoggedBatch,
  epoch: number,
): Promise<LogFile> {
  const written = logFile('plan', batch.time, epoch)
  await storage.write(written.file, sealedRecord(batch))
  return written
}

export async function writeFailed(
  storage: CheckpointStorage,
  time: number,
  failure: BatchFailure,
  epoch: number,
): Promise<LogFile> {
  const written = logFile('failed', time, epoch)
  await storage.write(written.file, sealedRecord(failure))
  return written
}

/** @param isSkipped the batch failed, and has no part in any result */
export async function writeCommit(
  storage: CheckpointStorage,
  { time, isSkipped }: { readonly time: number; readonly isSkipped: boolean },
  epoch: number,
): Promise<LogFile> {
  const written = logFile('commit', time, epoch)
  await storage.write(written.file, sealedRecord(isSkipped ? { time, skipped: true } : { time }))
  return written
}

/**
 * Reads the log. Of several plans of one time that of the highest epoch counts.
 *
 * @param counts whether a file is part of the log, and was not written too late by a process that had been overtaken
 */
export async function readLog(
  storage: CheckpointStorage,
  counts: (file: LogFile) => boolean,
  skipped: Damage,
): Promise<LogContent> {
  const files: LogFile[] = []
  for (const name of await storage.list(LOG_FOLDER)) {
    const file = logFileOf(`${LOG_FOLDER}/${name}`)
    if (file !== undefined) files.push(file)
  }
  files.sort((a, b) => a.time - b.time || a.epoch - b.epoch)
  const wanted = files.filter(counts)
  const records = await mapAtOnce(wanted, async ({ file }) => readRecord(storage, file, skipped))
  const plans = new Map<number, LoggedBatch>()
  const commits = new Set<number>()
  const skippedBatches = new Set<number>()
  const failed = new Map<number, BatchFailure>()
  wanted.forEach(({ kind, time }, i) => {
    const record = records[i]
    if (record === undefined) return
    if (kind === 'commit') {
      commits.add(time)
      if ((record as { readonly skipped?: boolean }).skipped === true) skippedBatches.add(time)
    } else if (kind === 'failed') failed.set(time, record as BatchFailure)
    else plans.set(time, record as LoggedBatch)
  })
  return { plans, commits, skipped: skippedBatches, failed, files }
}

async function readRecord(storage: CheckpointStorage, file: string, skipped: Damage): Promise<unknown> {
  const bytes = await storage.read(file)
  if (bytes === undefined) return undefined
  try {
    return unsealedRecord(`${storage.name}/${file}`, bytes)
  } catch (error) {
    skipped(damageOf(error))
    return undefined
  }
}

async function mapAtOnce<A, B>(items: readonly A[], f: (item: A) => Promise<B>): Promise<B[]> {
  const results: B[] = new Array(items.length)
  let next = 0
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++
      results[at] = await f(items[at]!)
    }
  }
  await Promise.all(Array.from({ length: Math.min(READERS, items.length) }, work))
  return results
}
