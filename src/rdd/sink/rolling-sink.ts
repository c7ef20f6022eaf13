/**
 * Batches into one folder of files that are few and large, however small the batches: each batch is there at once as small files, and when
 * enough of them have gathered they become larger ones. Which files count says a log (`file-log.ts`), so readers see each batch once and
 * whole, before, while and after that happens.
 *
 *   orders/_log/000000000007                            one line of JSON
 *   orders/part-1000-00000-6b86b273ff34-3-0.parquet     batch, partition, output, epoch, attempt
 *   orders/rolled-9000-0-6b86b273ff34-3.parquet         after which batch, which of its files, output, epoch
 *
 * 1. A batch: tasks write its files, the driver adds an entry that names them. That is the commit.
 * 2. After it, if the small files have `rollBytes`, are `maxSmallFiles`, or the first of them is `rollAge` of batch time old: they are read, written
 *    as one or more larger files, and an entry says all that counts now.
 * 3. Files that were replaced go after `keepReplaced` of batch time, as who began before may still read them; files that never counted, of
 *    processes that died, when the next one begins.
 *
 * I1  A crash before an entry leaves what there was; after it, what it says. In between there is nothing.
 */
import { isKindlingError, KindlingError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import { type DurationLike, toDuration } from '../../base/time.ts'
import { type FileFormatOptions, fileFormat } from './file-format.ts'
import {
  after,
  type CountedFile,
  entryBytes,
  entryName,
  FILE_LOG,
  hasBatch,
  type LogEntry,
  type LogState,
  latestEpoch,
  readFileLog,
} from './file-log.ts'
import type { FileStorage } from './file-storage.ts'
import { checkMergeable, concatenated, recordsOf } from './merge-files.ts'
import type { BatchToken, ExactlyOnceSink, SinkOutput, WriteToken } from './sink.ts'
import { MAX_FILE_BYTES, type StoredFile, type StoredFiles, storedPartWriter } from './stored-part.ts'
import { fenced, outputDigest } from './success-file.ts'

/** When files become larger ones. Batch times are what is compared, not clocks. */
export interface RollingSinkOptions extends FileFormatOptions {
  /** Where; the folder is in it. */
  readonly storage: FileStorage
  /** Bytes of small files from which they become larger ones, and of these about. Default 64 MiB; so much is held. */
  readonly rollBytes?: number
  /** Small files do not get older than this. Default: 10 minutes. */
  readonly rollAge?: DurationLike
  /** Nor are they more than this. Default 100. */
  readonly maxSmallFiles?: number
  /** For how long files that were replaced stay. Default: 10 minutes. */
  readonly keepReplaced?: DurationLike
}

interface Rolling {
  readonly name: string
  readonly folder: string
  readonly storage: FileStorage
  readonly format: FileFormatOptions
  readonly rollBytes: number
  readonly rollAgeMs: number
  readonly maxSmallFiles: number
  readonly keepReplacedMs: number
}

const DEFAULT_MS = 10 * 60_000
const MAX_SMALL_FILES = 100

/**
 * A sink that writes batches into one folder and makes small files larger ones as they gather: exactly once, also across crashes. See the
 * file head. `sc.filesIn(place)` reads what counts; other readers go by the log, or read all files once the program has ended.
 *
 * Cost: each record is written twice at most, unless batches are larger than `rollBytes`; the driver reads and writes the small files, which
 * delays the batch after which it happens.
 *
 * @throws INVALID_ARGUMENT for Parquet and CSV without `columns`, Avro without `schema`, and object files; in batches what the storage
 * throws, SINK_FENCED
 * @example
 * const storage = new LocalStorage(`${dir}/lake`)
 * words.writeTo(rollingFileSink('words', { storage, maxSmallFiles: 2 }), { id: 'words' })
 * await t.run(2)
 * const files = (await storage.list('words')).filter(name => name.startsWith('rolled'))
 * files.length // => 1
 */
export function rollingFileSink<T>(folder: string, options: RollingSinkOptions): ExactlyOnceSink<T> {
  const {
    storage,
    rollBytes = MAX_FILE_BYTES,
    rollAge = DEFAULT_MS,
    keepReplaced = DEFAULT_MS,
    ...rest
  } = options
  const { maxSmallFiles = MAX_SMALL_FILES, ...format } = rest
  checkMergeable(format)
  const rolling: Rolling = {
    name: `rolling files ${folder} in ${storage.name}`,
    folder: folder.replace(/^\/+|\/+$/g, ''),
    storage,
    format,
    rollBytes,
    rollAgeMs: toDuration(rollAge, 'The age at which files are rolled').milliseconds,
    maxSmallFiles,
    keepReplacedMs: toDuration(keepReplaced, 'The time for which replaced files stay').milliseconds,
  }
  const log = new SinkLog(rolling)
  const { name } = rolling
  let logger: Logger | undefined
  return {
    name,
    guarantee: 'exactly-once',
    by: 'manifest',
    writer: partWriter<T>(rolling),
    async open(output) {
      logger = output.logger
      await log.begin(output)
      await sweep(rolling, log.state, output)
    },
    async committed(tokens) {
      const state = await log.refresh()
      const held = tokens.filter(token => hasBatch(state, token))
      for (const token of held) log.check(token)
      return held
    },
    begin: batch => log.begin(batch),
    async commit(batch, messages) {
      const output = outputDigest(batch)
      const files = (messages as readonly StoredFiles[]).flat().map(file => counted(file, batch, false))
      const { batchTime, epoch } = batch
      await log.add(batch, state =>
        hasBatch(state, batch) ? undefined : { kind: 'batch', output, epoch, batchTime, files },
      )
      try {
        await roll(rolling, log, batch)
      } catch (error) {
        if (isKindlingError(error, 'SINK_FENCED')) throw error
        // The batch is there; after the next one it is tried again.
        logger?.warn(`${name}: small files could not be made larger ones: ${(error as Error).message}`)
      }
    },
    async abort(batch) {
      if (hasBatch(await log.refresh(), batch)) return
      const own = ownFiles(batch)
      for (const file of await storage.list(rolling.folder))
        if (own(file)?.epoch === batch.epoch && own(file)?.batchTime === batch.batchTime)
          await storage.delete(`${rolling.folder}/${file}`)
    },
    forget: (output, batchTime) => log.forget(output, batchTime),
  }
}

function partWriter<T>({ storage, format, folder, rollBytes }: Rolling) {
  return (token: WriteToken) =>
    storedPartWriter<T>({
      storage,
      format,
      folder,
      maxFileBytes: rollBytes,
      nameOf: (n, suffix) => partName(token, n, suffix),
    })
}

function partName(token: WriteToken, n: number, suffix: string): string {
  const { batchTime, partition, epoch, attempt } = token
  const more = n === 0 ? '' : `-${n}`
  return `part-${batchTime}-${String(partition).padStart(5, '0')}-${outputDigest(token)}-${epoch}-${attempt}${more}${suffix}`
}

/** Tells files of an output by their names. */
function ownFiles(output: SinkOutput): (file: string) => { epoch: number; batchTime: number } | undefined {
  const pattern = new RegExp(`^(?:part|rolled)-(\\d+)-\\d+-${outputDigest(output)}-(\\d+)`)
  return file => {
    const match = pattern.exec(file)
    return match === null ? undefined : { batchTime: Number(match[1]), epoch: Number(match[2]) }
  }
}

function counted({ file, bytes }: StoredFile, batch: BatchToken, isRolled: boolean): CountedFile {
  return { file, bytes, batchTime: batch.batchTime, output: outputDigest(batch), isRolled }
}

/** The log as one driver knows it. */
class SinkLog {
  state: LogState = { number: 0, files: [], replaced: [], outputs: {} }
  private readonly rolling: Rolling
  private readonly folder: string
  private isRead = false
  /** Outputs that have begun here. */
  private readonly begun = new Set<string>()
  /** Batches before this time are not asked for any more, by output. */
  private readonly forgotten = new Map<string, number>()

  constructor(rolling: Rolling) {
    this.rolling = rolling
    this.folder = `${rolling.folder}/${FILE_LOG}`
  }

  /** @throws SINK_FENCED */
  async begin(output: SinkOutput): Promise<void> {
    const digest = outputDigest(output)
    if (this.begun.has(digest)) return
    await this.add(output, () => ({ kind: 'open', output: digest, epoch: output.epoch }))
    this.begun.add(digest)
  }

  async refresh(): Promise<LogState> {
    const { storage } = this.rolling
    const reader = {
      names: () => storage.list(this.folder),
      read: (name: string) => storage.read(`${this.folder}/${name}`),
    }
    this.state = await readFileLog(reader, `${storage.name}/${this.folder}`)
    this.isRead = true
    return this.state
  }

  /** @throws SINK_FENCED when a later epoch has begun */
  check(output: SinkOutput): void {
    const latest = latestEpoch(this.state, output)
    if (latest > output.epoch) throw fenced(this.rolling.name, output, `epoch ${latest} has begun`)
  }

  /**
   * Adds an entry after the last one. It is made anew when somebody else was quicker.
   *
   * @param make `undefined`: there is nothing to add any more
   * @throws SINK_FENCED
   */
  async add(output: SinkOutput, make: (state: LogState) => LogEntry | undefined): Promise<void> {
    if (!this.isRead) await this.refresh()
    for (;;) {
      this.check(output)
      const entry = make(this.state)
      if (entry === undefined) return
      const number = this.state.number + 1
      const { storage } = this.rolling
      const path = `${this.folder}/${entryName(number)}`
      if (await storage.createIfAbsent(path, entryBytes(entry))) {
        if (!(await this.isOutdated(number))) {
          this.state = after(this.state, entry, number)
          return
        }
        // Its place was free only because what stood there is not needed any more.
        await storage.delete(path)
      }
      await this.refresh()
    }
  }

  /** Whether an entry stands before what readers begin with: others have added so many that the log was trimmed meanwhile. */
  private async isOutdated(number: number): Promise<boolean> {
    const names = await this.rolling.storage.list(this.folder)
    return names.some(name => Number(name) > number + KEPT_ENTRIES) && !names.includes(entryName(number - 1))
  }

  /** Batches before this are not told by the next entry that says everything. */
  forget(output: SinkOutput, batchTime: number): void {
    this.forgotten.set(outputDigest(output), batchTime)
  }

  /** Outputs without batches that nobody asks for any more. */
  remembered(output: string): LogState['outputs'] {
    const { outputs } = this.state
    const own = outputs[output]
    if (own === undefined) return outputs
    const from = this.forgotten.get(output) ?? 0
    return { ...outputs, [output]: { ...own, batches: own.batches.filter(time => time >= from) } }
  }
}

/** See the file head, 2 and 3. */
async function roll(rolling: Rolling, log: SinkLog, batch: BatchToken): Promise<void> {
  const output = outputDigest(batch)
  const isSmall = (file: CountedFile): boolean => file.output === output && !file.isRolled
  const small = log.state.files.filter(isSmall)
  if (!isTime(rolling, small, batch.batchTime)) return
  const larger: CountedFile[] = []
  for (const group of groupsOf(small, rolling.rollBytes))
    larger.push(...(await merged(rolling, group, batch, larger.length)))
  const { replaced } = log.state
  const isOver = ({ since }: { readonly since: number }): boolean =>
    since + rolling.keepReplacedMs <= batch.batchTime
  const isMerged = new Set(small.map(({ file }) => file))
  await log.add(batch, state => ({
    kind: 'roll',
    files: [...state.files.filter(({ file }) => !isMerged.has(file)), ...larger],
    replaced: [
      ...state.replaced.filter(file => !isOver(file)),
      ...small.map(({ file }) => ({ file, since: batch.batchTime })),
    ],
    outputs: log.remembered(output),
  }))
  const { storage, folder } = rolling
  for (const { file } of replaced.filter(isOver)) await storage.delete(`${folder}/${file}`)
  await trimLog(rolling, log.state.number)
}

function isTime(
  { rollBytes, rollAgeMs, maxSmallFiles }: Rolling,
  small: readonly CountedFile[],
  now: number,
): boolean {
  const [first] = small
  if (first === undefined) return false
  const bytes = small.reduce((sum, file) => sum + file.bytes, 0)
  return small.length >= maxSmallFiles || bytes >= rollBytes || now - first.batchTime >= rollAgeMs
}

/** Neighbours that have about so many bytes together. */
function groupsOf(files: readonly CountedFile[], most: number): CountedFile[][] {
  const groups: CountedFile[][] = []
  let bytes = most
  for (const file of files) {
    if (bytes >= most) {
      groups.push([])
      bytes = 0
    }
    groups.at(-1)!.push(file)
    bytes += file.bytes
  }
  return groups
}

/** @param from how many larger files there are already */
async function merged(
  { storage, folder, format }: Rolling,
  group: readonly CountedFile[],
  batch: BatchToken,
  from: number,
): Promise<CountedFile[]> {
  const inputs = []
  for (const { file } of group) {
    const path = `${folder}/${file}`
    const bytes = await storage.read(path)
    if (bytes === undefined)
      throw new KindlingError('INPUT_NOT_READABLE', { path: `${storage.name}/${path}`, reason: 'it is gone' })
    inputs.push({ file: `${storage.name}/${path}`, bytes })
  }
  const nameOf = (n: number, suffix: string): string =>
    `rolled-${batch.batchTime}-${from + n}-${outputDigest(batch)}-${batch.epoch}${suffix}`
  const first = group[0]!.batchTime
  const whole = (file: StoredFile): CountedFile => ({ ...counted(file, batch, true), batchTime: first })
  const joined = concatenated(inputs, format)
  if (joined !== undefined) {
    const file = nameOf(0, fileFormat(format).suffix)
    await storage.write(`${folder}/${file}`, joined)
    return [whole({ file, bytes: joined.length })]
  }
  const writer = storedPartWriter<unknown>({
    storage,
    format,
    folder,
    maxFileBytes: Number.POSITIVE_INFINITY,
    nameOf,
  })
  for (const input of inputs) await recordsOf(input, format, async records => writer.write(records))
  return (await writer.prepare()).map(whole)
}

/** Entries before the one that says everything are not needed; a few stay for who is reading. The oldest go first. */
async function trimLog({ storage, folder }: Rolling, number: number): Promise<void> {
  const log = `${folder}/${FILE_LOG}`
  for (const name of (await storage.list(log)).toSorted())
    if (Number(name) < number - KEPT_ENTRIES) await storage.delete(`${log}/${name}`)
}

const KEPT_ENTRIES = 10

/** Removes what earlier epochs of an output left, and never counted. */
async function sweep({ storage, folder }: Rolling, state: LogState, output: SinkOutput): Promise<void> {
  const known = new Set([...state.files, ...state.replaced].map(({ file }) => file))
  const own = ownFiles(output)
  for (const file of await storage.list(folder)) {
    const found = own(file)
    if (found !== undefined && found.epoch < output.epoch && !known.has(file))
      await storage.delete(`${folder}/${file}`)
  }
}
