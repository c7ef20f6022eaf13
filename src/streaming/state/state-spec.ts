/** How `mapWithState` is told what to do: the function, and its options. */
import { KindlingError } from '../../base/errors.ts'
import { type Duration, type DurationLike, type Time, toDuration } from '../../base/time.ts'
import { type Partitioner, toPartitioner } from '../../rdd/partitioner.ts'
import type { Mapped, RDD } from '../../rdd/rdd.ts'
import { type Migrate, type StateSchema, stateSchema } from './state-schema.ts'

/**
 * The state of one key, for the length of one call.
 *
 * @typeParam S the type of the state
 * @source Spark State
 */
export interface State<S> {
  /** Whether the key has state. */
  exists(): boolean
  /** A copy of the state. @throws STATE_NOT_SET when there is none */
  get(): S
  /** A copy of the state, `undefined` when there is none. */
  getOption(): S | undefined
  /** Sets the state; it is copied at once. @throws ILLEGAL_STATE after `remove`, and when it is timing out */
  update(state: S): void
  /** Drops the key. @throws ILLEGAL_STATE after `remove`, and when it is timing out */
  remove(): void
  /** Whether the call tells of a time-out: there is no value, and the key is dropped afterwards. */
  isTimingOut(): boolean
}

/**
 * What `mapWithState` calls for every record: key, value (`undefined` for a time-out), state and batch time; what it gives is
 * emitted, `undefined` emits nothing.
 */
export type StateFunction<K, V, S, M> = (key: K, value: V | undefined, state: State<S>, time: Time) => M

/** What a function that gives `M` emits: `undefined` is nothing. */
export type Emitted<M> = Exclude<M, undefined | void>

/** The options behind the builder's methods. */
export interface StateSettings<K, S> {
  readonly initialState?: RDD<readonly [K, S]>
  readonly partitioner?: Partitioner
  readonly timeout?: Duration
  readonly schema?: StateSchema | undefined
}

/**
 * A function over keyed state and its options; each method gives a new one.
 *
 * @source Spark StateSpec
 * @example
 * const spec = StateSpec.function((word: string, n: number | undefined, sum: State<number>) => {
 *   const total = (sum.getOption() ?? 0) + (n ?? 0)
 *   if (!sum.isTimingOut()) sum.update(total)
 *   return [word, total] as const
 * }).timeout('60s')
 * pairs.mapWithState(spec) // => [[['a', 1], ['b', 2]], [['a', 4]]]
 */
export class StateSpec<K, V, S, M> {
  /** @internal */
  readonly f: StateFunction<K, V, S, M>
  /** @internal */
  readonly settings: StateSettings<K, S>

  private constructor(f: StateFunction<K, V, S, M>, settings: StateSettings<K, S>) {
    this.f = f
    this.settings = settings
  }

  /**
   * What `mapWithState` is to do: call `f`.
   *
   * @throws INVALID_ARGUMENT when `f` is no function
   * @example
   * const running = StateSpec.function((word: string, n: number | undefined, sum: State<number>) => {
   *   sum.update((sum.getOption() ?? 0) + (n ?? 0))
   *   return [word, sum.get()] as const
   * })
   * pairs.mapWithState(running) // => [[['a', 1], ['b', 2]], [['a', 4]]]
   */
  static function<K, V, S, M extends Mapped>(f: StateFunction<K, V, S, M>): StateSpec<K, V, S, M> {
    if (typeof f === 'function') return new StateSpec(f, {})
    throw new KindlingError('INVALID_ARGUMENT', {
      what: 'what StateSpec.function was given',
      value: f,
      expected: 'a function (key, value, state, time) => mapped',
    })
  }

  /**
   * State before the first batch. Of several pairs with one key the last counts.
   *
   * @example
   * const count = (word: string, n: number | undefined, sum: State<number>) => {
   *   sum.update((sum.getOption() ?? 0) + (n ?? 0))
   *   return sum.get()
   * }
   * pairs.mapWithState(StateSpec.function(count).initialState(sc.parallelize([['a', 100]]))) // => [[101, 2], [104]]
   */
  initialState(rdd: RDD<readonly [K, S]>): StateSpec<K, V, S, M> {
    return this.with({ initialState: rdd })
  }

  /**
   * Partitions of the state, by hash. Default: the context's default parallelism.
   *
   * @throws INVALID_ARGUMENT unless `n` is a whole number of at least 1
   * @example
   * const last = (word: string, n: number | undefined, state: State<number>) => void (n && state.update(n))
   * const states = pairs.mapWithState(StateSpec.function(last).numPartitions(2)).stateSnapshots()
   * states.glom() // => [[[['b', 2]], [['a', 1]]], [[['b', 2]], [['a', 3]]]]
   */
  numPartitions(n: number): StateSpec<K, V, S, M> {
    return this.with({ partitioner: toPartitioner(n) })
  }

  /**
   * How keys are spread; a stream that is spread so already is not shuffled.
   *
   * @example
   * const byLength: Partitioner = { numPartitions: 2, partition: key => String(key).length % 2 }
   * const last = (word: string, n: number | undefined, state: State<number>) => void (n && state.update(n))
   * const states = pairs.mapWithState(StateSpec.function(last).partitioner(byLength)).stateSnapshots()
   * states.glom() // => [[[], [['a', 1], ['b', 2]]], [[], [['a', 3], ['b', 2]]]]
   */
  partitioner(partitioner: Partitioner): StateSpec<K, V, S, M> {
    return this.with({ partitioner })
  }

  /**
   * Keys without a record for longer than this time out. With a timeout, every record of a key counts as an update, also when the
   * function only reads the state.
   *
   * @example
   * const sessions = StateSpec.function((user: string, _: number | undefined, state: State<boolean>) => {
   *   if (state.isTimingOut()) return `${user} has gone`
   *   state.update(true)
   *   return undefined
   * }).timeout(seconds(1))
   * pairs.mapWithState(sessions) // => [[], [], ['b has gone'], ['a has gone']]
   */
  timeout(idle: DurationLike): StateSpec<K, V, S, M> {
    return this.with({ timeout: toDuration(idle, 'The timeout of a state') })
  }

  /**
   * What values of the state look like, as a number: raise it when that changes. It is saved with the state. Default 1.
   *
   * @param migrate makes a value of what another version of the program saved; called for each key at the restart
   * @throws INVALID_ARGUMENT unless `version` is a whole number of at least 1
   * @example
   * const count = (word: string, n: number | undefined, state: State<{ n: number }>) => {
   *   state.update({ n: (state.getOption()?.n ?? 0) + (n ?? 0) })
   *   return state.get().n
   * }
   * const spec = StateSpec.function(count).version(2, old => ({ n: old as number })) // version 1 had numbers
   * pairs.mapWithState(spec) // => [[1, 2], [4]]
   */
  version(version: number, migrate?: Migrate<S>): StateSpec<K, V, S, M> {
    return this.with({ schema: stateSchema(version, migrate) })
  }

  private with(settings: StateSettings<K, S>): StateSpec<K, V, S, M> {
    return new StateSpec(this.f, { ...this.settings, ...settings })
  }
}
