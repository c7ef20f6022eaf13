/**
 * A stream as an async iterable of batches.
 *
 * The output's job of a batch hands its records to the reader and ends when the reader asks for the next one: so a slow reader
 * delays its batch, and nothing piles up between the two.
 */
import { KindlingError } from '../../base/errors.ts'
import type { Time } from '../../base/time.ts'
import { currentScope } from '../../rdd/scope.ts'
import type { DStream } from './dstream.ts'
import type { AnyStream } from './recipe.ts'

/** One batch as its reader gets it. */
export interface Batch<T> {
  readonly time: Time
  /** The records, in partition order. */
  readonly values: T[]
}

/** What {@link DStream.batches} gives. It is read once; ends when the context stops. */
export type Batches<T> = AsyncIterableIterator<Batch<T>>

/** Registers the output; see the file head. */
export function batches<T>(stream: DStream<T>): Batches<T> {
  const scope = currentScope('batches')
  const { host } = stream
  host.assertDefining(scope.name)
  const channel = new Channel<Batch<T>>()
  host.registerOutput({
    stream: stream as AnyStream,
    scope,
    jobFor(time) {
      if (channel.closed) return undefined
      const rdd = stream.getOrCompute(time)
      if (rdd === undefined) return undefined
      return async () => {
        const values = await rdd.collect()
        await channel.offer({ time, values })
      }
    },
    stopped: () => channel.close(),
  })
  return {
    async next() {
      if (!host.isStarted && !channel.closed)
        throw new KindlingError('ILLEGAL_STATE', {
          what: `Reading ${scope.name} at ${scope.site}`,
          reason: 'batches come only after the context has started; call start() before the loop',
        })
      const batch = await channel.take()
      return batch === undefined ? { done: true, value: undefined } : { done: false, value: batch }
    },
    async return() {
      channel.close()
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

/** One value at a time from a writer that waits until its reader is done with it. */
class Channel<V> {
  closed = false
  private offered: { readonly value: V; readonly done: () => void }[] = []
  private taken: (() => void) | undefined
  private waiting: ((value: V | undefined) => void)[] = []

  /** Resolves when the reader has taken the value and asked for another, or has gone. */
  offer(value: V): Promise<void> {
    if (this.closed) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    const reader = this.waiting.shift()
    if (reader === undefined) this.offered.push({ value, done: resolve })
    else {
      this.taken = resolve
      reader(value)
    }
    return promise
  }

  /** The next value; `undefined` after the end. */
  take(): Promise<V | undefined> {
    this.taken?.()
    this.taken = undefined
    const next = this.offered.shift()
    if (next !== undefined) {
      this.taken = next.done
      return Promise.resolve(next.value)
    }
    if (this.closed) return Promise.resolve(undefined)
    return new Promise(resolve => this.waiting.push(resolve))
  }

  close(): void {
    this.closed = true
    this.taken?.()
    for (const { done } of this.offered.splice(0)) done()
    for (const reader of this.waiting.splice(0)) reader(undefined)
  }
}
