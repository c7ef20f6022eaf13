/**
 * Values that tasks add to and the program reads.
 *
 *   in a task      add → the attempt's own copy (executor/task-scope.ts)
 *   task succeeds  the copy is merged into the program's accumulator, before the action's result is seen
 *   task fails     the copy is dropped
 *   on the driver  add → the accumulator itself, at once
 *
 * So what an action's function adds counts once for each partition, whatever the attempts. What a transformation's function adds
 * counts each time the transformation is computed: again in each job over an RDD that is not kept, and when lost shuffle output is
 * made anew. @source Spark AccumulatorV2.scala, DAGScheduler.updateAccumulators
 */
import { markKind } from '../base/engine-kind.ts'
import { describeValue, KindlingError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import { currentTask } from '../executor/task-scope.ts'
import type { TaskUpdate } from '../scheduler/task.ts'

/** What an accumulator knows once it is registered. */
export interface Registration {
  readonly id: number
  readonly name: string | undefined
  readonly logger: Logger
}

type AnyAccumulator = AccumulatorV2<never, unknown>

const registrations = new WeakMap<object, Registration>()
let nextId = 0

/** Accumulators by id, as long as something else holds them. */
export class KnownAccumulators {
  private readonly byId = new Map<number, WeakRef<AnyAccumulator>>()
  private readonly forgotten = new FinalizationRegistry<number>(id => {
    // It may be there again by now.
    if (this.of(id) === undefined) this.byId.delete(id)
  })

  of(id: number): AnyAccumulator | undefined {
    return this.byId.get(id)?.deref()
  }

  add(id: number, accumulator: AnyAccumulator): void {
    this.byId.set(id, new WeakRef(accumulator))
    this.forgotten.register(accumulator, id)
  }
}

/** Those that programs of this process registered. */
const own = new KnownAccumulators()

/** The registered accumulator of an id, as long as the program holds it. */
export function accumulatorOf(id: number): AnyAccumulator | undefined {
  return own.of(id)
}

/**
 * The base of accumulators: extend it, and give an instance to `sc.register`. `merge` must be associative and commutative: tasks
 * end in no fixed order.
 *
 * @typeParam IN what is added
 * @typeParam OUT what is read
 * @example
 * class Longest extends AccumulatorV2<string, string> {
 *   private word = ''
 *   get isZero() { return this.word === '' }
 *   get value() { return this.word }
 *   copy() { const copy = new Longest(); copy.word = this.word; return copy }
 *   reset() { this.word = '' }
 *   add(word: string) { if (word.length > this.word.length) this.word = word }
 *   merge(other: Longest) { this.add(other.word) }
 * }
 * const longest = sc.register(new Longest())
 * await sc.parallelize(['fig', 'banana']).foreach(fruit => longest.add(fruit))
 * longest.value // => 'banana'
 */
export abstract class AccumulatorV2<IN, OUT> {
  static {
    markKind(AccumulatorV2, 'Accumulator')
  }

  /** Whether nothing was added. */
  abstract get isZero(): boolean

  /**
   * All that was added. On the driver; in a task it does not show what running tasks, this one included, have added.
   */
  abstract get value(): OUT

  /** A copy with a state of its own, not registered. */
  abstract copy(): AccumulatorV2<IN, OUT>

  /** Back to zero. */
  abstract reset(): void

  /** Adds a value; in a task it counts once the attempt has succeeded. */
  abstract add(value: IN): void

  /** Adds all that `other`, of the same class, was given. */
  abstract merge(other: AccumulatorV2<IN, OUT>): void

  /**
   * An empty accumulator of the same kind: what a task adds to. Override it where copying is dear.
   *
   * @example
   * const sum = sc.longAccumulator()
   * sum.add(5)
   * sum.copyAndReset().value // => 0
   * sum.value // => 5
   */
  copyAndReset(): AccumulatorV2<IN, OUT> {
    const made = this.copy()
    made.reset()
    return made
  }

  /** Unique in this process. @throws ILLEGAL_STATE unless registered */
  get id(): number {
    const known = registrations.get(this)
    if (known !== undefined) return known.id
    throw new KindlingError('ILLEGAL_STATE', {
      what: 'Reading the id of an accumulator',
      reason: 'it has not been registered; call sc.register(accumulator) first',
    })
  }

  /** The name under which it was registered. */
  get name(): string | undefined {
    return registrations.get(this)?.name
  }

  get isRegistered(): boolean {
    return registrations.has(this)
  }
}

/**
 * Makes `add` of an accumulator tell tasks from the driver.
 *
 * @throws ILLEGAL_STATE when it is registered already
 */
export function registerAccumulator<A extends AnyAccumulator>(
  accumulator: A,
  name: string | undefined,
  logger: Logger,
): A {
  if (registrations.has(accumulator))
    throw new KindlingError('ILLEGAL_STATE', {
      what: 'Registering an accumulator',
      reason: `it is registered already${accumulator.name === undefined ? '' : ` as ${accumulator.name}`}`,
    })
  const id = nextId++
  own.add(id, accumulator)
  return adoptAccumulator(accumulator, { id, name, logger })
}

/** The same for an accumulator of a worker, which has its id from the program. */
export function adoptAccumulator<A extends AnyAccumulator>(accumulator: A, registration: Registration): A {
  registrations.set(accumulator, registration)
  const { add } = accumulator
  const make = (): Update<A> => new Update(accumulator)
  const value = (given: never): void => {
    const task = currentTask()
    if (task === undefined) add.call(accumulator, given)
    else if (!task.isOver) task.updateOf(accumulator, make).local.add(given)
  }
  // Hidden, so that a copy made of the accumulator's fields has the plain one.
  Object.defineProperty(accumulator, 'add', { value, configurable: true, writable: true, enumerable: false })
  return accumulator
}

/** The fields of an attempt's own copy, for another thread. */
export function fieldsOfUpdate(update: TaskUpdate): Record<string, unknown> {
  return { ...(update as Update<AnyAccumulator>).local }
}

/** What an attempt in another thread added; `undefined` when nobody holds the accumulator any more. */
export function updateOfFields(id: number, fields: unknown): TaskUpdate | undefined {
  const accumulator = accumulatorOf(id)
  if (accumulator === undefined) return undefined
  return new Update(accumulator, Object.assign(accumulator.copyAndReset(), fields) as AnyAccumulator)
}

/** What one attempt added. */
class Update<A extends AnyAccumulator> implements TaskUpdate {
  readonly local: A
  private readonly accumulator: A

  constructor(accumulator: A, local: A = accumulator.copyAndReset() as A) {
    this.accumulator = accumulator
    this.local = local
  }

  get id(): number {
    return this.accumulator.id
  }

  get name(): string | undefined {
    return this.accumulator.name
  }

  get update(): unknown {
    return this.quietly(() => this.local.value)
  }

  get value(): unknown {
    return this.quietly(() => this.accumulator.value)
  }

  apply(): void {
    this.quietly(() => this.accumulator.merge(this.local as never))
  }

  /** The task has succeeded and its result stands: what the user's merge throws is told, as in Spark, and no more. */
  private quietly(read: () => unknown): unknown {
    try {
      return read()
    } catch (error) {
      const { name = `${this.id}`, logger } = registrations.get(this.accumulator)!
      logger.error(`accumulator ${name} could not be updated: ${describeValue(error)}`, { error })
      return undefined
    }
  }
}
