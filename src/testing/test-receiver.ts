/** A receiver in the hands of a test. */
import { Receiver } from '../streaming/receiver/receiver.ts'

/**
 * Stores what the test pushes; a reliable one stores whole blocks and acknowledges them.
 *
 * @example
 * const receiver = t.receiver<number>({ reliable: true })
 * t.collect('out', ssc.receiverStream(receiver))
 * await ssc.start()
 * await receiver.push(1, 2)
 * receiver.acked // => [1, 2]
 */
export class TestReceiver<T> extends Receiver<T> {
  /** What was acknowledged: stored as a block (reliable), or handed over (unreliable). */
  readonly acked: T[] = []
  private readonly reliable: boolean

  constructor(reliable: boolean) {
    super()
    this.reliable = reliable
  }

  override onStart(): void {}

  /**
   * Stores records; resolves when they are stored.
   *
   * @throws ILLEGAL_STATE before the context has started
   * @example
   * const receiver = t.receiver<string>()
   * t.collect('out', ssc.receiverStream(receiver))
   * await ssc.start()
   * await receiver.push('a')
   * await t.run(1)
   * await receiver.push('b', 'c')
   * await t.run(1)
   * t.out('out').batches // => [['a'], ['b', 'c']]
   */
  async push(...records: T[]): Promise<void> {
    if (this.reliable) await this.storeMany(records)
    else for (const record of records) await this.store(record)
    this.acked.push(...records)
  }

  /**
   * Stops with an error, as a source that broke would.
   *
   * @example
   * const stopped: string[] = []
   * ssc.addStreamingListener({ onReceiverStopped: ({ receiverInfo }) => stopped.push(receiverInfo.lastErrorMessage) })
   * const receiver = t.receiver<string>()
   * t.collect('out', ssc.receiverStream(receiver))
   * await ssc.start()
   * receiver.fail('the broker is gone')
   * await t.run(1)
   * stopped // => ['the broker is gone']
   */
  fail(message: string, error?: Error): void {
    this.stop(message, error)
  }
}
