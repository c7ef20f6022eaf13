/**
 * The letters of a batch that has failed for good, with failure policy `dead-letter`: one for each record that its inputs gave it.
 *
 * Nobody knows which record it failed by, so all of them go, with the error of the batch, and where they came from. A part of an input
 * that cannot be read (any more), in any attempt at its task, gives one letter that says which, after those of the records before it:
 * nothing goes without a trace.
 */
import { isKindlingError } from '../../base/errors.ts'
import type { Time } from '../../base/time.ts'
import { type Chunk, type ChunkSource, chunkRows } from '../../data/chunk.ts'
import { type DeadLetter, dataOf, errorOf, type LetterError } from '../../rdd/dead-letters/dead-letter.ts'
import { mapChunks } from '../../rdd/narrow-operations.ts'
import type { TaskInfo, TaskInput } from '../../rdd/ports.ts'
import type { RDD } from '../../rdd/rdd.ts'
import {
  locatorOf,
  originsOf,
  type RecordLocator,
  type RecordOrigin,
} from '../../rdd/sources/record-origin.ts'
import type { InputDStream } from '../dstream/input.ts'

/** Why a batch has failed for good: plain data, since the log has it. */
export interface BatchFailure {
  /** The output that failed and its line, or what else was being done. */
  readonly operator: string
  readonly error: LetterError
}

/** What letters of one partition of an input have in common. */
interface InputPlace extends BatchFailure {
  readonly batchTime: number
  /** The input's name, and what it gave the batch. */
  readonly input: string
  readonly partition: number
}

/** @param error what the batch failed with. Its stack is in the log of the program, and not in every letter. */
export function batchFailure(operator: string, error: unknown): BatchFailure {
  const { stack: _, ...rest } = errorOf(error)
  return { operator, error: rest }
}

/**
 * The letters of all that `inputs` gave the batch at `time`.
 *
 * @param described what an input gave, for people
 * @param attempts how often a task is tried
 */
export function batchLetters(
  inputs: readonly { readonly stream: InputDStream<unknown>; readonly described: string | undefined }[],
  time: Time,
  { failure, attempts }: { readonly failure: BatchFailure; readonly attempts: number },
): RDD<DeadLetter>[] {
  return inputs.flatMap(({ stream, described }) => {
    const rdd = stream.getOrCompute(time)
    if (rdd === undefined) return []
    const { name } = stream.source
    const input = described === undefined ? name : `${name}: ${described}`
    return [lettersOf(rdd, { ...failure, batchTime: time.milliseconds, input }, attempts)]
  })
}

function lettersOf(
  rdd: RDD<unknown>,
  place: Omit<InputPlace, 'partition'>,
  attempts: number,
): RDD<DeadLetter> {
  const origins = originsOf(rdd.node)
  return mapChunks(
    rdd,
    'deadLetters',
    (records, task, partition) =>
      new BatchLetterSource(
        { input: records, locator: locatorOf(origins, partition) },
        task,
        { ...place, partition },
        attempts,
      ),
  )
}

/** The letters of one partition, in order, a chunk at a time. */
export class BatchLetterSource implements ChunkSource<DeadLetter> {
  readonly asynchronous = true
  private readonly input: TaskInput
  private readonly task: TaskInfo
  private readonly place: InputPlace
  private readonly isLastAttempt: boolean
  private locator: RecordLocator | undefined
  private index = 0
  private isOver = false

  constructor(
    from: { readonly input: TaskInput; readonly locator: RecordLocator | undefined },
    task: TaskInfo,
    place: InputPlace,
    attempts: number,
  ) {
    this.input = from.input
    this.locator = from.locator
    this.task = task
    this.place = place
    this.isLastAttempt = task.attempt >= attempts - 1
  }

  async next(): Promise<Chunk<DeadLetter> | undefined> {
    if (this.isOver) return undefined
    const rows: DeadLetter[] = []
    try {
      const chunk = await this.input.next()
      if (chunk === undefined) return undefined
      for (const record of chunkRows(chunk)) rows.push(await this.letter(record))
    } catch (error) {
      // It may be there the next time. A lost thread or a cancelled job is no property of the data, either.
      if (!this.isLastAttempt) throw error
      if (this.task.signal.aborted || (isKindlingError(error) && error.retry === 'redo-stage')) throw error
      this.isOver = true
      rows.push({ ...this.common(), value: undefined, unread: errorOf(error).message })
    }
    const pause = this.task.breathe()
    if (pause !== undefined) await pause
    return { kind: 'rows', rows }
  }

  async close(): Promise<void> {
    await this.input.close()
    await this.locator?.close()
  }

  private common(): Omit<DeadLetter, 'value'> {
    return { ...this.place, index: this.index }
  }

  private async letter(record: unknown): Promise<DeadLetter> {
    const letter = { value: dataOf(record), ...this.common(), ...(await this.origin()) }
    this.index++
    return letter
  }

  private async origin(): Promise<RecordOrigin | undefined> {
    try {
      return await this.locator?.at(this.index)
    } catch {
      // The file has gone since it was read: letters go without their place.
      this.locator = undefined
      return undefined
    }
  }
}
