/** `mapPartitionsAsync`: what a user's asynchronous function makes of a partition, as chunks. */
import { KindlingError } from '../base/errors.ts'
import type { Chunk, ChunkSource } from '../data/chunk.ts'
import type { AsyncCall } from './async-map.ts'
import { cancellationOf } from './cancellation.ts'
import type { TaskInfo, TaskInput } from './ports.ts'
import { recordsOf } from './segment/interpret.ts'
import { iterateSource } from './segment/iterate.ts'

const OPERATION = 'mapPartitionsAsync'
const MAX_ROWS = 256

/** The user's function. */
export type PartitionFunction = (
  records: AsyncIterable<unknown> & Iterable<unknown>,
  call: AsyncCall,
) => AsyncIterable<unknown>

/** What the function gave, whatever it is. @throws PROMISE_RETURNED @throws NOT_ITERABLE */
function iteratorOf(result: AsyncIterable<unknown>): AsyncIterator<unknown> {
  if (result instanceof Promise)
    throw new KindlingError('PROMISE_RETURNED', {
      operation: OPERATION,
      instead: 'an asynchronous generator: async function* (records) { … yield … }',
    })
  if (typeof result?.[Symbol.asyncIterator] === 'function') return result[Symbol.asyncIterator]()
  const iterable = result as unknown as Iterable<unknown> | undefined
  if (typeof iterable?.[Symbol.iterator] !== 'function')
    throw new KindlingError('NOT_ITERABLE', { operation: OPERATION, value: result })
  return (async function* () {
    yield* iterable
  })()
}

/** The records for `for await`, and for a plain loop where they are at hand. */
function recordsBothWays(input: TaskInput, task: TaskInfo): AsyncIterable<unknown> & Iterable<unknown> {
  const atHand: ChunkSource = {
    next() {
      const chunk = input.next()
      if (!(chunk instanceof Promise)) return chunk
      chunk.catch(() => {})
      throw new KindlingError('INPUT_NOT_AT_HAND', { operation: OPERATION })
    },
    close: () => input.close(),
  }
  return {
    [Symbol.iterator]: () => iterateSource(atHand),
    async *[Symbol.asyncIterator]() {
      try {
        for (let chunk = await input.next(); chunk !== undefined; chunk = await input.next()) {
          yield* recordsOf(chunk)
          const pause = task.breathe()
          if (pause !== undefined) await pause
        }
      } finally {
        await input.close()
      }
    },
  }
}

/** Records in chunks of what comes within one turn of the event loop, so that none waits for others. */
export class AsyncPartitionSource implements ChunkSource {
  readonly asynchronous = true
  private readonly input: TaskInput
  private readonly f: PartitionFunction
  private readonly task: TaskInfo
  private readonly abort = new AbortController()
  private readonly onCancel = (): void => {
    this.abort.abort(cancellationOf(this.task.signal))
    this.stopWaiting?.()
  }
  private iterator: AsyncIterator<unknown> | undefined
  private pending: Promise<IteratorResult<unknown>> | undefined
  private stopWaiting: (() => void) | undefined
  private over = false
  private closed = false
  private postponed: { readonly error: Error } | undefined

  constructor(input: TaskInput, f: PartitionFunction, task: TaskInfo) {
    this.input = input
    this.f = f
    this.task = task
    task.signal.addEventListener('abort', this.onCancel, { once: true })
  }

  async next(limit: number = MAX_ROWS): Promise<Chunk | undefined> {
    if (this.postponed !== undefined) throw this.postponed.error
    const rows: unknown[] = []
    const most = Math.max(1, Math.min(limit, MAX_ROWS))
    let turn: NodeJS.Immediate | undefined
    try {
      this.iterator ??= await this.begin()
      while (rows.length < most && !this.over) {
        if (this.task.signal.aborted) throw cancellationOf(this.task.signal)
        this.pending ??= Promise.resolve(this.iterator.next())
        const got = await this.first(this.pending)
        if (got === undefined) {
          if (rows.length > 0) break
          continue
        }
        this.pending = undefined
        if (got.done) this.over = true
        else rows.push(got.value)
        turn ??= setImmediate(() => this.stopWaiting?.())
      }
    } catch (error) {
      this.pending = undefined
      this.over = true
      this.postponed = { error: this.task.failed(error, undefined) }
      if (rows.length === 0) throw this.postponed.error
    } finally {
      clearImmediate(turn)
    }
    return rows.length > 0 ? { kind: 'rows', rows } : undefined
  }

  /** Calls the function, once the records can be read. */
  private async begin(): Promise<AsyncIterator<unknown>> {
    await this.input.prepare(false)
    return iteratorOf(this.f(recordsBothWays(this.input, this.task), { signal: this.abort.signal }))
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    const { signal } = this.task
    signal.removeEventListener('abort', this.onCancel)
    this.abort.abort()
    try {
      if (!this.over || this.pending !== undefined) await this.endIterator(signal.aborted)
    } finally {
      this.over = true
      this.stopWaiting?.()
      await this.input.close()
    }
  }

  /** One that is at work, or whose task was cancelled, is told and not waited for. */
  private async endIterator(cancelled: boolean): Promise<void> {
    const ended = Promise.resolve(this.iterator?.return?.())
    if (cancelled || this.pending !== undefined) {
      ended.catch(() => {})
      this.pending?.catch(() => {})
    } else
      await ended.catch(error => {
        throw this.task.failed(error, undefined)
      })
  }

  /** What `pending` gives; `undefined` when the turn is over before, or nobody waits any more. */
  private first(pending: Promise<IteratorResult<unknown>>): Promise<IteratorResult<unknown> | undefined> {
    return new Promise((resolve, reject) => {
      this.stopWaiting = () => resolve(undefined)
      pending.then(resolve, reject)
    })
  }
}
