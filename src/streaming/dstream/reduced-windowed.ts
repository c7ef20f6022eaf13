/**
 * Reduced values of each key over a window; with an inverse function kept up to date by what enters and what leaves.
 *
 * In: one reduced RDD for each batch. Out: one RDD of `[key, value]` for each slide.
 * 1. take the result of one slide ago · 2. take out the batches that left · 3. put in the new batches
 *
 *   |-- left --|=========== kept ===========|-- new --|
 *
 * I1  A key without a previous value has a new one; otherwise it hashes inconsistently.
 * Cost: O(keys entering + leaving) a slide, not O(window); one copy of the column of values.
 * Source: Spark ReducedWindowedDStream.
 */
import { KindlingError } from '../../base/errors.ts'
import type { DurationLike } from '../../base/time.ts'
import type { ChunkSource } from '../../data/chunk.ts'
import { makeNode, type StateNode, type StateTask } from '../../rdd/nodes.ts'
import { type Partitioning, toPartitioner } from '../../rdd/partitioner.ts'
import type { RDD } from '../../rdd/rdd.ts'
import { operator } from '../../rdd/scope.ts'
import { StorageLevel } from '../../rdd/storage-level.ts'
import { eachPair } from '../state/pairs.ts'
import { ABSENT, Draft, handedOut, type StateTable, VersionedState } from '../state/versions.ts'
import type { DStream } from './dstream.ts'
import { slideDurationOf, windowDurationOf } from './durations.ts'
import { hashed } from './elementwise.ts'
import type { AnyStream } from './recipe.ts'
import { slice } from './windowed.ts'

/** The rarer settings of `reduceByKeyAndWindow`. */
export interface WindowOptions<K, V> {
  /** A number or a partitioner; default: hash with the context's default parallelism. */
  readonly partitions?: Partitioning
  /** With an inverse function: keys whose pair does not pass are dropped. Asked for pairs that changed. */
  readonly filter?: (pair: readonly [K, V]) => boolean
}

type Reduce<V> = (a: V, b: V) => V
type Last<K, V> = Partitioning | WindowOptions<K, V> | undefined
/** The arguments after the reduce function, with and without an inverse. */
export type WindowArguments<K, V> =
  | [inverse: Reduce<V>, window: DurationLike, slide?: DurationLike, opts?: Last<K, V>]
  | [window: DurationLike, slide?: DurationLike, opts?: Last<K, V>]

export function reducedByWindow<K, V>(
  stream: DStream<readonly [K, V]>,
  reduce: Reduce<V>,
  rest: WindowArguments<K, V>,
): DStream<[K, V]> {
  return operator('reduceByKeyAndWindow', () => {
    if (typeof rest[0] === 'function') {
      const [inverse, window, slide, last] = rest as [Reduce<V>, DurationLike, DurationLike?, Last<K, V>?]
      return incremental(stream, reduce, inverse, { window, slide }, optionsOf(last))
    }
    const [window, slide, last] = rest as [DurationLike, DurationLike?, Last<K, V>?]
    const by = hashed(stream, optionsOf(last).partitions)
    return stream.reduceByKey(reduce, by).window(window, slide).reduceByKey(reduce, by)
  })
}

function optionsOf<K, V>(last: Last<K, V>): WindowOptions<K, V> {
  if (last === undefined) return {}
  return typeof last === 'number' || 'partition' in last ? { partitions: last } : last
}

function incremental<K, V>(
  stream: DStream<readonly [K, V]>,
  reduce: Reduce<V>,
  inverse: Reduce<V>,
  span: { readonly window: DurationLike; readonly slide: DurationLike | undefined },
  opts: WindowOptions<K, V>,
): DStream<[K, V]> {
  const step = stream.slideDuration
  const window = windowDurationOf(span.window, step)
  const slide = slideDurationOf(span.slide, step)
  const partitioner = toPartitioner(hashed(stream, opts.partitions))
  const reduced = stream.reduceByKey(reduce, partitioner).persist(StorageLevel.MEMORY_ONLY_SER)
  // Which of a version's inputs leave the window: the first `leaving`; the others enter.
  const leaving = new WeakMap<StateNode, number>()
  const merge = windowMerge(
    reduce,
    inverse,
    opts.filter as ((pair: readonly [unknown, unknown]) => boolean) | undefined,
  )
  const versions = new VersionedState(
    'reduceByKeyAndWindow',
    partitioner.numPartitions,
    (previous, inputs, node, _p, task) => merge(previous, inputs, leaving.get(node) ?? 0, task),
  )
  return stream.derive<[K, V]>('reduceByKeyAndWindow', {
    slideDuration: slide,
    dependencies: [reduced as AnyStream],
    keepsItself: true,
    parentRemember: own => own.plus(window),
    forgotten: times => versions.forget(times),
    compute(time, self) {
      const before = time.minus(slide)
      const previous = self.getOrCompute(before)
      const old = slice(reduced, before.minus(window).plus(step), time.minus(window))
      const entering = slice(reduced, before.plus(step), time)
      const oldInWindow = previous === undefined ? [] : old
      const node = makeNode<StateNode>(
        {
          kind: 'state',
          partitioner,
          numPartitions: partitioner.numPartitions,
          previous: previous?.node as StateNode | undefined,
          inputs: [...oldInWindow, ...entering].map(rdd => rdd.node),
          versions,
          time: time.milliseconds,
        },
        'reduceByKeyAndWindow',
      )
      leaving.set(node, oldInWindow.length)
      return (reduced.host.sc.emptyRDD() as RDD<never>).derive(node)
    },
  })
}

/** What a key got from the inputs of one slide. */
interface Change {
  old: unknown
  entering: unknown
}

/** Makes the version of a slide; see the file head. */
function windowMerge<V>(
  reduce: Reduce<V>,
  inverse: Reduce<V>,
  filter: ((pair: readonly [unknown, unknown]) => boolean) | undefined,
) {
  const fold = (sum: unknown, value: unknown): unknown =>
    sum === ABSENT ? value : reduce(sum as V, value as V)
  return async (
    previous: StateTable | undefined,
    inputs: readonly ChunkSource[],
    leaving: number,
    task: StateTask,
  ): Promise<StateTable> => {
    const draft = new Draft(previous)
    const old: unknown[] = []
    const entering: unknown[] = []
    const touched: number[] = []
    let key: unknown
    try {
      for (let i = 0; i < inputs.length; i++) {
        const into = i < leaving ? old : entering
        await eachPair(inputs[i]!, task, (k, value) => {
          key = k
          const slot = draft.slot(k)
          while (old.length <= slot) {
            old.push(ABSENT)
            entering.push(ABSENT)
          }
          if (old[slot] === ABSENT && entering[slot] === ABSENT) touched.push(slot)
          into[slot] = fold(into[slot], value)
        })
      }
      for (let i = 0; i < touched.length; i++) {
        const slot = touched[i]!
        key = draft.index.keys[slot]
        const change: Change = { old: old[slot], entering: entering[slot] }
        const value = changed(
          draft.get(slot),
          change,
          reduce as Reduce<unknown>,
          inverse as Reduce<unknown>,
          key,
        )
        draft.set(slot, filter === undefined || filter([key, value]) ? value : ABSENT)
        const pause = (i & 1023) === 0 ? task.breathe() : undefined
        if (pause !== undefined) await pause
      }
    } catch (error) {
      throw task.failed(error, key)
    }
    return draft.finish()
  }
}

function changed(
  kept: unknown,
  change: Change,
  reduce: Reduce<unknown>,
  inverse: Reduce<unknown>,
  key: unknown,
): unknown {
  let value = kept
  if (value === ABSENT) {
    if (change.entering === ABSENT) throw new KindlingError('KEY_NOT_CONSISTENT', { key })
    return checked(change.entering)
  }
  value = handedOut(value)
  if (change.old !== ABSENT) value = inverse(value, change.old)
  if (change.entering !== ABSENT) value = reduce(value, change.entering)
  return checked(value)
}

function checked(value: unknown): unknown {
  if (value instanceof Promise)
    throw new KindlingError('PROMISE_RETURNED', {
      operation: 'reduceByKeyAndWindow',
      instead: 'foreachRDD, which may be async,',
    })
  return value
}
