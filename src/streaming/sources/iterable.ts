/**
 * Any iterable, async iterable, Node stream or web stream as a source: pulled record by record, as fast as the batches take it.
 */
import type { Config } from '../../base/config.ts'
import { KindlingError } from '../../base/errors.ts'
import type { Time } from '../../base/time.ts'
import type { RDD } from '../../rdd/rdd.ts'
import type { BatchInput, InputSource, SourceGuarantee, SourceHost } from '../input-source.ts'
import type { BatchInfo } from '../listener.ts'
import { FIRST_RATE } from '../receiver/batch-rate.ts'
import { Receiver } from '../receiver/receiver.ts'
import { ReceiverSource } from '../receiver/receiver-source.ts'

/** What can be read: Node's readable streams and web streams are async iterables too. */
export type StreamLike<T> = AsyncIterable<T> | Iterable<T> | ReadableStream<T>

/** See the file head. An error of the input ends the stream and fails the context; its end only ends the stream. */
export function iterableSource<T>(input: StreamLike<T>): InputSource<T> {
  return new IterableSource(input)
}

class IterableSource<T> implements InputSource<T> {
  readonly name = 'iterable'
  private readonly inner: ReceiverSource<T>
  private readonly receiver: PullingReceiver<T>

  constructor(input: StreamLike<T>) {
    this.receiver = new PullingReceiver(input)
    this.inner = new ReceiverSource<T>(this.receiver, this.name, FIRST_RATE)
  }

  start(host: SourceHost): Promise<void> {
    this.receiver.fail = error => host.fail(error)
    return this.inner.start(host)
  }

  stop(options: { readonly graceful: boolean }): Promise<void> {
    return this.inner.stop(options)
  }

  plan(time: Time): BatchInput<T> {
    return this.inner.plan(time)
  }

  guarantee(conf: Config): SourceGuarantee {
    return this.inner.guarantee(conf)
  }

  get isReplayable(): boolean {
    return this.inner.isReplayable
  }

  describe(time: Time): unknown {
    return this.inner.describe(time)
  }

  restore(time: Time, description: unknown): (() => RDD<T>) | undefined {
    return this.inner.restore(time, description)
  }

  hasUnplanned(): boolean {
    return this.inner.hasUnplanned()
  }

  forget(upTo: Time): void {
    this.inner.forget(upTo)
  }

  batchCompleted(info: BatchInfo): void {
    this.inner.batchCompleted(info)
  }
}

/** Records taken between two turns of the event loop, so that an endless synchronous iterable does not hold it. */
const RECORDS_A_TURN = 512

class PullingReceiver<T> extends Receiver<T> {
  fail: (error: Error) => void = () => {}
  private readonly input: StreamLike<T>
  private iterator: AsyncIterator<T> | Iterator<T> | undefined

  constructor(input: StreamLike<T>) {
    super()
    this.input = input
  }

  override onStart(): void {
    this.iterator = iteratorOf(this.input)
    this.pull(this.iterator).catch((error: unknown) => {
      if (this.isStopped()) return
      const reason = error instanceof Error ? error.message : String(error)
      const failure = new KindlingError(
        'SOURCE_FAILED',
        { source: 'of an iterable stream', reason },
        { cause: error },
      )
      this.stop(failure.message, failure)
      this.fail(failure)
    })
  }

  override onStop(): void {
    const { iterator } = this
    this.iterator = undefined
    // An iterator that waits for its next record answers only later, if ever: not awaited.
    Promise.resolve()
      .then(() => iterator?.return?.())
      .catch(() => {})
  }

  private async pull(iterator: AsyncIterator<T> | Iterator<T>): Promise<void> {
    for (let n = 1; !this.isStopped(); n++) {
      const next = await iterator.next()
      if (next.done === true || this.isStopped()) return
      const wait = this.store(next.value)
      if (wait !== undefined) await wait
      if (n % RECORDS_A_TURN === 0) await new Promise(resolve => setImmediate(resolve))
    }
  }
}

function iteratorOf<T>(input: StreamLike<T>): AsyncIterator<T> | Iterator<T> {
  if (Symbol.asyncIterator in input) return (input as AsyncIterable<T>)[Symbol.asyncIterator]()
  if (Symbol.iterator in input) return (input as Iterable<T>)[Symbol.iterator]()
  throw new KindlingError('INVALID_ARGUMENT', {
    what: 'the input of an iterable stream',
    value: input,
    expected: 'an iterable, an async iterable, a Node stream or a web stream',
  })
}
