/**
 * Pairs combined by key, within a budget.
 *
 *   table        keys are combined as they come, until the table is half of the budget
 *   after that   keys of the table are combined on; pairs of other keys are put aside, as they are, in runs by hash
 *   and then     if the table itself outgrows the budget, it is the first run, and all further pairs are put aside
 *   in the end   runs are merged, each key's pairs combined in the order in which they came, and what comes of it put
 *                in the order in which keys first appeared
 *
 * I1  The user's functions are called with the same values in the same order as without a budget, so the result is the same,
 *     also of functions that are not associative; and so is the order of keys.
 * Source: Spark ExternalAppendOnlyMap, which combines anew after each spill and gives keys by hash.
 */
import type { Chunk, ChunkSource } from '../data/chunk.ts'
import { hashKey } from '../data/hash.ts'
import { KeyTable } from '../data/key-table.ts'
import type { OperatorScope } from '../rdd/scope.ts'
import { type DrivenControl, drain, type Leg } from '../rdd/segment/drive.ts'
import type { CombineSink } from '../rdd/segment/plan.ts'
import { roughPairBytes } from '../storage/rough-size.ts'
import type { RunCursor } from './run.ts'
import { BY_NUMBER, ExternalSort, type Order } from './sort.ts'
import type { ShuffleDriver } from './task-memory.ts'

/** How pairs become combined values. */
export type Fold = Pick<CombineSink, 'create' | 'merge'>

/** Looks between two estimates of the table while it is small. */
const MAX_WAIT = 16

/** Fewer results than this are held in any case. */
const LEAST_RUN = 256

/** Equal keys have equal hashes. */
const BY_HASH: Order = {
  of: ({ keys }) => {
    const hashes = Int32Array.from(keys, hashKey)
    return (a, b) => hashes[a]! - hashes[b]!
  },
  cursors: (a, b) => hashKey(a.key) - hashKey(b.key),
}

/** See the file head. */
export class SpillingCombine {
  readonly table: KeyTable = new KeyTable()
  private readonly driver: ShuffleDriver
  private readonly scope: OperatorScope
  /** Pairs put aside, and the table where it was one too many. */
  private aside: ExternalSort | undefined
  /** The fold of each run; `undefined` for one whose values are combined already. */
  private readonly folds: (Fold | undefined)[] = []
  private fold: Fold | undefined
  /** Pairs so far that were put aside, after the keys of the table. */
  private nextNumber = 0
  private wait = 0
  private isHolding = true

  constructor(driver: ShuffleDriver, scope: OperatorScope) {
    this.driver = driver
    this.scope = scope
    driver.memory.take()
  }

  /** Combines what the legs give. Those of a later call come after those of an earlier one. */
  async add(legs: readonly Leg[], fold: Fold): Promise<void> {
    // A run has one way to be combined.
    await this.endRun()
    this.fold = fold
    const sink: CombineSink = {
      kind: 'combine',
      table: this.table,
      create: fold.create,
      merge: fold.merge,
      scope: this.scope,
      overflow: (key, value) => this.putAside(key, value),
    }
    await drain(legs, sink, this.driver, () => this.relieve())
  }

  /** All keys with what became of their pairs, in the order in which they appeared. */
  async finish(): Promise<ChunkSource> {
    await this.endRun()
    const { keys, values } = this.table
    const { aside } = this
    const rest = aside === undefined ? undefined : await this.combineRuns(aside)
    let first: Chunk | undefined = keys.length > 0 ? { kind: 'pairs', keys, values } : undefined
    return {
      next: () => {
        const chunk = first
        first = undefined
        return chunk ?? rest?.next() ?? this.close()
      },
      close: () => {
        first = undefined
        void rest?.close()
        this.close()
      },
    }
  }

  /** Lets go of what is held. */
  close(): undefined {
    if (this.isHolding) this.driver.memory.release()
    this.isHolding = false
    this.aside?.close()
    return undefined
  }

  private putAside(key: unknown, value: unknown): void {
    // Refuses what is no key, as the table would.
    if (typeof key !== 'string' && typeof key !== 'number') hashKey(key)
    this.startAside().add(this.nextNumber++, key, value)
  }

  private relieve(): Promise<void> | undefined {
    if (this.wait > 0) {
      this.wait--
      return undefined
    }
    const { table, aside } = this
    if (table.size > 0) {
      const bytes = roughPairBytes(table.keys, table.values)
      const { share } = this.driver.memory
      if (bytes > share) return this.spillTable()
      if (bytes > share / 2) table.maxKeys = table.size
      else if (bytes < share / 4 && aside === undefined) this.wait = MAX_WAIT
    }
    return aside?.isTooMuch() === true ? this.endRun() : undefined
  }

  private async spillTable(): Promise<void> {
    await this.endRun()
    const { table } = this
    // Numbers of keys are their places, below those of all that was put aside.
    const { numbers, keys, values } = this.startAside().pairs
    for (let slot = 0; slot < table.size; slot++) {
      numbers.push(slot)
      keys.push(table.keys[slot])
      values.push(table.values[slot])
    }
    table.clear()
    table.maxKeys = 0
    await this.aside!.spill()
    this.folds.push(undefined)
  }

  private startAside(): ExternalSort {
    if (this.aside === undefined) {
      this.aside = new ExternalSort(BY_HASH, this.driver)
      this.nextNumber = this.table.size
    }
    return this.aside
  }

  /** What was put aside becomes a run. */
  private async endRun(): Promise<void> {
    const { aside } = this
    if (aside === undefined || aside.pairs.keys.length === 0) return
    await aside.spill()
    this.folds.push(this.fold)
  }

  /** Combines each key's records of all runs. */
  private async combineRuns(aside: ExternalSort): Promise<ChunkSource> {
    const merge = aside.merge()
    const combined = new ExternalSort(BY_NUMBER, this.driver)
    const control = this.driver.control([this.scope, this.scope])
    try {
      let group = new Group(control)
      let hash: number | undefined
      for (let cursor = merge.next(); cursor !== undefined; cursor = merge.next()) {
        const next = hashKey(cursor.key)
        if (next !== hash) {
          group.moveTo(combined)
          const isDue = combined.pairs.keys.length >= LEAST_RUN
          const pause = (isDue ? combined.relieve() : undefined) ?? this.driver.breathe()
          if (pause !== undefined) await pause
          if (group.isLarge) group = new Group(control)
          hash = next
        }
        group.add(cursor, this.folds[cursor.index])
      }
      group.moveTo(combined)
      return await combined.finish()
    } catch (error) {
      combined.close()
      throw error
    }
  }
}

/** The keys of one hash. */
class Group {
  private readonly control: DrivenControl
  private readonly table = new KeyTable()
  /** When each key appeared first. */
  private readonly numbers: number[] = []

  constructor(control: DrivenControl) {
    this.control = control
  }

  get isLarge(): boolean {
    return this.table.size > 64
  }

  /** Folds a record in, as a segment would: operator 0 merges, operator 1 creates. */
  add({ key, value, number }: RunCursor, fold: Fold | undefined): void {
    const { table } = this
    const slot = table.slotOf(key)
    if (slot !== undefined) {
      const merge = fold!.merge as (combiner: unknown, value: unknown) => unknown
      table.values[slot] = this.call(0, value, () => merge(table.values[slot], value))
      return
    }
    const create = fold?.create as ((value: unknown) => unknown) | undefined
    const made = create === undefined ? value : this.call(1, value, () => create(value))
    table.insert(key)
    table.values.push(made)
    this.numbers.push(number)
  }

  private call(op: number, value: unknown, f: () => unknown): unknown {
    try {
      const result = f()
      if (result instanceof Promise) this.control.promiseReturned(op)
      return result
    } catch (error) {
      throw this.control.failed(error, op, value)
    }
  }

  moveTo(sort: ExternalSort): void {
    const { table, numbers } = this
    for (let slot = 0; slot < table.size; slot++)
      sort.add(numbers[slot]!, table.keys[slot], table.values[slot])
    table.clear()
    numbers.length = 0
  }
}
