/** The program whose received data is kept in test/fixtures; it must not change, or the fixture proves nothing. */
import { seconds } from '../../src/base/time.ts'
import type { ExactlyOnceSink } from '../../src/rdd/sink/sink.ts'
import { Receiver } from '../../src/streaming/receiver/receiver.ts'
import { type State, StateSpec } from '../../src/streaming/state/state-spec.ts'
import type { StreamTest } from '../../src/testing/stream-test.ts'

export const GOLDEN_CONF = {
  'spark.streaming.receiver.writeAheadLog.enable': true,
  'kindling.streaming.failurePolicy': 'dead-letter',
}

/** Hands over records of all sorts, and lines. */
class Mixed extends Receiver<unknown> {
  override onStart(): void {}
  override onStop(): void {}

  records(...records: unknown[]): Promise<void> {
    return this.storeMany(records, { from: records.length })
  }

  lines(text: string): void {
    void this.attached().storeLines(Buffer.from(text), text.split('\n').length - 1)
  }
}

/** What the program does, and its receiver. */
export interface GoldenReceived {
  readonly receiver: Mixed
  /** Values of dead letters, in the order in which they were committed. */
  readonly letters: unknown[]
}

/** Counts what is received; what is `bad` fails its batch for good. */
export function goldenReceived(
  t: StreamTest,
  letters: unknown[],
  onReceiver: (receiver: Mixed) => void,
): void {
  const sink: ExactlyOnceSink<{ readonly value: unknown }, unknown[]> = {
    name: 'letters',
    guarantee: 'exactly-once',
    by: 'transaction',
    writer: () => {
      const own: unknown[] = []
      return {
        write: more => void own.push(...more.map(({ value }) => value)),
        prepare: () => own,
        abort() {},
      }
    },
    committed: () => [],
    commit: (_, messages) => void letters.push(...messages.flat()),
    abort() {},
  }
  t.ssc.deadLetters(t.sink(sink), { id: 'letters' })
  const receiver = new Mixed()
  onReceiver(receiver)
  const pairs = t.ssc
    .receiverStream(receiver)
    .uid('received')
    .map(record => {
      if (record === 'bad') throw new Error('poisoned')
      return [typeof record === 'object' ? JSON.stringify(record) : String(record), 1] as const
    })
  const count = (_: string, n: number | undefined, state: State<number>): void =>
    state.update((state.getOption() ?? 0) + (n ?? 0))
  const counts = pairs.mapWithState(StateSpec.function(count).numPartitions(2).version(2)).stateSnapshots()
  t.collect('counts', counts.uid('counts').checkpoint(seconds(2)))
}
