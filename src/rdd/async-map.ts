/**
 * `mapAsync`: a partition's records through an asynchronous function, several calls at a time.
 *
 *   input ──at most `concurrency` calls──▶ results, in order of input or as they come ──▶ chunks
 *
 * A call begins when there is room, and only while someone asks: `next` and calls that end make room for others. Records are read
 * no further than there is room for.
 *
 * I1  At most `concurrency` calls are in flight, and at most twice as many records are called or waiting to be taken.
 * I2  With `ordered` the results, and the first error, are those of `map`. Records before the error are handed on first.
 * I3  After an error no further call begins; after `close` or cancellation the signal of calls in flight is aborted, and what they
 *     yield is dropped. Nobody waits for them: a function that ignores its signal must not hold the task.
 */
import { KindlingError } from '../base/errors.ts'
import { Duration } from '../base/time.ts'
import type { Chunk, ChunkSource } from '../data/chunk.ts'
import { cancellationOf } from './cancellation.ts'
import { dataOf, errorOf } from './dead-letters/dead-letter.ts'
import type { Failure } from './dead-letters/tried-step.ts'
import type { TaskInfo, TaskInput } from './ports.ts'
import { recordsOf } from './segment/interpret.ts'

/** A pause between attempts never grows beyond this. */
const MAX_BACKOFF_MS = 30_000
const MAX_ROWS = 256

/** One call, from its beginning until its result is taken. */
interface Slot {
  state: 'called' | 'done' | 'failed'
  value: unknown
}

/** What a user's asynchronous function gets besides its records. */
export interface AsyncCall {
  /** Aborted when nobody waits for the result any more: the job is cancelled, enough was taken, or the call's time is over. */
  readonly signal: AbortSignal
}

/** How the function is called. */
export interface AsyncMapSettings {
  readonly concurrency: number
  readonly ordered: boolean
  /** Of one attempt; without it none is cut short. */
  readonly timeoutMs: number | undefined
  /** Attempts after the first. */
  readonly retries: number
  /** The pause before the first retry; each further one is twice as long. */
  readonly backoffMs: number
  /** Whether results are {@link Tried}: a record that fails is no failure of the task. */
  readonly isTried: boolean
}

/** What became of a record. Plain data, but for what the function made. */
export type Tried<U> = { readonly made: U } | { readonly failure: Failure }

/** See the file head. */
export class AsyncMapSource implements ChunkSource {
  readonly asynchronous = true
  private readonly input: TaskInput
  private readonly f: (record: unknown, call: AsyncCall) => unknown
  private readonly settings: AsyncMapSettings
  private readonly task: TaskInfo
  private readonly abort = new AbortController()
  private readonly onCancel = (): void => this.cancel()
  /** With `ordered` all calls in order of input; else those that ended. */
  private readonly slots: Slot[] = []
  private inFlight = 0
  /** Records of the input that were called with. */
  private called = 0
  /** Calls in flight and results not taken. */
  private held = 0
  private records: Iterator<unknown> | undefined
  private reading = false
  private inputOver = false
  private failed = false
  private closed = false
  private wake: (() => void) | undefined

  constructor(
    input: TaskInput,
    f: (record: unknown, call: AsyncCall) => unknown,
    settings: AsyncMapSettings,
    task: TaskInfo,
  ) {
    this.input = input
    this.f = f
    this.settings = settings
    this.task = task
    const { signal } = task
    if (signal.aborted) this.cancel()
    else signal.addEventListener('abort', this.onCancel, { once: true })
  }

  async next(limit: number = MAX_ROWS): Promise<Chunk | undefined> {
    this.fill()
    for (;;) {
      if (this.closed) return undefined
      if (this.task.signal.aborted) throw cancellationOf(this.task.signal)
      const rows = this.take(Math.max(1, Math.min(limit, MAX_ROWS)))
      if (rows.length > 0) return { kind: 'rows', rows }
      if (this.inputOver && this.held === 0) return undefined
      await new Promise<void>(resolve => {
        this.wake = resolve
      })
    }
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    this.task.signal.removeEventListener('abort', this.onCancel)
    this.abort.abort()
    this.wakeUp()
    await this.input.close()
  }

  private cancel(): void {
    this.abort.abort(cancellationOf(this.task.signal))
    this.wakeUp()
  }

  private wakeUp(): void {
    const { wake } = this
    this.wake = undefined
    wake?.()
  }

  /** Results that are at the front; throws a failure when nothing stands before it. */
  private take(limit: number): unknown[] {
    const rows: unknown[] = []
    while (rows.length < limit) {
      const slot = this.slots[0]
      if (slot === undefined || slot.state === 'called') break
      if (slot.state === 'failed' && rows.length > 0) break
      this.slots.shift()
      this.held--
      if (slot.state === 'failed') throw slot.value
      rows.push(slot.value)
    }
    return rows
  }

  /** Begins calls while there is room and there are records. */
  private fill(): void {
    while (!this.closed && !this.failed && !this.abort.signal.aborted) {
      const room = Math.min(
        this.settings.concurrency - this.inFlight,
        2 * this.settings.concurrency - this.held,
      )
      if (room <= 0 || this.reading) return
      if (this.records === undefined) {
        if (this.inputOver || !this.read(room)) return
        continue
      }
      try {
        const next = this.records.next()
        if (next.done) this.records = undefined
        else void this.call(next.value)
      } catch (error) {
        this.inputFailed(error)
      }
    }
  }

  /** Whether the next chunk is at hand; else it comes later. */
  private read(room: number): boolean {
    try {
      const chunk = this.input.next(room)
      if (!(chunk instanceof Promise)) {
        this.received(chunk)
        return true
      }
      this.reading = true
      chunk.then(
        late => {
          this.reading = false
          this.received(late)
          this.fill()
          this.wakeUp()
        },
        error => {
          this.reading = false
          if (!this.closed) this.inputFailed(error)
        },
      )
    } catch (error) {
      this.inputFailed(error)
    }
    return false
  }

  private received(chunk: Chunk | undefined): void {
    if (chunk === undefined) this.inputOver = true
    else this.records = recordsOf(chunk)
  }

  /** What reading threw comes after the results of the records before it. */
  private inputFailed(error: unknown): void {
    this.inputOver = true
    this.failed = true
    this.held++
    this.slots.push({ state: 'failed', value: error })
    this.wakeUp()
  }

  private async call(record: unknown): Promise<void> {
    const slot: Slot = { state: 'called', value: undefined }
    const index = this.called++
    const { ordered } = this.settings
    if (ordered) this.slots.push(slot)
    this.inFlight++
    this.held++
    try {
      slot.value = this.settings.isTried ? await this.tried(record, index) : await this.attempts(record)
      slot.state = 'done'
    } catch (error) {
      slot.value = error
      slot.state = 'failed'
      this.failed = true
    }
    this.inFlight--
    if (!ordered) this.slots.push(slot)
    // Whoever waits for what is ready now will ask again; until then nothing new begins that a `take` might not want.
    if (this.slots[0]?.state !== 'called' && this.wake !== undefined) this.wakeUp()
    else this.fill()
  }

  private async tried(record: unknown, index: number): Promise<Tried<unknown>> {
    try {
      return { made: await this.attempts(record) }
    } catch (error) {
      if (this.abort.signal.aborted) throw error
      return { failure: { index, value: dataOf(record), error: errorOf(error) } }
    }
  }

  private async attempts(record: unknown): Promise<unknown> {
    const { retries, backoffMs, timeoutMs } = this.settings
    const { clock } = this.task
    const { signal } = this.abort
    for (let attempt = 0; ; attempt++) {
      try {
        return await (timeoutMs === undefined ? this.f(record, { signal }) : this.within(timeoutMs, record))
      } catch (error) {
        if (signal.aborted) throw error
        if (attempt >= retries) {
          const failure = this.timedOut(error, attempt + 1)
          throw this.settings.isTried ? failure : this.task.failed(failure, record)
        }
        await clock.sleep(Math.min(backoffMs * 2 ** attempt, MAX_BACKOFF_MS), signal)
      }
    }
  }

  /** One attempt with its own signal, which is aborted when its time is over. @throws TIME_OVER */
  private async within(timeoutMs: number, record: unknown): Promise<unknown> {
    const own = new AbortController()
    const settled = new AbortController()
    const onAbort = (): void => {
      own.abort(this.abort.signal.reason)
      // The timer of a call that ignores its signal must not keep the process alive.
      settled.abort()
    }
    this.abort.signal.addEventListener('abort', onAbort, { once: true })
    const late = this.task.clock.sleep(timeoutMs, settled.signal).then(() => {
      own.abort(new DOMException('The call took too long', 'TimeoutError'))
      throw TIME_OVER
    })
    late.catch(() => {})
    try {
      return await Promise.race([this.f(record, { signal: own.signal }), late])
    } finally {
      settled.abort()
      this.abort.signal.removeEventListener('abort', onAbort)
    }
  }

  private timedOut(error: unknown, attempts: number): unknown {
    if (error !== TIME_OVER) return error
    return new KindlingError('CALL_TIMED_OUT', {
      operation: 'mapAsync',
      timeout: String(new Duration(this.settings.timeoutMs!)),
      attempts: attempts === 1 ? 'one attempt' : `${attempts} attempts`,
    })
  }
}

/** Thrown by an attempt whose time is over. */
const TIME_OVER = Symbol('time over')
