/**
 * How a window without an inverse function moves the table of a partition on: panes enter and leave, and the results that they change
 * are put into the table.
 *
 * In a file of its own: workers import it.
 */
import { KindlingError } from '../../base/errors.ts'
import type { ChunkSource } from '../../data/chunk.ts'
import { copyValue, isImmutable } from '../../data/codec.ts'
import type { StateTask } from '../../rdd/nodes.ts'
import { eachSlot } from './pairs.ts'
import { type Pane, PaneWindow } from './pane-window.ts'
import type { StateTable } from './state-table.ts'
import type { Advance, Before } from './table-partition.ts'

export type AnyReduce = (a: unknown, b: unknown) => unknown

/** What a version is made with. */
export interface PaneDetail {
  /** The batch times of its inputs. */
  readonly times: readonly number[]
}

/** Moves the table of one partition on. A window of `windowMs` has at most `length` batches of one interval. */
export function slidePanes(reduce: AnyReduce, length: number, windowMs: number): Advance {
  const panes = new PartitionPanes(noPromise(reduce), length)
  return async (table, inputs, { time, detail, before }, task) => {
    const entering = await readPanes(table, inputs, (detail as PaneDetail).times, task)
    return { panes: await panes.slide({ table, before, entering, start: time - windowMs }, task) }
  }
}

async function readPanes(
  table: StateTable,
  inputs: readonly ChunkSource[],
  times: readonly number[],
  task: StateTask,
): Promise<Pane[]> {
  const panes: Pane[] = []
  for (let i = 0; i < inputs.length; i++) {
    const slots: number[] = []
    const values: unknown[] = []
    await eachSlot(inputs[i]!, table, task, (slot, value) => {
      slots.push(slot)
      values.push(isImmutable(value) ? value : copyValue(value))
    })
    panes.push({ time: times[i]!, slots: Int32Array.from(slots), values })
  }
  return panes
}

/** One step of a window: the version that it begins with, and what comes in and goes. */
interface Slide {
  readonly table: StateTable
  readonly before: Before | undefined
  readonly entering: readonly Pane[]
  /** Panes up to this time leave. */
  readonly start: number
}

/** The panes of one partition, in step with the newest version of its table. */
class PartitionPanes {
  private readonly reduce: AnyReduce
  private readonly length: number
  private table: StateTable | undefined
  private window: PaneWindow
  /** The panes that `window` holds; none while it is being changed. */
  private content: readonly Pane[] | undefined
  /** By slot: the last slide that put its result; most keys both enter and leave. */
  private visited: Int32Array = new Int32Array(256)
  private round = 0

  constructor(reduce: AnyReduce, length: number) {
    this.reduce = reduce
    this.length = length
    this.window = new PaneWindow(reduce, length)
  }

  /** Drops old panes, takes in new ones, and puts the results that change into the table. Gives the panes of the window. */
  async slide({ table, before, entering, start }: Slide, task: StateTask): Promise<readonly Pane[]> {
    let slot = 0
    try {
      if (table !== this.table || this.content === undefined || this.content !== before?.panes)
        this.rebuild(table, before)
      this.content = undefined
      this.round++
      const { window } = this
      const touched: Int32Array[] = []
      const keep = (pane: Pane): boolean => pane.time > start
      for (const pane of entering) {
        slot = pane.slots[0] ?? slot
        if (keep(pane)) window.insert(pane)
        touched.push(pane.slots)
        const pause = task.breathe()
        if (pause !== undefined) await pause
      }
      while (window.content[0] !== undefined && !keep(window.content[0])) touched.push(window.evict().slots)
      for (const slots of touched) {
        for (let i = 0; i < slots.length; i++) {
          slot = slots[i]!
          if (!this.isFirstVisit(slot)) continue
          if (window.has(slot)) table.put(slot, window.result(slot))
          else table.drop(slot)
          const pause = (i & 255) === 0 ? task.breathe() : undefined
          if (pause !== undefined) await pause
        }
      }
      this.content = window.content.slice()
      return this.content
    } catch (error) {
      throw task.failed(error, table.index.size > slot ? table.key(slot) : undefined)
    }
  }

  private isFirstVisit(slot: number): boolean {
    if (slot >= this.visited.length) {
      const visited = new Int32Array(Math.max(slot + 1, this.visited.length * 2))
      visited.set(this.visited)
      this.visited = visited
    }
    if (this.visited[slot] === this.round) return false
    this.visited[slot] = this.round
    return true
  }

  /** For a table with other slots, after a failure, or after a restart. Cost: the entries of the window. */
  private rebuild(table: StateTable, before: Before | undefined): void {
    this.table = table
    this.window = new PaneWindow(this.reduce, this.length)
    if (before === undefined) return
    const old = before.table
    for (const pane of before.panes) {
      const slots =
        old === table ? pane.slots : pane.slots.map(slot => table.index.slotOf(old.index.keyAt(slot)))
      this.window.insert({ ...pane, slots })
    }
  }
}

function noPromise(reduce: AnyReduce): AnyReduce {
  return (a, b) => {
    const value = reduce(a, b)
    if (!(value instanceof Promise)) return value
    throw new KindlingError('PROMISE_RETURNED', {
      operation: 'reduceByKeyAndWindow',
      instead: 'foreachRDD, which may be async,',
    })
  }
}
