/**
 * The two ways to run a segment: pushed into a sink of the engine's own, or pulled a chunk at a time by a user's iterator.
 *
 * Pushing lets the event loop have its turn whenever the task's time slice is over. Pulling on behalf of a synchronous iterator
 * cannot: it starts a new slice and goes on.
 */
import type { Chunk, ChunkSource } from '../../data/chunk.ts'
import type { OperatorScope } from '../scope.ts'
import { FULL, PAUSED, type Segment, type SegmentControl } from './control.ts'
import { type FusedStep, operatorsOf, type RowsSink, type Sink } from './plan.ts'
import { makeSegment, type SegmentMode } from './segment.ts'

/** What driving needs of the task. */
export interface Driver {
  readonly mode: SegmentMode
  /** A control for a segment with these operators. */
  control(operators: readonly OperatorScope[]): DrivenControl
  /** Resolves after other work had its turn; begins a new time slice. */
  yield(): Promise<void>
  /** Like `yield`, but only when the slice is over. */
  breathe(): Promise<void> | undefined
  /** All of a source that gives promises, as one that gives none. It lasts until it is closed. */
  gather(source: ChunkSource): Promise<ChunkSource>
}

/** A control that is told when its segment is about to run. */
export interface DrivenControl extends SegmentControl {
  /** Starts the look-out for long calls. */
  enter(): void
  /** Looks out for the last one. */
  leave(): void
  /** Begins a new time slice without giving up the thread. */
  extend(): void
}

/** Part of a partition: a source, and the steps its records go through. A coalesced partition has several. */
export interface Leg {
  readonly open: () => ChunkSource | Promise<ChunkSource>
  readonly steps: readonly FusedStep[]
}

/**
 * Runs all records of all legs through their steps into the sink. Sources are closed in the end, whatever happens.
 *
 * @param relieve called after each chunk and each time slice, when the sink may be changed
 */
export async function drain(
  legs: readonly Leg[],
  sink: Sink,
  driver: Driver,
  relieve: () => Promise<void> | undefined = () => undefined,
): Promise<void> {
  for (const leg of legs) {
    const source = await leg.open()
    const control = driver.control(operatorsOf(leg.steps, sink))
    const segments = new Segments(leg.steps, sink, control, driver.mode)
    try {
      for (;;) {
        const next = source.next()
        const chunk = next instanceof Promise ? await next : next
        if (chunk === undefined) break
        const segment = segments.load(chunk)
        control.enter()
        while (segment.run() === PAUSED) {
          await driver.yield()
          await relieve()
          control.enter()
        }
        control.leave()
        const pause = relieve() ?? driver.breathe()
        if (pause !== undefined) await pause
      }
    } finally {
      segments.close()
      await source.close()
    }
  }
}

/** The segments of one leg, one for each kind of chunk that its source gives. */
class Segments {
  private readonly made = new Map<Chunk['kind'], Segment>()
  private readonly steps: readonly FusedStep[]
  private readonly sink: Sink
  private readonly control: SegmentControl
  private readonly mode: SegmentMode

  constructor(steps: readonly FusedStep[], sink: Sink, control: SegmentControl, mode: SegmentMode) {
    this.steps = steps
    this.sink = sink
    this.control = control
    this.mode = mode
  }

  load(chunk: Chunk): Segment {
    let segment = this.made.get(chunk.kind)
    if (segment === undefined) {
      segment = makeSegment(chunk.kind, this.steps, this.sink, this.control, this.mode)
      this.made.set(chunk.kind, segment)
    }
    segment.load(chunk as never)
    return segment
  }

  close(): void {
    for (const segment of this.made.values()) segment.close()
  }
}

/** Records of a chunk that nobody limited. */
const PULL_ROWS = 1024

/**
 * Legs as one source of chunks. Works only as far as is asked for: `next(limit)` stops after `limit` records, and what a user
 * function threw after some records were made is thrown at the call after those were handed over.
 */
export class PullSource implements ChunkSource {
  private readonly legs: readonly Leg[]
  private readonly driver: Driver
  private readonly sink: RowsSink = { kind: 'rows', rows: [], limit: PULL_ROWS }
  private at = 0
  private source: ChunkSource | undefined
  private segments: Segments | undefined
  private control: DrivenControl | undefined
  /** The segment with a chunk that is not used up. */
  private active: Segment | undefined
  private postponed: { readonly error: unknown } | undefined
  /** Sources opened ahead of their turn. */
  private readonly ahead: (ChunkSource | undefined)[] = []

  constructor(legs: readonly Leg[], driver: Driver) {
    this.legs = legs
    this.driver = driver
  }

  /**
   * Makes sure that `next` gives no promise: for a user's synchronous loop. Sources are opened, and those that wait for their
   * data are read to the end; all others stay lazy. `undefined` when nothing has to be waited for.
   *
   * @param gather `false` only opens: sources that wait for their data then still give promises
   */
  prepare(gather = true): Promise<void> | undefined {
    for (let i = 0; i < this.legs.length; i++) {
      const source = this.ahead[i] ?? this.legs[i]!.open()
      if (source instanceof Promise || (gather && source.asynchronous === true))
        return this.prepareFrom(i, source, gather)
      this.ahead[i] = source
    }
    return undefined
  }

  private async prepareFrom(
    i: number,
    opening: ChunkSource | Promise<ChunkSource>,
    gather: boolean,
  ): Promise<void> {
    const source = await opening
    this.ahead[i] = gather && source.asynchronous === true ? await this.driver.gather(source) : source
    await this.prepare(gather)
  }

  next(limit: number = PULL_ROWS): Chunk | undefined | Promise<Chunk | undefined> {
    if (this.postponed !== undefined) throw this.postponed.error
    this.sink.rows = []
    this.sink.limit = Math.max(1, Math.min(limit, PULL_ROWS))
    for (;;) {
      if (this.active !== undefined) {
        const made = this.runActive()
        if (made !== undefined) return made
        continue
      }
      if (this.source === undefined) {
        const leg = this.legs[this.at]
        if (leg === undefined) return undefined
        const opened = this.ahead[this.at] ?? leg.open()
        if (opened instanceof Promise)
          return opened.then(source => {
            this.begin(leg, source)
            return this.next(limit)
          })
        this.begin(leg, opened)
      }
      const chunk = this.source!.next(this.legs[this.at]!.steps.length === 0 ? this.sink.limit : undefined)
      if (chunk instanceof Promise) return chunk.then(c => (this.take(c) ? c : this.next(limit)))
      if (this.take(chunk)) return chunk
    }
  }

  async close(): Promise<void> {
    this.segments?.close()
    await this.source?.close()
    for (const source of this.ahead.slice(this.at)) await source?.close()
    this.source = undefined
    this.active = undefined
    this.at = this.legs.length
  }

  private begin(leg: Leg, source: ChunkSource): void {
    this.source = source
    this.control = this.driver.control(operatorsOf(leg.steps, this.sink))
    this.segments = new Segments(leg.steps, this.sink, this.control, this.driver.mode)
  }

  /** Takes what the source gave; true when there are no steps and the chunk goes on as it is. */
  private take(chunk: Chunk | undefined): boolean {
    if (chunk === undefined) {
      const { source } = this
      this.source = undefined
      this.at++
      void source!.close()
      return false
    }
    if (this.legs[this.at]!.steps.length === 0) return true
    this.active = this.segments!.load(chunk)
    return false
  }

  /** Runs the active segment; a chunk when there is something to hand over. */
  private runActive(): Chunk | undefined {
    const { sink } = this
    this.control!.enter()
    try {
      for (;;) {
        const result = this.active!.run()
        if (result === FULL) return { kind: 'rows', rows: sink.rows }
        if (result !== PAUSED) break
        this.control!.extend()
        this.control!.enter()
        if (sink.rows.length > 0) return { kind: 'rows', rows: sink.rows }
      }
    } catch (error) {
      if (sink.rows.length === 0) throw error
      this.postponed = { error }
      return { kind: 'rows', rows: sink.rows }
    }
    this.active = undefined
    this.control!.leave()
    return sink.rows.length > 0 ? { kind: 'rows', rows: sink.rows } : undefined
  }
}
