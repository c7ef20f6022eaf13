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
import { type Partitioning, toPartitioner } from '../../rdd/partitioner.ts'
import { operator } from '../../rdd/scope.ts'
import { StorageLevel } from '../../rdd/storage-level.ts'
import { eachSlot } from '../state/pairs.ts'
import { ABSENT, HIDDEN, PRESENT } from '../state/slots.ts'
import { stateRDD } from '../state/state-rdd.ts'
import type { StateTable } from '../state/state-table.ts'
import { type Advance, TablePartition } from '../state/table-partition.ts'
import { VersionedState } from '../state/versions.ts'
import type { DStream } from './dstream.ts'
import { slideDurationOf, windowDurationOf } from './durations.ts'
import { hashed } from './elementwise.ts'
import { paneWindowed } from './pane-windowed.ts'
import type { AnyStream } from './recipe.ts'
import { slice } from './windowed.ts'

/** The rarer settings of `reduceByKeyAndWindow`. */
export interface WindowOptions<K, V> {
  /** A number or a partitioner; default: hash with the context's default parallelism. */
  readonly partitions?: Partitioning
  /**
   * With an inverse function: keys whose pair does not pass are not part of the window; they are forgotten once no batch of the
   * window has them. Asked for pairs that changed.
   */
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
    const step = stream.slideDuration
    const span = { window: windowDurationOf(window, step), slide: slideDurationOf(slide, step) }
    return paneWindowed(stream, reduce, span, hashed(stream, optionsOf(last).partitions))
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
  const filter = opts.filter as Filter
  const versions = new VersionedState(
    'reduceByKeyAndWindow',
    partitioner.numPartitions,
    partition =>
      new TablePartition(partition, mergeWindow(reduce as AnyReduce, inverse as AnyReduce, filter)),
  )
  const state = {
    versions,
    partitioner,
    layout: {
      operator: 'reduceByKeyAndWindow with inverse',
      window: window.milliseconds,
      slide: slide.milliseconds,
      filtered: opts.filter !== undefined,
    },
  }
  return stream.derive<[K, V]>('reduceByKeyAndWindow', {
    slideDuration: slide,
    dependencies: [reduced as AnyStream],
    state,
    parentRemember: own => own.plus(window),
    forgotten: times => versions.forget(times),
    compute(time, self) {
      const before = time.minus(slide)
      const previous = self.getOrCompute(before)
      // Bounded by the windows themselves, so that a window shorter than its slide skips what lies between.
      const left = before.min(time.minus(window))
      const entered = before.max(time.minus(window)).plus(step)
      const old = slice(reduced, before.minus(window).plus(step), left)
      const entering = slice(reduced, entered, time)
      const oldInWindow = previous === undefined ? [] : old
      const detail: MergeDetail = { leaving: oldInWindow.length }
      return stateRDD<[K, V]>(self, { state, time, previous, inputs: [...oldInWindow, ...entering], detail })
    },
  })
}

/** What a key got from the inputs of one slide, by slot. */
interface Changes {
  readonly leaving: unknown[]
  readonly entering: unknown[]
  /** Batches with the key that entered, less those that left. */
  readonly batches: number[]
  readonly touched: number[]
}

/** Stands where a key got nothing. */
const NOTHING: unique symbol = Symbol('nothing')

type AnyReduce = (a: unknown, b: unknown) => unknown
type Filter = ((pair: readonly [unknown, unknown]) => boolean) | undefined

/** What a version is made with. */
interface MergeDetail {
  /** So many of its inputs, the first ones, leave the window; the others enter. */
  readonly leaving: number
}

/** Makes the version of a slide; see the file head. */
function mergeWindow(reduce: AnyReduce, inverse: AnyReduce, filter: Filter): Advance {
  const functions = { reduce, inverse, filter }
  return async (table, inputs, { detail }, task) => {
    const { leaving } = detail as MergeDetail
    const changes: Changes = { leaving: [], entering: [], batches: [], touched: [] }
    let key: unknown
    try {
      for (let i = 0; i < inputs.length; i++)
        await eachSlot(inputs[i]!, table, task, (slot, value, k) => {
          key = k
          note(changes, slot, value, i < leaving, functions.reduce)
        })
      const { touched } = changes
      for (let i = 0; i < touched.length; i++) {
        const slot = touched[i]!
        key = table.index.keyAt(slot)
        apply(table, slot, changes, functions)
        const pause = (i & 1023) === 0 ? task.breathe() : undefined
        if (pause !== undefined) await pause
      }
    } catch (error) {
      throw task.failed(error, key)
    }
    return undefined
  }
}

function note(changes: Changes, slot: number, value: unknown, leaves: boolean, reduce: AnyReduce): void {
  const { leaving, entering, batches, touched } = changes
  while (leaving.length <= slot) {
    leaving.push(NOTHING)
    entering.push(NOTHING)
    batches.push(0)
  }
  if (leaving[slot] === NOTHING && entering[slot] === NOTHING) touched.push(slot)
  const into = leaves ? leaving : entering
  into[slot] = into[slot] === NOTHING ? value : reduce(into[slot], value)
  batches[slot]! += leaves ? -1 : 1
}

/**
 * Moves one key on. With a filter, the mark of a key counts the batches of the window that have it: a key that does not pass is
 * dropped once none has it, and hidden before.
 */
function apply(
  table: StateTable,
  slot: number,
  changes: Changes,
  { reduce, inverse, filter }: { reduce: AnyReduce; inverse: AnyReduce; filter: Filter },
): void {
  const leaving = changes.leaving[slot]
  const entering = changes.entering[slot]
  const isKept = table.flag(slot) !== ABSENT
  let value: unknown
  if (isKept) {
    value = table.value(slot)
    if (leaving !== NOTHING) value = inverse(value, leaving)
    if (entering !== NOTHING) value = reduce(value, entering)
  } else if (entering === NOTHING) throw new KindlingError('KEY_NOT_CONSISTENT', { key: table.key(slot) })
  else value = entering
  if (value instanceof Promise)
    throw new KindlingError('PROMISE_RETURNED', {
      operation: 'reduceByKeyAndWindow',
      instead: 'mapAsync before it',
    })
  if (filter === undefined) {
    table.put(slot, value)
    return
  }
  const batches = (isKept ? table.mark(slot) : 0) + changes.batches[slot]!
  if (filter([table.key(slot), value])) table.put(slot, value, batches, PRESENT)
  else if (batches > 0) table.put(slot, value, batches, HIDDEN)
  else table.drop(slot)
}
