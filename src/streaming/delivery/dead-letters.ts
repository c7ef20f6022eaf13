/**
 * Records that functions of the program cannot take, as a stream of its own that is written into a sink at the end of each batch.
 *
 *   parent ─▶ f ─▶ what f gives                   the stream that the operation gives
 *      └────▶ f threw ─▶ letters ─▶ sink          after all other outputs, so that it only does what none of them has done
 *
 * Both are computed from the parent. What the first finds, partition by partition, the second takes from it (up to a bound); only for
 * partitions that nobody has computed, and those with many letters, `f` is called again. So `f` must do the same each time, as every
 * function of a program.
 */

import type { DeadLetter } from '../../rdd/dead-letters/dead-letter.ts'
import type { RDD } from '../../rdd/rdd.ts'
import { currentScope } from '../../rdd/scope.ts'
import type { Sink } from '../../rdd/sink/sink.ts'
import { DStream } from '../dstream/dstream.ts'
import type { StreamHost } from '../dstream/host.ts'
import type { AnyStream } from '../dstream/recipe.ts'
import { SinkOperation, type WriteToOptions } from './sink-operation.ts'

/**
 * Where bad records go; made by `ssc.deadLetters`.
 *
 * @example
 * const bad = ssc.deadLetters(fileSink(`${dir}/bad`, { format: 'object' }))
 * const words = t.input('in', [['1', 'x', '2']])
 * const numbers = words.map(word => BigInt(word), { onError: bad })
 * numbers // => [[1n, 2n]]
 * bad.stream.map(({ value, error, index }) => [value, error.name, index]) // => [[['x', 'SyntaxError', 1]]]
 */
export class DeadLetters {
  /** The letters of each batch, for outputs besides the sink. */
  readonly stream: DStream<DeadLetter>
  private readonly parts: DStream<DeadLetter>[] = []

  /** @internal */
  constructor(host: StreamHost, sink: Sink<DeadLetter>, options: WriteToOptions) {
    const scope = currentScope('deadLetters')
    const { parts } = this
    this.stream = new DStream<DeadLetter>(host, scope.name, {
      slide: 'batch interval',
      dependencies: parts as readonly AnyStream[],
      compute(time) {
        const rdds = parts.map(part => part.getOrCompute(time)).filter(rdd => rdd !== undefined)
        return rdds.length === 0 ? undefined : (host.sc.union(rdds) as RDD<DeadLetter>)
      },
    })
    const { stream } = this
    const operation = new SinkOperation(sink, scope, options, true)
    host.registerOutput({
      stream: stream as AnyStream,
      scope,
      sink: operation as SinkOperation,
      isLast: true,
      jobFor(time) {
        const rdd = stream.getOrCompute(time)
        return rdd === undefined ? undefined : () => operation.write(rdd, time)
      },
    })
  }

  /** @internal Letters of one operation. */
  add(letters: DStream<DeadLetter>): void {
    this.parts.push(letters)
  }
}
