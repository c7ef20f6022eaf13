/**
 * New files of a directory as a source.
 *
 * At each batch the directory is listed; if the path is a glob, every directory that matches. A file is taken when
 *   its name passes the filter, and
 *   ignore threshold < modification time ≤ batch time, and
 *   it was not taken in a batch that is still remembered.
 * With back-pressure (or `kindling.files.maxRate`) a batch takes at most so many bytes, but one file at least: the oldest ones. Those that
 * are left are found by the next batches, also when they are older than the threshold by then.
 *
 * The threshold is the batch time (of the first one, if several were merged) less the remember window (at least `minRememberDuration`, in whole batches), and never before
 * the time at which the stream was started first, unless old files are wanted. Publish a file by renaming it into the directory.
 *
 * Source: Spark FileInputDStream.
 */
import { globSync, readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { configEntries } from '../../base/config.ts'
import type { Time } from '../../base/time.ts'
import type { SparkContext } from '../../context/spark-context.ts'
import type { DeadLetter } from '../../rdd/dead-letters/dead-letter.ts'
import type { RDDDeadLetters } from '../../rdd/dead-letters/rdd-dead-letters.ts'
import type { RDD } from '../../rdd/rdd.ts'
import type { BatchInput, InputSource, RateControl, SourceHost } from '../input-source.ts'

/** Which files, and how they are read. */
export interface FileStreamOptions<T> {
  /** Whether a path is wanted. Default: its name does not begin with `.` */
  readonly filter?: (path: string) => boolean
  /** Only files that appear after the start; `false`: also those of the remember window before it. Default true. */
  readonly newFilesOnly?: boolean
  /** The records of a file. Default: its lines. */
  readonly read?: (sc: SparkContext, path: string) => RDD<T>
}

/** Where files are that are not on this machine. */
export interface FilePlace<T> {
  /** The files of the directory; `undefined` when there is no such directory. What it throws is warned about; the stream goes on. */
  list(directory: string): Promise<readonly FoundFile[] | undefined>
  /** The records of a file, cut into so many parts at least. */
  read(sc: SparkContext, file: Omit<FoundFile, 'modified'>, minPartitions: number): RDD<T>
}

/** The files of a batch, and how they are cut. */
interface FilePlan {
  readonly files: readonly string[]
  /** Their bytes, where they are elsewhere. */
  readonly sizes?: readonly number[]
  readonly minPartitions: number
  /** Younger files were left for later: the youngest that was taken. */
  readonly upTo?: FileAge | undefined
}

/** By which files are taken when there are too many: time of modification in ms, then path. */
interface FileAge {
  readonly modified: number
  readonly path: string
}

/** A file that was found. */
export interface FoundFile extends FileAge {
  readonly bytes: number
}

/** Least estimate of what batches can take, in bytes a second. */
const MIN_RATE = 64 * 1024

const GLOB = /[*?[{]/

/** See the file head. */
export function fileSource<T>(directory: string, options: FileStreamOptions<T>): InputSource<T> {
  return new FileSource(directory, options)
}

/** New files of a directory elsewhere. There are no globs. */
export function placedFileSource<T>(
  directory: string,
  place: FilePlace<T>,
  options: Omit<FileStreamOptions<T>, 'read'>,
): InputSource<T> {
  return new FileSource<T>(directory, options, undefined, place)
}

/** Lines of files without those that are too long: these are to be had as letters. */
export function textFileSource(directory: string): {
  readonly source: InputSource<string>
  /** What an RDD of the source lacks. */
  longLines(rdd: RDD<string>): RDD<DeadLetter> | undefined
} {
  const letters = new WeakMap<RDD<string>, RDDDeadLetters>()
  const source = new FileSource<string>(directory, {}, (sc, files, cut) => {
    const onError = sc.deadLetters()
    const rdd = sc.union(files.map(path => sc.textFile(path, cut, { onError })))
    letters.set(rdd, onError)
    return rdd
  })
  return { source, longLines: rdd => letters.get(rdd)?.letters() }
}

/** The records of all files of a batch, cut into so many parts at least. */
type FilesReader<T> = (sc: SparkContext, files: readonly string[], minPartitions: number) => RDD<T>

class FileSource<T> implements InputSource<T> {
  readonly name: string
  private readonly directory: string
  private readonly filter: (path: string) => boolean
  private readonly newFilesOnly: boolean
  private readonly read: FilesReader<T>
  private readonly place: FilePlace<T> | undefined
  private host!: SourceHost
  private windowMs = 0
  private slideMs = 0
  private plannedUpTo = 0
  private initialThreshold = 0
  /** Files taken, by batch time, and how long they are. */
  private readonly taken = new Map<number, Pick<FilePlan, 'files' | 'sizes'>>()
  private readonly recent = new Set<string>()
  private warned = ''
  private rate!: RateControl
  /** Bytes that a batch has, by its time. */
  private readonly bytes = new Map<number, number>()
  /** Younger files were left by the last batch. */
  private upTo: FileAge | undefined

  constructor(directory: string, options: FileStreamOptions<T>, read?: FilesReader<T>, place?: FilePlace<T>) {
    this.place = place
    this.directory = directory
    this.name = `files of ${directory}`
    this.filter = options.filter ?? (path => !basename(path).startsWith('.'))
    this.newFilesOnly = options.newFilesOnly ?? true
    const readOne =
      options.read ??
      ((sc: SparkContext, path: string, cut: number) => sc.textFile(path, cut) as unknown as RDD<T>)
    this.read = read ?? ((sc, files, cut) => sc.union(files.map(path => readOne(sc, path, cut))))
  }

  start(host: SourceHost): void {
    this.host = host
    const max = host.conf.get(configEntries.filesMaxRate)
    this.rate = host.rateControl({
      initial: host.conf.get(configEntries.filesInitialRate),
      ...(max === undefined ? {} : { max }),
      min: MIN_RATE,
      amountOf: time => this.bytes.get(time.milliseconds) ?? 0,
    })
    const slide = host.batchDuration.milliseconds
    this.slideMs = slide
    this.plannedUpTo = host.zeroTime.milliseconds
    const minimum = host.conf.get(configEntries.fileMinRememberDuration)
    this.windowMs = slide * Math.ceil(minimum / slide)
    this.initialThreshold = this.newFilesOnly ? host.startTime : 0
  }

  stop(): void {}

  plan(time: Time): BatchInput<T> | Promise<BatchInput<T>> {
    const { place } = this
    if (place === undefined) return this.planned(time, this.localFiles())
    return this.filesOf(place).then(files => this.planned(time, files))
  }

  private planned(time: Time, there: readonly FoundFile[]): BatchInput<T> {
    const found = this.newOf(there, time.milliseconds)
    const taken = this.within(found)
    const left = found.length - taken.length
    if (left === 0) this.upTo = undefined
    else this.upTo = taken.at(-1) ?? this.upTo ?? OLDEST
    const inOrder = taken.toSorted((a, b) => (a.path < b.path ? -1 : 1))
    const files = inOrder.map(({ path }) => path)
    const sizes = inOrder.map(({ bytes }) => bytes)
    this.bytes.set(
      time.milliseconds,
      sizes.reduce((sum, bytes) => sum + bytes, 0),
    )
    this.remember(time.milliseconds, this.place === undefined ? { files } : { files, sizes })
    const rdd = this.records({ files, sizes, minPartitions: this.host.sc.defaultMinPartitions })
    const description = files.length === 0 ? 'no new files' : files.join('\n')
    const waiting = left === 0 ? '' : `\n${left} more files wait`
    return { rdd, numRecords: 0, metadata: { files, filesWaiting: left, Description: description + waiting } }
  }

  /** The oldest files that have as many bytes as a batch may take; at least one, if it may have any. */
  private within(found: readonly FoundFile[]): readonly FoundFile[] {
    const limit = this.rate.limit()
    if (limit === 0) return []
    let bytes = 0
    for (const [i, file] of found.entries()) {
      bytes += file.bytes
      if (bytes > limit && i > 0) return found.slice(0, i)
    }
    return found
  }

  forget(upTo: Time): void {
    for (const time of this.bytes.keys()) if (time <= upTo.milliseconds) this.bytes.delete(time)
  }

  private records({ files, sizes = [], minPartitions }: FilePlan): RDD<T> {
    const { sc } = this.host
    const { place } = this
    if (place === undefined) return this.read(sc, files, minPartitions)
    return sc.union(files.map((path, i) => place.read(sc, { path, bytes: sizes[i]! }, minPartitions)))
  }

  describe(time: Time): FilePlan {
    return {
      files: [],
      ...this.taken.get(time.milliseconds),
      minPartitions: this.host.sc.defaultMinPartitions,
      ...(this.upTo === undefined ? {} : { upTo: { modified: this.upTo.modified, path: this.upTo.path } }),
    }
  }

  restore(time: Time, description: unknown): () => RDD<T> {
    const plan = description as FilePlan
    this.upTo = plan.upTo
    this.remember(time.milliseconds, plan)
    return () => this.records(plan)
  }

  get remembersMs(): number {
    return this.windowMs
  }

  /** Those that no batch has, the oldest first. */
  private newOf(there: readonly FoundFile[], batchTime: number): FoundFile[] {
    const threshold = Math.max(this.initialThreshold, this.plannedUpTo + this.slideMs - this.windowMs)
    const isNew = (file: FoundFile): boolean =>
      file.modified > threshold || (this.upTo !== undefined && younger(file, this.upTo))
    return there
      .filter(file => file.modified <= batchTime && isNew(file))
      .sort((a, b) => (younger(a, b) ? 1 : -1))
  }

  private isWanted(path: string): boolean {
    return this.filter(path) && !this.recent.has(path)
  }

  private localFiles(): FoundFile[] {
    const found: FoundFile[] = []
    try {
      for (const directory of this.directories())
        for (const name of readdirSync(directory)) {
          const path = join(directory, name)
          if (!this.isWanted(path)) continue
          const stats = statSync(path, { throwIfNoEntry: false })
          if (stats === undefined || stats.isDirectory()) continue
          found.push({ modified: Math.floor(stats.mtimeMs), path, bytes: stats.size })
        }
      this.warned = ''
    } catch (error) {
      this.notListed(error)
    }
    return found
  }

  private async filesOf(place: FilePlace<T>): Promise<readonly FoundFile[]> {
    try {
      const found = await place.list(this.directory)
      if (found === undefined) this.warn(`${this.name}: there is no such directory; the stream waits for it`)
      else this.warned = ''
      return found?.filter(({ path }) => this.isWanted(path)) ?? []
    } catch (error) {
      this.notListed(error)
      return []
    }
  }

  private notListed(error: unknown): void {
    this.warn(`${this.name}: cannot be listed: ${(error as Error).message}`)
  }

  private directories(): string[] {
    const isDirectory = (path: string): boolean =>
      statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
    if (isDirectory(this.directory)) return [this.directory]
    const matches = GLOB.test(this.directory) ? globSync(this.directory).filter(isDirectory).sort() : []
    if (matches.length === 0) this.warn(`${this.name}: there is no such directory; the stream waits for it`)
    return matches
  }

  /** Once for each state of affairs, not for each batch. */
  private warn(message: string): void {
    if (this.warned === message) return
    this.warned = message
    this.host.logger.warn(message)
  }

  private remember(batchTime: number, { files, sizes }: Pick<FilePlan, 'files' | 'sizes'>): void {
    this.plannedUpTo = batchTime
    this.taken.set(batchTime, sizes === undefined ? { files } : { files, sizes })
    for (const file of files) this.recent.add(file)
    for (const [time, old] of this.taken) {
      if (time > batchTime - this.windowMs) break
      this.taken.delete(time)
      for (const file of old.files) this.recent.delete(file)
    }
  }
}

/** Older than any file. */
const OLDEST: FileAge = { modified: -1, path: '' }

function younger(a: FileAge, b: FileAge): boolean {
  return a.modified === b.modified ? a.path > b.path : a.modified > b.modified
}
