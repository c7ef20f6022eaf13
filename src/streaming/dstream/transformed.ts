/** Streams over the RDDs of several parents, all of which must have one. */
import { KindlingError } from '../../base/errors.ts'
import type { Time } from '../../base/time.ts'
import type { Partitioner, Partitioning } from '../../rdd/partitioner.ts'
import { RDD } from '../../rdd/rdd.ts'
import { inScope, operator } from '../../rdd/scope.ts'
import type { Cut } from './cut.ts'
import type { DStream } from './dstream.ts'
import { cutOf } from './elementwise.ts'
import type { AnyStream } from './recipe.ts'

/**
 * What the user's function makes of the parents' RDDs, on the driver, in each batch.
 *
 * @param cut what `f` partitions by, where it is no function of the user's
 * @throws INVALID_ARGUMENT unless all parents slide alike and belong to one context
 */
export function transformed<R>(
  name: string,
  parents: readonly AnyStream[],
  f: (rdds: readonly RDD<unknown>[], time: Time) => RDD<R>,
  cut?: Cut,
): DStream<R> {
  assertAlike(name, parents)
  return parents[0]!.derive(name, {
    dependencies: parents,
    cut,
    compute(time, self) {
      const rdds = parents.map(parent => rddOf(parent, time))
      // Operators that the function calls are the user's own, with their own lines.
      const made = inScope(undefined, () => f(rdds, time))
      if (made instanceof RDD) return made
      throw new KindlingError('NO_RDD', {
        stream: `${name} at ${self.scope.site}`,
        time: String(time),
        reason: `its function returned ${made === null ? 'null' : typeof made}; return an RDD, also an empty one: sc.emptyRDD()`,
      })
    },
  })
}

/** What `f` makes of the pairs of two streams, partitioned alike. */
export function cutTogether<K, V, W, R>(
  name: string,
  [mine, theirs]: readonly [DStream<readonly [K, V]>, DStream<readonly [K, W]>],
  partitions: Partitioning | undefined,
  f: (mine: RDD<readonly [K, V]>, theirs: RDD<readonly [K, W]>, by: Partitioner) => RDD<R>,
): DStream<R> {
  const cut = cutOf(mine, partitions)
  return operator(name, () =>
    transformed(
      'transformWith',
      [mine as AnyStream, theirs as AnyStream],
      ([a, b]) => f(a as RDD<readonly [K, V]>, b as RDD<readonly [K, W]>, cut.partitioner),
      cut,
    ),
  )
}

/** The records of several streams, in their order. */
export function unioned<T>(streams: readonly DStream<T>[]): DStream<T> {
  assertAlike('union', streams as readonly AnyStream[])
  const first = streams[0]!
  return first.derive('union', {
    dependencies: streams as readonly AnyStream[],
    compute: time => first.host.sc.union(streams.map(stream => rddOf(stream, time))),
  })
}

function rddOf<T>(stream: DStream<T>, time: Time): RDD<T> {
  const rdd = stream.getOrCompute(time)
  if (rdd !== undefined) return rdd
  throw new KindlingError('NO_RDD', {
    stream: `${stream.scope.name} at ${stream.scope.site}`,
    time: String(time),
    reason: 'union and transform need an RDD of every parent',
  })
}

function assertAlike(name: string, streams: readonly AnyStream[]): void {
  const expected = 'streams of one context with the same slide duration'
  const [first] = streams
  if (first === undefined)
    throw new KindlingError('INVALID_ARGUMENT', { what: `${name} of no streams`, value: 0, expected })
  for (const other of streams) {
    if (other.host !== first.host)
      throw new KindlingError('INVALID_ARGUMENT', {
        what: `a stream of ${name}`,
        value: 'of another context',
        expected,
      })
    if (other.slideDuration.milliseconds !== first.slideDuration.milliseconds)
      throw new KindlingError('INVALID_ARGUMENT', {
        what: `the slide durations of ${name}`,
        value: `${first.slideDuration} and ${other.slideDuration}`,
        expected,
      })
  }
}
