/**
 * The write-ahead log of one receiver: `receivedData/<input id>/<epoch>-<segment>.blocks` in the checkpoint directory.
 *
 * Blocks that come while others are being written go together in the next write. A segment is closed after a while, when it is
 * large, and when a write to it failed: a half-written frame is always the last one. On a storage that cannot add to files each
 * write is a segment of its own. A segment goes once all of its blocks belong to batches that no restart needs.
 *
 * I1  What `append` resolved for is seen by every process that takes over later: after the write this one still finds itself the
 *     owner of the directory, so whoever takes over reads the log later.
 * I2  Blocks are appended in order of their numbers.
 */
import type { Clock } from '../../base/clock.ts'
import { isKindlingError, KindlingError } from '../../base/errors.ts'
import type { CheckpointStorage } from '../checkpoint/storage.ts'
import { contentAt, frameOf, framesOf, SEGMENT_HEAD } from './log-frames.ts'
import type { BlockContent, FreshBlock } from './received-blocks.ts'

/** Where a block lies in the log. */
export interface BlockRef {
  readonly file: string
  readonly offset: number
  readonly records: number
}

/** A block of the log: blocks are ordered by the process that wrote them, and then by number. */
export interface LoggedBlock extends BlockRef {
  readonly epoch: number
  readonly n: number
}

/** What a log stands on. */
export interface ReceivedLogParts {
  readonly storage: CheckpointStorage
  /** The folder of its segments. */
  readonly folder: string
  /** The number of the manifest with which this process took over. */
  readonly epoch: number
  readonly clock: Clock
  readonly settings: ReceivedLogSettings
  /** @throws FENCED when another process has taken over */
  assertMine(): Promise<void>
  skipped(message: string): void
}

/** How a log is written. */
export interface ReceivedLogSettings {
  /** How long blocks are added to a segment. */
  readonly rollingMs: number
  /** How often a write is tried. */
  readonly maxFailures: number
  /** How long a block may take. */
  readonly timeoutMs: number
}

interface Segment {
  readonly file: string
  /** Whether a process before this one wrote it. */
  readonly isEarlier: boolean
  readonly startedAt: number
  size: number
  isClosed: boolean
  /** Blocks that belong to no batch yet. */
  waiting: number
  /** The latest batch that has a block of it, in ms. */
  lastBatch: number
}

interface Entry {
  readonly n: number
  readonly records: number
  readonly frame: Uint8Array
  readonly written: PromiseWithResolvers<LoggedBlock>
  isGivenUp: boolean
}

/** Holds a folder for each input whose receiver logs what it takes in. */
export const RECEIVED_FOLDER = 'receivedData'
/** A segment is read as a whole: it ends at about this size, and no write is larger. */
const SEGMENT_BYTES = 64 * 1024 * 1024
const NAME = /^(\d+)-(\d+)\.blocks$/

/** See the file head. */
export class ReceivedLog {
  /** The number of the manifest with which this process took over. */
  readonly epoch: number
  private readonly parts: ReceivedLogParts
  private readonly segments = new Map<string, Segment>()
  private current: Segment | undefined
  private segmentNumber = 0
  private readonly queue: Entry[] = []
  private writing: Promise<void> | undefined
  private lastRead: { readonly file: string; readonly bytes: Promise<Uint8Array | undefined> } | undefined

  constructor(parts: ReceivedLogParts) {
    this.parts = parts
    this.epoch = parts.epoch
  }

  /** All blocks that earlier processes logged and that are whole, in order. */
  async open(): Promise<readonly LoggedBlock[]> {
    const { storage, folder, skipped } = this.parts
    const blocks = new Map<string, LoggedBlock>()
    await storage.settle?.(folder)
    for (const name of await storage.list(folder)) {
      const match = NAME.exec(name)
      if (match === null) continue
      const file = `${folder}/${name}`
      const epoch = Number(match[1])
      await storage.settle?.(file)
      const bytes = (await storage.read(file)) ?? SEGMENT_HEAD
      // Twice when a write was reported as failed, and had not: any of them will do.
      for (const { offset, head } of framesOf(bytes, reason =>
        skipped(`${storage.name}/${file}: ${reason}.`),
      ))
        blocks.set(`${epoch}-${head.n}`, { file, offset, records: head.records, epoch, n: head.n })
      this.segments.set(file, {
        ...{ file, isEarlier: true, startedAt: 0, size: bytes.length, isClosed: true },
        ...{ waiting: 1, lastBatch: Number.NEGATIVE_INFINITY },
      })
    }
    return [...blocks.values()].sort((a, b) => a.epoch - b.epoch || a.n - b.n)
  }

  /** What earlier processes logged is in no batch later than this one. */
  earlierAllocated(timeMs: number): void {
    for (const segment of this.segments.values()) {
      if (!segment.isEarlier) continue
      segment.waiting = 0
      segment.lastBatch = Math.max(segment.lastBatch, timeMs)
    }
  }

  /**
   * Logs a block; resolves when it will survive the end of the process and of the machine.
   *
   * @throws BLOCK_NOT_LOGGED when it could not be written, or not in time; RECORD_NOT_ENCODABLE; FENCED
   */
  async append(block: FreshBlock): Promise<LoggedBlock> {
    const { clock, settings } = this.parts
    const written = Promise.withResolvers<LoggedBlock>()
    const { n, records } = block
    const entry: Entry = { n, records, frame: frameOf(block), written, isGivenUp: false }
    this.queue.push(entry)
    if (this.writing === undefined) {
      const release = clock.activity.hold()
      this.writing = this.writeAll().finally(release)
    }
    const abort = new AbortController()
    const late = clock.sleep(settings.timeoutMs, abort.signal).then(
      () => true,
      () => false,
    )
    try {
      const first = await Promise.race([written.promise, late])
      if (typeof first !== 'boolean') return first
      throw this.notLogged(records, `it took longer than ${settings.timeoutMs} ms`, undefined)
    } catch (error) {
      if (isKindlingError(error) && (error.code === 'FENCED' || error.code === 'BLOCK_NOT_LOGGED'))
        throw error
      const reason = error instanceof Error ? error.message : String(error)
      throw this.notLogged(records, reason.replace(/\.$/, ''), error)
    } finally {
      abort.abort()
      written.promise.catch(() => {})
      this.giveUp(entry)
    }
  }

  /** One that nobody waits for any more is not written, if that has not begun. */
  private giveUp(entry: Entry): void {
    entry.isGivenUp = true
    const at = this.queue.indexOf(entry)
    if (at >= 0) this.queue.splice(at, 1)
  }

  private notLogged(records: number, reason: string, cause: unknown): KindlingError {
    const place = `${this.parts.storage.name}/${this.parts.folder}`
    return new KindlingError('BLOCK_NOT_LOGGED', { records, place, reason }, { cause })
  }

  /** Never rejects. */
  private async writeAll(): Promise<void> {
    while (this.queue.length > 0) {
      const group = this.nextGroup()
      try {
        await this.writeGroup(group)
      } catch (error) {
        for (const { written } of group) written.reject(error)
      }
    }
    this.writing = undefined
  }

  private nextGroup(): Entry[] {
    let bytes = 0
    let count = 0
    for (const { frame } of this.queue) {
      bytes += frame.length
      if (count > 0 && bytes > SEGMENT_BYTES) break
      count++
    }
    return this.queue.splice(0, count)
  }

  private async writeGroup(group: readonly Entry[]): Promise<void> {
    for (let failures = 0; ; ) {
      try {
        await this.writeOnce(group)
        return
      } catch (error) {
        // Nobody knows what of it is there: nothing comes after it.
        this.closeCurrent()
        failures++
        if (
          failures >= this.parts.settings.maxFailures ||
          (isKindlingError(error) && error.code === 'FENCED')
        )
          throw error
      }
    }
  }

  private async writeOnce(group: readonly Entry[]): Promise<void> {
    const { storage } = this.parts
    this.roll()
    const frames = Buffer.concat(group.map(({ frame }) => frame))
    let segment = this.current
    let offset = segment?.size ?? SEGMENT_HEAD.length
    if (segment === undefined) {
      await this.parts.assertMine()
      segment = this.begin()
      await storage.write(segment.file, Buffer.concat([SEGMENT_HEAD, frames]))
    } else await storage.append!(segment.file, frames)
    await this.parts.assertMine()
    segment.size = offset + frames.length
    for (const { n, records, frame, written, isGivenUp } of group) {
      if (!isGivenUp) segment.waiting++
      written.resolve({ file: segment.file, offset, records, epoch: this.epoch, n })
      offset += frame.length
    }
    if (storage.append === undefined) this.closeCurrent()
  }

  private begin(): Segment {
    const number = this.segmentNumber++
    const name = `${String(this.epoch).padStart(8, '0')}-${String(number).padStart(8, '0')}.blocks`
    const segment: Segment = {
      ...{ file: `${this.parts.folder}/${name}`, isEarlier: false, startedAt: this.parts.clock.now() },
      ...{ size: 0, isClosed: false, waiting: 0, lastBatch: Number.NEGATIVE_INFINITY },
    }
    this.segments.set(segment.file, segment)
    this.current = segment
    return segment
  }

  private roll(): void {
    const { clock, settings } = this.parts
    const { current } = this
    if (current === undefined) return
    if (clock.now() - current.startedAt >= settings.rollingMs || current.size > SEGMENT_BYTES)
      this.closeCurrent()
  }

  private closeCurrent(): void {
    if (this.current !== undefined) this.current.isClosed = true
    this.current = undefined
  }

  /** Blocks of this process belong to the batch now. */
  allocated(blocks: readonly LoggedBlock[], timeMs: number): void {
    for (const { file, epoch } of blocks) {
      const segment = this.segments.get(file)
      if (segment === undefined) continue
      if (epoch === this.epoch) segment.waiting--
      segment.lastBatch = Math.max(segment.lastBatch, timeMs)
    }
  }

  /** The content of a block. @throws FILE_DAMAGED when it is not there, or not whole */
  async read({ file, offset }: BlockRef): Promise<BlockContent> {
    const { storage } = this.parts
    // Blocks of one segment are mostly read one after the other.
    if (this.lastRead?.file !== file) this.lastRead = { file, bytes: storage.read(file) }
    const bytes = await this.lastRead.bytes
    const content = bytes === undefined ? undefined : contentAt(bytes, offset)
    if (content !== undefined) return content
    this.lastRead = undefined
    const reason = bytes === undefined ? 'it is missing' : `the block at byte ${offset} is not whole`
    throw new KindlingError('FILE_DAMAGED', { path: `${storage.name}/${file}`, reason })
  }

  /** No restart needs the batches up to this time any more: deletes segments that only they have blocks of. */
  async release(upToMs: number): Promise<void> {
    if (this.writing === undefined) this.roll()
    for (const { file, isClosed, waiting, lastBatch } of [...this.segments.values()]) {
      if (!isClosed || waiting > 0 || lastBatch > upToMs) continue
      this.segments.delete(file)
      await this.parts.storage.delete(file)
    }
    if (this.lastRead !== undefined && !this.segments.has(this.lastRead.file)) this.lastRead = undefined
  }
}
