/**
 * Makes a running program one that can be continued: logs batches, saves state, and says in manifests what a restart goes by.
 *
 *   plan(t) ─▶ log ─▶ outputs of t ─▶ commit(t) ─▶ … images of t, in the background ─▶ manifest ─▶ what nobody needs goes
 *
 * I1  Nothing of a batch runs before its plan is in the log.
 * I2  A manifest names files only that are there whole.
 * I3  A process that was overtaken writes nothing more: it looks for a manifest of another process before each write.
 */
import type { Clock } from '../../base/clock.ts'
import { KindlingError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import { Time } from '../../base/time.ts'
import type { Parallelism } from '../../context/spark-context.ts'
import type { PlannedBatch } from '../batch/job-generator.ts'
import type { BatchFailure } from '../delivery/batch-letters.ts'
import type { RecordedCuts } from '../dstream/cut.ts'
import type { InputDStream } from '../dstream/input.ts'
import type { AnyStream } from '../dstream/recipe.ts'
import type { DStreamGraph } from '../graph.ts'
import { RECEIVED_FOLDER, ReceivedLog, type ReceivedLogSettings } from '../receiver/received-log.ts'
import { before, type LogFile, type LoggedBatch, writeCommit, writeFailed, writePlan } from './batch-log.ts'
import { encodeImage, imageFile } from './image-file.ts'
import { dueImages, type Snapshot } from './images.ts'
import {
  createManifest,
  type Manifest,
  manifestFile,
  manifestNumbers,
  type NumberedManifest,
  readManifests,
  type SavedImage,
  type SavedOperator,
  savedTimes,
} from './manifest.ts'
import { operatorFolder } from './operator-folder.ts'
import type { OperatorIds } from './operator-ids.ts'
import { reach } from './reach.ts'
import { cutsDiffer, cutsOf, recut } from './recut.ts'
import { Retention } from './retention.ts'
import type { CheckpointStorage } from './storage.ts'

/** What a checkpoint stands on. */
export interface CheckpointParts {
  readonly storage: CheckpointStorage
  readonly graph: DStreamGraph
  readonly ids: OperatorIds
  readonly clock: Clock
  readonly logger: Logger
  /** Of the program now. */
  readonly parallelism: Parallelism
  /** Something could not be written, or another process has taken over. */
  onFatal(error: unknown): void
}

/** Where the program stands when it starts. */
export interface CheckpointState {
  /** The manifest with which this process took over. */
  readonly claimed: NumberedManifest
  readonly operators: ReadonlyMap<AnyStream, SavedOperator>
  readonly last: number
  /** Batches that had been planned and had not ended. */
  readonly pending: readonly LoggedBatch[]
  readonly files: readonly LogFile[]
  /** Manifests from before that may still be needed. */
  readonly older: readonly NumberedManifest[]
}

/** A manifest is renewed at least so often, so that the log does not grow. */
const RENEW_MS = 10_000

/** See the file head. */
export class Checkpoint {
  private readonly parts: CheckpointParts
  private readonly operators: Map<AnyStream, SavedOperator>
  private readonly retention: Retention
  /** The number of the manifest with which this process began. */
  readonly epoch: number
  private number: number
  private manifest: Manifest
  /** The last batch that was planned. */
  private last: number
  /** Batches that were planned and have not ended, each with the time before its first tick. */
  private readonly unfinished: Map<number, number>
  private readonly takenOver: number
  private renewedAt: number
  /** Whether a batch has taken it on itself to save what is due. */
  private isSaving = false
  private saving: Promise<void> | undefined
  private closed = false
  private readonly receivedLogs: ReceivedLog[] = []

  constructor(parts: CheckpointParts, state: CheckpointState) {
    this.parts = parts
    const { number, manifest } = state.claimed
    this.operators = new Map(state.operators)
    this.epoch = manifest.epoch
    this.number = number
    this.manifest = manifest
    this.last = state.last
    this.takenOver = state.last
    this.renewedAt = state.last
    this.unfinished = new Map(state.pending.map(batch => [batch.time, before(batch, parts.graph.grid)]))
    this.retention = new Retention(parts.storage, state.files, [...state.older, state.claimed])
  }

  /** The name of the program in the tokens of sinks. */
  get program(): string {
    return this.manifest.program!
  }

  /** All batches up to this time have ended, in ms. */
  endedUpTo(): number {
    return Math.min(this.last, ...this.unfinished.values())
  }

  /** Logs what was planned for a batch. @throws FENCED, CHECKPOINT_NOT_WRITABLE; RECORD_NOT_ENCODABLE for a plan that is no data */
  async planned({ time, merged, inputs }: PlannedBatch): Promise<void> {
    await this.assertMine()
    const { storage, ids } = this.parts
    const logged = inputs.map(({ stream, numRecords }) => {
      const rate = stream.rate?.save()
      const plan = stream.source.describe?.(time)
      const input = { id: ids.of(stream as AnyStream), source: stream.source.name, numRecords, plan }
      return rate === undefined ? input : { ...input, rate }
    })
    const cuts = cutsOf(ids)
    const { parallelism } = this.parts
    const plan = { time: time.milliseconds, merged, inputs: logged, parallelism }
    const batch: LoggedBatch = cuts === undefined ? plan : { ...plan, cuts }
    this.retention.add(await writePlan(storage, batch, this.epoch))
    this.last = batch.time
    this.unfinished.set(batch.time, before(batch, this.parts.graph.grid))
  }

  /**
   * Logs that a batch has failed for good, before its input goes to dead letters: after a crash in between, its letters are written and it
   * does not run again. @throws FENCED, CHECKPOINT_NOT_WRITABLE
   */
  async failed(time: Time, dead: BatchFailure): Promise<void> {
    await this.assertMine()
    this.retention.add(await writeFailed(this.parts.storage, time.milliseconds, dead, this.epoch))
  }

  /**
   * Logs that the outputs of a batch have ended, and begins to save the state that is due; of one that was skipped, that
   * it has no part in any result. Never rejects.
   */
  async ended(time: Time, { isSkipped = false }: { readonly isSkipped?: boolean } = {}): Promise<void> {
    if (this.closed) return
    try {
      const at = time.milliseconds
      // With several jobs at once, other batches end meanwhile: one of them saves.
      const saves = !this.isSaving && !isSkipped
      if (saves) this.isSaving = true
      // Taken hold of now: soon nobody else remembers these versions.
      const snapshots = saves ? dueImages(this.parts.ids.streams, time, this.operators) : []
      await this.assertMine()
      this.retention.add(await writeCommit(this.parts.storage, { time: at, isSkipped }, this.epoch))
      this.unfinished.delete(at)
      if (!saves) return
      if (snapshots.length > 0 || at - this.renewedAt >= RENEW_MS) {
        this.renewedAt = at
        this.saving = this.parts.clock.activity.track(this.save(snapshots))
      } else this.isSaving = false
    } catch (error) {
      this.fail(error)
    }
  }

  /** Resolves when nothing is being written any more. */
  async idle(): Promise<void> {
    await this.saving
  }

  /** Nothing more is written. */
  close(): void {
    this.closed = true
  }

  private fail(error: unknown): void {
    if (this.closed) return
    this.closed = true
    this.parts.onFatal(error)
  }

  /** Never rejects. */
  private async save(snapshots: readonly Snapshot[]): Promise<void> {
    try {
      for (const snapshot of snapshots) await this.saveImage(snapshot)
      await this.renew()
    } catch (error) {
      this.fail(error)
    } finally {
      for (const { images } of snapshots) for (const { rows } of images) rows.close()
      this.isSaving = false
    }
  }

  private async saveImage({ stream, time, images, byHash }: Snapshot): Promise<void> {
    const { storage, ids } = this.parts
    const operator = this.operators.get(stream)!
    const files: string[] = []
    let from = time
    let bytes = 0
    let keys = 0
    for (const [partition, image] of images.entries()) {
      const head = { operator: ids.of(stream), time, partition, partitions: images.length, byHash }
      const encoded = await encodeImage(head, image)
      const file = imageFile(head, this.epoch)
      await storage.write(file, encoded.bytes)
      files.push(file)
      const base = operator.images.find(saved => saved.time === image.base)
      if (base !== undefined) from = Math.min(from, base.from)
      bytes += encoded.bytes.length
      keys += encoded.keys
    }
    const image = { time, files, from, bytes, keys }
    const { schema } = stream.state!
    const saved: SavedImage = schema === undefined ? image : { ...image, version: schema.version }
    this.operators.set(stream, { ...operator, images: [...operator.images, saved] })
  }

  /** Writes the next manifest, and deletes what neither it nor the ones before it need. @throws FENCED, CHECKPOINT_NOT_WRITABLE */
  async renew(): Promise<void> {
    const { storage, graph, ids } = this.parts
    const ended = this.endedUpTo()
    const program = { graph, streams: ids.streams }
    const timesOf = (stream: AnyStream): number[] => {
      const { since, images } = this.operators.get(stream)!
      return [since, ...images.map(({ time }) => time)]
    }
    const { start } = reach(program, ended, timesOf)
    // One image more than a restart needs is kept, and the log from there on: for the case that the newer one is damaged.
    const older = (stream: AnyStream): number[] => {
      const times = timesOf(stream)
      return times.filter((time, i) => i === 0 || time < start.get(stream)!)
    }
    const { start: oldest, logFrom } = reach(program, ended, older)
    for (const [stream, operator] of this.operators) {
      const wanted = operator.images.filter(({ time }) => time >= (oldest.get(stream) ?? operator.since))
      const from = Math.min(...wanted.map(image => image.from))
      this.operators.set(stream, { ...operator, images: operator.images.filter(({ time }) => time >= from) })
    }
    const { takenOver } = this
    const operators = [...this.operators.values()]
    const times = savedTimes(graph.grid, logFrom)
    const manifest = { ...this.manifest, ...times, takenOver, ended, logFrom, operators }
    await this.assertMine()
    if (!(await createManifest(storage, this.number + 1, manifest))) throw this.fenced(this.number + 1)
    this.number++
    this.manifest = manifest
    const upTo = await this.retention.keep({ number: this.number, manifest })
    for (const log of this.receivedLogs) await log.release(upTo)
    for (const { source } of graph.inputs) source.released?.(new Time(upTo))
  }

  /**
   * Before a batch that is cut as recorded, or as the program says: spreads state anew if those before it were not.
   *
   * @param ended resolves when no batch runs any more
   * @throws what fails when state is made that no output has asked for
   */
  async recut(cuts: RecordedCuts | undefined, ended: () => Promise<void>): Promise<void> {
    const { ids } = this.parts
    if (!cutsDiffer(ids, cuts)) return
    await ended()
    await this.idle()
    await recut(ids, cuts)
  }

  /** The log of what an input receives. */
  receivedLog(input: InputDStream<unknown>, settings: ReceivedLogSettings): ReceivedLog {
    const { storage, ids, clock, logger } = this.parts
    const log = new ReceivedLog({
      ...{ storage, clock, settings },
      folder: `${RECEIVED_FOLDER}/${operatorFolder(ids.of(input as AnyStream))}`,
      epoch: this.epoch,
      assertMine: () => this.assertMine(),
      skipped: message => logger.warn(`checkpoint: skipped: ${message}`),
    })
    this.receivedLogs.push(log)
    return log
  }

  /** @throws FENCED when another process has made a manifest since */
  async assertMine(): Promise<void> {
    const { storage } = this.parts
    const newest = (await manifestNumbers(storage)).at(-1)
    if (newest === undefined || newest <= this.number) return
    const [read] = await readManifests(storage, [newest], () => {})
    // Our own next one may just have been made.
    if (read?.manifest.epoch !== this.epoch) throw this.fenced(newest)
  }

  private fenced(number: number): KindlingError {
    return new KindlingError('FENCED', { directory: this.parts.storage.name, file: manifestFile(number) })
  }
}
