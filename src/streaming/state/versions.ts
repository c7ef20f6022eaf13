/**
 * The versions of one stateful operator: for each partition a sequence of immutable tables, one a batch.
 *
 * All versions of a partition share the index of keys, which only grows; a version is one column of values, `ABSENT` where a key is
 * not. So the version before stays readable while the next one is made, and a failure in between leaves nothing behind.
 *
 *   index    ann bob cid dan
 *   t = 1     3   1
 *   t = 2     4   –   1
 *   t = 3     4   –   2   7
 *
 * I1  A version, once there, never changes; making it again is refused: `advance` returns at once.
 * I2  A partition's versions are made one at a time, in order of time.
 * I3  Values that a program could change are kept as copies, and handed out as copies.
 * Cost: a column copy a version, besides the keys touched; the index is made anew when most of its keys are absent.
 */
import { KindlingError } from '../../base/errors.ts'
import type { Chunk, ChunkSource } from '../../data/chunk.ts'
import { copyValue, isImmutable } from '../../data/codec.ts'
import { KeyTable } from '../../data/key-table.ts'
import type { StateNode, StateTask, StateVersions } from '../../rdd/nodes.ts'

/** Stands where a key has no state in a version. */
export const ABSENT: unique symbol = Symbol('absent')

/** A value that is kept but not part of the version's records: a key filtered out while its window still holds it. */
export class Hidden {
  readonly value: unknown

  constructor(value: unknown) {
    this.value = value
  }
}

/** The keys of a partition by slot; shared by its versions. */
export type KeyIndex = KeyTable<true>

/** One version of one partition. */
export interface StateTable {
  readonly index: KeyIndex
  /** By slot; shorter than the index where later versions added keys. */
  readonly values: readonly unknown[]
  /** By slot: how many batches of the window have the key; only where that is needed. */
  readonly counts?: readonly number[]
  /** Keys that are there and not hidden. */
  readonly size: number
}

/** Makes the next version: `previous` is `undefined` for the first one. */
export type Advance = (
  previous: StateTable | undefined,
  inputs: readonly ChunkSource[],
  node: StateNode,
  partition: number,
  task: StateTask,
) => Promise<StateTable>

/** Below this, absent keys are not worth a new index. */
const COMPACT_FROM = 1024

/** See the file head. */
export class VersionedState implements StateVersions {
  private readonly tables = new Map<number, (StateTable | undefined)[]>()
  private readonly making = new Map<string, Promise<void>>()
  private readonly numPartitions: number
  private readonly advanceTable: Advance
  private readonly name: string

  constructor(name: string, numPartitions: number, advance: Advance) {
    this.name = name
    this.numPartitions = numPartitions
    this.advanceTable = advance
  }

  has(time: number, partition: number): boolean {
    return this.tables.get(time)?.[partition] !== undefined
  }

  complete(time: number): boolean {
    const partitions = this.tables.get(time)
    if (partitions === undefined) return false
    for (let p = 0; p < this.numPartitions; p++) if (partitions[p] === undefined) return false
    return true
  }

  async advance(
    node: StateNode,
    partition: number,
    inputs: readonly ChunkSource[],
    task: StateTask,
  ): Promise<void> {
    const key = `${node.time}/${partition}`
    for (;;) {
      if (this.has(node.time, partition)) return
      const underway = this.making.get(key)
      if (underway === undefined) break
      await underway.catch(() => {})
    }
    const made = this.make(node, partition, inputs, task)
    this.making.set(key, made)
    try {
      await made
    } finally {
      this.making.delete(key)
    }
  }

  private async make(
    node: StateNode,
    partition: number,
    inputs: readonly ChunkSource[],
    task: StateTask,
  ): Promise<void> {
    const { previous } = node
    const before = previous === undefined ? undefined : this.table(previous.time, partition)
    const table = await this.advanceTable(before, inputs, node, partition, task)
    let partitions = this.tables.get(node.time)
    if (partitions === undefined) {
      partitions = new Array(this.numPartitions).fill(undefined)
      this.tables.set(node.time, partitions)
    }
    partitions[partition] = table
    if (!this.complete(node.time)) return
    // The version stands by itself now: what it was made of may go.
    node.previous = undefined
    node.inputs = []
  }

  /** @throws STATE_VERSION_FORGOTTEN */
  private table(time: number, partition: number): StateTable {
    const table = this.tables.get(time)?.[partition]
    if (table !== undefined) return table
    const oldest = Math.min(...this.tables.keys())
    throw new KindlingError('STATE_VERSION_FORGOTTEN', {
      operator: this.name,
      time: `${time} ms`,
      oldest: `${oldest} ms`,
    })
  }

  read(time: number, partition: number): Chunk {
    const { index, values, size } = this.table(time, partition)
    if (size === values.length)
      return { kind: 'pairs', keys: index.keys.slice(0, values.length), values: values.map(handedOut) }
    const keys: unknown[] = []
    const present: unknown[] = []
    for (let slot = 0; slot < values.length; slot++) {
      const value = values[slot]
      if (!isShown(value)) continue
      keys.push(index.keys[slot])
      present.push(handedOut(value))
    }
    return { kind: 'pairs', keys, values: present }
  }

  /** Drops versions that nothing remembers; the newest always stays, as the next one is made from it. */
  forget(times: readonly number[]): void {
    const newest = Math.max(...this.tables.keys())
    for (const time of times) if (time !== newest) this.tables.delete(time)
    // A newest version that was asked to go earlier goes as soon as it is not the newest any more.
    const oldestAsked = Math.max(...times)
    for (const time of this.tables.keys())
      if (time <= oldestAsked && time !== newest) this.tables.delete(time)
  }

  /** Versions held, for tests and status. */
  get held(): number {
    return this.tables.size
  }
}

function isShown(value: unknown): boolean {
  return value !== ABSENT && !(value instanceof Hidden)
}

/** A copy where the program could change it. */
export function handedOut<T>(value: T): T {
  return isImmutable(value) ? value : copyValue(value)
}

/** The column of the next version, as a draft: all that the version before has. */
export class Draft {
  readonly index: KeyIndex
  readonly values: unknown[]
  readonly counts: number[]
  private size: number

  constructor(previous: StateTable | undefined) {
    this.index = previous?.index ?? new KeyTable<true>()
    this.values = previous?.values.slice() ?? []
    this.counts = previous?.counts?.slice() ?? []
    this.size = previous?.size ?? 0
  }

  /** The slot of a key, added when it is new. */
  slot(key: unknown): number {
    const known = this.index.slotOf(key)
    if (known !== undefined) return known
    const slot = this.index.insert(key)
    this.index.values.push(true)
    return slot
  }

  /** The kept value, not to be handed to user code; `ABSENT` when there is none. */
  get(slot: number): unknown {
    return slot < this.values.length ? this.values[slot] : ABSENT
  }

  /** Keeps a copy of `value` (a hidden one as it is), or drops the key. @throws RECORD_NOT_ENCODABLE */
  set(slot: number, value: unknown): void {
    while (this.values.length <= slot) this.values.push(ABSENT)
    const kept = value === ABSENT || value instanceof Hidden ? value : handedOut(value)
    this.size += Number(isShown(kept)) - Number(isShown(this.values[slot]))
    this.values[slot] = kept
  }

  /** The finished version, over a new index when most keys are absent. */
  finish(): StateTable {
    const { index, values, counts, size } = this
    if (values.length < COMPACT_FROM || size * 2 > values.length) return { index, values, counts, size }
    const compact = new KeyTable<true>()
    const present: unknown[] = []
    const presentCounts: number[] = []
    for (let slot = 0; slot < values.length; slot++) {
      if (values[slot] === ABSENT) continue
      compact.insert(index.keys[slot])
      compact.values.push(true)
      present.push(values[slot])
      if (slot < counts.length) presentCounts.push(counts[slot]!)
    }
    return { index: compact, values: present, counts: presentCounts, size }
  }
}
