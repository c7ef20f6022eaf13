/**
 * A sink in the hands of a test: before and after each of its steps is a place where a fault can be planned. The steps of a program that
 * has died end nowhere.
 */
import type { Sink, SinkWriter } from '../rdd/sink/sink.ts'
import type { SinkStep } from './faults.ts'

/** Comes to a place: throws, waits or ends the program as planned. */
export type ArriveAtSink = (at: `sink-${SinkStep}-${'before' | 'after'}`, name: string) => Promise<void>

/** See the file head. @param open where writers are kept while they are open: those of a dead program for whoever buries it */
export function testSink<T, M>(
  sink: Sink<T, M>,
  arrive: ArriveAtSink,
  open: Set<SinkWriter<never, unknown>>,
): Sink<T, M> {
  const { name } = sink
  const step = async <R>(kind: SinkStep, call: () => R | Promise<R>): Promise<R> => {
    await arrive(`sink-${kind}-before`, name)
    const result = await call()
    await arrive(`sink-${kind}-after`, name)
    return result
  }
  const watched: Sink<T, M> = {
    ...sink,
    writer: async (token, call) => {
      const writer = await step('writer', async () => {
        const made = await sink.writer(token, call)
        open.add(made)
        return made
      })
      const watchedWriter: SinkWriter<T, M> = {
        write: records => step('write', () => writer.write(records)),
        prepare: () => step('prepare', () => writer.prepare()),
        abort: () => step('abandon', () => writer.abort()),
        close() {
          open.delete(writer)
          return writer.close?.()
        },
      }
      return watchedWriter
    },
    open: session => step('open', () => sink.open?.(session)),
    begin: batch => step('begin', () => sink.begin?.(batch)),
    commit: (batch, messages) => step('commit', () => sink.commit?.(batch, messages)),
    abort: batch => step('abort', () => sink.abort?.(batch)),
  }
  if (sink.guarantee !== 'exactly-once') return watched
  return { ...watched, committed: tokens => step('committed', () => sink.committed(tokens)) } as Sink<T, M>
}
