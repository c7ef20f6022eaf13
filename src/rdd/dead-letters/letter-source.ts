/** The letters of one partition, in order, a chunk at a time. */
import { type Chunk, type ChunkSource, chunkRows } from '../../data/chunk.ts'
import type { TaskInfo, TaskInput } from '../ports.ts'
import type { RecordLocator, RecordOrigin } from '../sources/record-origin.ts'
import { type DeadLetter, type LetterPlace, letterOf } from './dead-letter.ts'
import type { Failure } from './tried-step.ts'

/** What letters are made of. */
export interface LetterParts {
  /** The failures among some records of the input, the first of which has the index `first`. */
  failuresOf(records: readonly unknown[], first: number): readonly Failure[]
  readonly place: LetterPlace
  /** When somebody has read the partition before: the input is not touched then. */
  readonly known: readonly Failure[] | undefined
  readonly locator: RecordLocator | undefined
}

/** See the file head. */
export class LetterSource implements ChunkSource<DeadLetter> {
  readonly asynchronous = true
  private readonly input: TaskInput
  private readonly task: TaskInfo
  private readonly parts: LetterParts
  private locator: RecordLocator | undefined
  private known: readonly Failure[] | undefined
  private index = 0

  constructor(input: TaskInput, task: TaskInfo, parts: LetterParts) {
    this.input = input
    this.task = task
    this.parts = parts
    this.known = parts.known
    this.locator = parts.locator
  }

  async next(): Promise<Chunk<DeadLetter> | undefined> {
    for (let failures = await this.failures(); failures !== undefined; failures = await this.failures()) {
      const rows: DeadLetter[] = []
      for (const failure of failures)
        rows.push(letterOf(failure, this.parts.place, await this.origin(failure.index)))
      if (rows.length > 0) return { kind: 'rows', rows }
      const pause = this.task.breathe()
      if (pause !== undefined) await pause
    }
    return undefined
  }

  async close(): Promise<void> {
    await this.input.close()
    await this.locator?.close()
  }

  /** `undefined` at the end. */
  private async failures(): Promise<readonly Failure[] | undefined> {
    if (this.parts.known !== undefined) {
      const { known } = this
      this.known = undefined
      return known
    }
    const chunk = await this.input.next()
    if (chunk === undefined) return undefined
    const records = chunkRows(chunk)
    const first = this.index
    this.index += records.length
    return this.parts.failuresOf(records, first)
  }

  private async origin(index: number): Promise<RecordOrigin | undefined> {
    try {
      return await this.locator?.at(index)
    } catch {
      // The file has gone since it was read: the letter goes without its place.
      this.locator = undefined
      return undefined
    }
  }
}
