/**
 * The contract between the engine and whatever takes its output: files, databases, queues.
 *
 *   driver   open ─▶ committed? ─▶ begin ─────────────────────────────────▶ commit ─▶ … ─▶ close
 *   tasks                            └─▶ writer: write … write ─▶ prepare ──┘ (one message for each partition)
 *
 * 1. Once at the start, `open`, and after a crash `committed`: which of the batches that had not ended the sink holds already. Those
 *    are not written again.
 * 2. For each batch `begin`; then each task makes a writer of its own by the factory, hands it its records and has it prepare them:
 *    nothing of them is to be seen yet. What `prepare` gives, a few bytes of data, goes back to the driver.
 * 3. `commit` with one message for each partition, in order: now all of the batch is to be seen.
 *
 * I1  Of the attempts at a partition one has its message in `commit`; others are aborted, or were lost: what they prepared is to be
 *     dropped.
 * I2  `commit` of a batch that the sink holds changes nothing, and does not fail.
 * I3  Once a driver of a later epoch has called `open` for the same output, `commit` of an earlier one fails with SINK_FENCED, or finds
 *     that the later one has written the batch and changes nothing. The engine asks its checkpoint directory before each commit; this is
 *     for what is on its way in just that moment.
 * I4  Calls for one output come one after the other, unless `spark.streaming.concurrentJobs` is above 1.
 *
 * Source: Spark DataSource V2 BatchWrite and DataWriter; the tokens are ours.
 */
import type { Logger } from '../../base/logger.ts'
import type { AsyncCall } from '../async-map.ts'

/** An output of a program, by names that are the same after a restart. */
export interface SinkOutput {
  /** The program: made up when its checkpoint directory is first used. Without one, it is another in each process. */
  readonly program: string
  /** The output in it: what `writeTo` was given as `id`, else its place in the program. */
  readonly operatorId: string
  /** Grows with each start of the program; 0 when there is no checkpoint directory, so that nobody can follow. */
  readonly epoch: number
}

/** Which batch of which output: a batch that runs again has the same token, but for the epoch. */
export interface BatchToken extends SinkOutput {
  /** Batch time in ms. */
  readonly batchTime: number
}

/** Which attempt at which part of a batch. */
export interface WriteToken extends BatchToken {
  /** From 0. */
  readonly partition: number
  /** From 0. Two attempts at a partition may run at once. */
  readonly attempt: number
}

/** What a sink is told when it is opened. */
export interface SinkSession extends SinkOutput {
  readonly logger: Logger
}

/**
 * Takes the records of one attempt at a partition, in the task. After `prepare` or `abort` comes `close`, and nothing further.
 *
 * @typeParam T a record
 * @typeParam M what it tells the driver
 */
export interface SinkWriter<T, M> {
  /** A bounded run of records, in order; awaited before the next one. What it throws fails the attempt. */
  write(records: readonly T[]): void | Promise<void>
  /** Makes all of it ready to be committed, and safe from crashes. Gives what `commit` needs to find it: plain data, a few bytes. */
  prepare(): M | Promise<M>
  /** Removes what the attempt wrote: it failed, or its job was cancelled. */
  abort(): void | Promise<void>
  /** Lets go of connections and the like. */
  close?(): void | Promise<void>
}

/**
 * Makes the writer of an attempt, in the task: on another thread or machine, where there are any. So it travels as other functions of
 * a program do: what it uses has to be data, or be imported.
 */
export type WriterFactory<T, M> = (
  token: WriteToken,
  /** The attempt: what its writer waits for ends with the signal. Left out where nothing is cancelled, as in tests. */
  call?: AsyncCall,
) => SinkWriter<T, M> | Promise<SinkWriter<T, M>>

/**
 * Where the records of batches go; see the file head. All but the writers runs on the driver.
 *
 * @typeParam T a record
 * @typeParam M what a writer tells the driver
 * @example
 * const totals = new Map<string, number>() // a table that is changed in one transaction, and keeps the tokens it has seen
 * const tokens = new Set<number>()
 * const table: ExactlyOnceSink<[string, number], [string, number][]> = {
 *   name: 'totals',
 *   guarantee: 'exactly-once',
 *   by: 'transaction',
 *   writer: () => {
 *     const rows: [string, number][] = []
 *     return { write: records => void rows.push(...records), prepare: () => rows, abort: () => {} }
 *   },
 *   committed: asked => asked.filter(({ batchTime }) => tokens.has(batchTime)),
 *   commit({ batchTime }, messages) {
 *     if (tokens.has(batchTime)) return
 *     for (const [key, n] of messages.flat()) totals.set(key, (totals.get(key) ?? 0) + n)
 *     tokens.add(batchTime)
 *   },
 *   abort: () => {},
 * }
 * pairs.writeTo(table)
 * await t.run(2)
 * totals.get('a') // => 4
 */
export type Sink<T, M = unknown> = ExactlyOnceSink<T, M> | RepeatingSink<T, M>

/** What every sink has. */
export interface SinkBase<T, M> {
  /** What it is, for people: `files words-*`, `table public.words`. */
  readonly name: string
  readonly writer: WriterFactory<T, M>
  /**
   * How long a task is tried again whose writer fails by what passes by itself: an error of the domain `external` that is to be asked
   * again for (`backoff`), such as a server that is away or full. These failures do not count as attempts, and there are pauses between
   * them. Counted from the first one; later ones count as any failure. In ms, default 0.
   */
  readonly patienceMs?: number
  /**
   * Called once at the start for each output that writes to it, before any batch. A sink that fences remembers the epoch here. What it
   * throws fails the start.
   */
  open?(session: SinkSession): void | Promise<void>
  /** A batch begins: nothing of it has been written in this epoch. */
  begin?(batch: BatchToken): void | Promise<void>
  /** Tokens of batches before `batchTime` are never asked for again. Called now and then. */
  forget?(output: SinkOutput, batchTime: number): void | Promise<void>
  /**
   * Called once for each output that was told to open, when the program stops: also while `open` still waits, which has to end then, and
   * after one that failed. Not after a crash.
   */
  close?(output: SinkOutput): void | Promise<void>
}

/** How a sink manages that a batch counts once, and as a whole. */
export type ExactlyOnceMeans =
  /** Records and token are written in one transaction. */
  | 'transaction'
  /** The batch is written under another name, and renamed in one step. */
  | 'rename'
  /** A file that is created only if it is not there says which other files count. */
  | 'manifest'

/** A sink in which a batch appears once, whole or not at all. */
export interface ExactlyOnceSink<T, M = unknown> extends SinkBase<T, M> {
  readonly guarantee: 'exactly-once'
  readonly by: ExactlyOnceMeans
  /** Those of the tokens whose batches it holds, whatever the epoch. @throws SINK_FENCED when a later epoch has written one of them */
  committed(tokens: readonly BatchToken[]): readonly BatchToken[] | Promise<readonly BatchToken[]>
  /**
   * Makes the whole batch appear. When it fails, the engine asks `committed` whether it went through all the same.
   *
   * @param messages what the writers' `prepare` gave, one for each partition, in order
   */
  commit(batch: BatchToken, messages: readonly M[]): void | Promise<void>
  /** Removes what was prepared for a batch that will not be committed in this run of it. One that is committed stays. */
  abort(batch: BatchToken): void | Promise<void>
}

/**
 * A sink in which a batch that runs again is written again.
 *
 * `at-least-once`: its records are there twice then. `idempotent`: writing them again changes nothing, since each has a key under which
 * it replaces itself; in between, a batch may be seen in part.
 */
export interface RepeatingSink<T, M = unknown> extends SinkBase<T, M> {
  readonly guarantee: 'at-least-once' | 'idempotent'
  /** All partitions are written. */
  commit?(batch: BatchToken, messages: readonly M[]): void | Promise<void>
  /** The batch has failed; what is written already may stay. */
  abort?(batch: BatchToken): void | Promise<void>
}

/** Whether two tokens are of the same batch of the same output, whatever their epochs. */
export function isSameBatch(a: BatchToken, b: BatchToken): boolean {
  return a.program === b.program && a.operatorId === b.operatorId && a.batchTime === b.batchTime
}
