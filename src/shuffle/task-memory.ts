/**
 * What a task may hold of its shuffles, and the files for what is more.
 *
 * The budget is shared by all that hold records at the same time: tables, sorts, outputs. Each looks at what it holds after every
 * chunk and every time slice, so it is passed by what comes in between.
 */
import type { TaskMetrics } from '../rdd/ports.ts'
import type { Driver } from '../rdd/segment/drive.ts'
import { SpillFile } from '../storage/spill-file.ts'
import type { SpillFolder } from '../storage/spill-folder.ts'

/** What tasks of one thread share. */
export interface SpillSettings {
  /** Bytes that each task may hold, roughly. */
  readonly budgetBytes: number
  readonly folder: SpillFolder
}

/** A driver whose task has memory for shuffles. */
export interface ShuffleDriver extends Driver {
  readonly memory: TaskMemory
}

/** See the file head. For one attempt. */
export class TaskMemory {
  private readonly settings: SpillSettings
  private runs: SpillFile | undefined
  private holders = 0
  private memoryBytes = 0
  private diskBytes = 0
  /** An output that was not finished. */
  private unfinished: SpillFile | undefined

  constructor(settings: SpillSettings) {
    this.settings = settings
  }

  /** Something begins to hold records; it ends with {@link release}. */
  take(): void {
    this.holders++
  }

  release(): void {
    this.holders--
  }

  /** Bytes for each holder. */
  get share(): number {
    return this.settings.budgetBytes / Math.max(1, this.holders)
  }

  /** The file of what this attempt reads again itself; it goes with the attempt. @throws OUTPUT_FAILED */
  get runFile(): SpillFile {
    this.runs ??= new SpillFile(this.settings.folder.newPath())
    return this.runs
  }

  /** A file for the output of a map task. @throws OUTPUT_FAILED */
  beginOutput(): SpillFile {
    this.unfinished = new SpillFile(this.settings.folder.newPath())
    return this.unfinished
  }

  /** The output is whole: from now on it lasts as long as something refers to it. */
  finishOutput(): void {
    this.unfinished?.close()
    this.unfinished = undefined
  }

  spilled(memoryBytes: number, diskBytes: number): void {
    this.memoryBytes += memoryBytes
    this.diskBytes += diskBytes
  }

  get metrics(): TaskMetrics {
    return { memoryBytesSpilled: Math.ceil(this.memoryBytes), diskBytesSpilled: this.diskBytes }
  }

  /** The attempt is over. Never throws. */
  end(): void {
    this.runs?.remove()
    this.runs = undefined
    this.unfinished?.remove()
    this.unfinished = undefined
  }
}

/** How many records there must be before their size is worth another estimate: when they may be too many, at most twice as many. */
export function nextLook(count: number, bytes: number, share: number): number {
  return Math.max(count + 1, Math.min(2 * count, Math.floor((share / Math.max(1, bytes)) * count)))
}
