/**
 * The state of one partition: the newest version in place, and a journal by which older ones can be read.
 *
 *   slots     ann bob cid dan          journal (oldest first)
 *   values     4   –   2   7           end of t=1 │ ann was 3 · bob was 1 · cid was absent │ end of t=2 │ cid was 1 · dan was absent
 *
 * A version is made by changing slots in place; what a slot held before goes into the journal first. So making a version costs what
 * it touches, a failure is undone from the journal's end, and a reader of an older version finds what has changed since in it.
 *
 * I1  Between versions the journal ends at the end of the newest version.
 * I2  A reader sees one version, also while later ones are made, undone or forgotten: it takes in the journal before each chunk, and
 *     before any of it is undone or dropped.
 * I3  The journal has a slot once for each version that changed it: what it held before the first of these changes.
 * Cost: 13 bytes and the value in the journal for each slot that a version changes, as long as the version before it is remembered.
 */

import { ArenaIndex, LOOKUP_BLOCK } from '../../data/arena-index.ts'
import type { ChunkSource } from '../../data/chunk.ts'
import { copyValue, isImmutable } from '../../data/codec.ts'
import { ValueColumn } from '../../data/value-column.ts'
import { Segment, VersionReader } from './journal.ts'
import { ABSENT, HIDDEN, PRESENT, type RowSource, type SlotRows, type Slots } from './slots.ts'

/** The end of a version in the journal, counted from the first change ever. */
export interface VersionEnd {
  readonly time: number
  readonly end: number
  /** Its segment, counted from the first one ever: versions that changed nothing end at the same place. */
  readonly segment: number
}

const CHUNK = 2048
/** Slots of an image that are read at once. */
const IMAGE_CHUNK = 8192
/** Fewer absent slots than this are not worth a new table. */
const COMPACT_FROM = 1024

/** See the file head. */
export class StateTable implements Slots {
  readonly index: ArenaIndex = new ArenaIndex()
  private readonly values = new ValueColumn()
  /** Slots that were changed since the last image; and how many slots that has. */
  private changed: Uint8Array = new Uint8Array(1024)
  private imaged = 0
  private flags: Uint8Array = new Uint8Array(1024)
  /** For each slot the serial number of the last version that noted in the journal what it held. */
  private noted: Uint32Array = new Uint32Array(1024)
  private serial = 1
  /** A number beside each value: when it was updated, or how many batches of a window have the key. */
  private marks: Float64Array = new Float64Array(1024)
  /** One segment for each version, and a last one for the version that is being made. */
  private readonly journal: Segment[] = [new Segment(0, 256)]
  /** Segments that were dropped. */
  private forgotten = 0
  private readonly readers = new Set<VersionReader>()
  /** Slots that are present; and those that are hidden. */
  private shown = 0
  private hidden = 0

  /** Keys in the newest version. */
  get size(): number {
    return this.shown
  }

  /** Whether most slots hold nothing, so that a new table is worth its making. */
  get isSparse(): boolean {
    const { size } = this.index
    return size >= COMPACT_FROM && (this.shown + this.hidden) * 2 < size
  }

  /** How often changes were taken back: what was found out about the table before may be wrong. */
  undone = 0

  private get current(): Segment {
    return this.journal.at(-1)!
  }

  flag(slot: number): number {
    return slot < this.flags.length ? this.flags[slot]! : ABSENT
  }

  mark(slot: number): number {
    return this.marks[slot]!
  }

  /** A copy of what a present or hidden slot holds. */
  value(slot: number): unknown {
    return this.values.get(slot)
  }

  /** The key of a slot, as user code may have it. */
  key(slot: number): unknown {
    const key = this.index.keyAt(slot)
    return isImmutable(key) ? key : copyValue(key)
  }

  /** Sets what a slot holds. @throws RECORD_NOT_ENCODABLE, and the slot is as it was */
  put(slot: number, value: unknown, mark = 0, flag: number = PRESENT): void {
    if (slot >= this.flags.length) this.grow(slot)
    const before = this.flags[slot]!
    if (before === flag && this.marks[slot] === mark && this.values.isSame(slot, value)) return
    const isFirst = this.note(slot)
    try {
      this.values.set(slot, value)
    } catch (error) {
      if (isFirst) this.unnote(slot)
      throw error
    }
    this.marks[slot] = mark
    this.setFlag(slot, flag)
  }

  /** Sets the mark of a slot that holds something. */
  putMark(slot: number, mark: number): void {
    if (this.marks[slot] === mark) return
    this.note(slot)
    this.marks[slot] = mark
  }

  /** The slot holds nothing from now on. */
  drop(slot: number): void {
    if (this.flag(slot) === ABSENT) return
    this.note(slot)
    this.setFlag(slot, ABSENT)
  }

  private setFlag(slot: number, flag: number): void {
    const before = this.flags[slot]!
    this.shown += Number(flag === PRESENT) - Number(before === PRESENT)
    this.hidden += Number(flag === HIDDEN) - Number(before === HIDDEN)
    this.flags[slot] = flag
  }

  /** Before a slot is changed. Only what it held before the first change of a version matters to anyone. */
  private note(slot: number): boolean {
    if (this.noted[slot] === this.serial) return false
    this.noted[slot] = this.serial
    this.changed[slot] = 1
    this.current.add(slot, this.flags[slot]!, this.marks[slot]!, this.values)
    return true
  }

  /** The last slot noted was not changed after all. */
  private unnote(slot: number): void {
    this.noted[slot] = 0
    this.current.dropLast()
  }

  private nextSerial(): void {
    if (this.serial === 0xffffffff) {
      this.noted.fill(0)
      this.serial = 0
    }
    this.serial++
  }

  private grow(slot: number): void {
    const capacity = Math.max(slot + 1, this.flags.length * 2)
    const flags = new Uint8Array(capacity)
    flags.set(this.flags)
    this.flags = flags
    const changed = new Uint8Array(capacity)
    changed.set(this.changed)
    this.changed = changed
    const marks = new Float64Array(capacity)
    marks.set(this.marks)
    this.marks = marks
    const noted = new Uint32Array(capacity)
    noted.set(this.noted)
    this.noted = noted
  }

  /** Takes back all changes since the newest version, the latest first. */
  undo(): void {
    for (const reader of this.readers) reader.catchUp()
    const latest = this.current
    this.undone++
    for (let i = latest.count - 1; i >= 0; i--) {
      const slot = latest.slots[i]!
      const flag = latest.flags[i]!
      if (flag !== ABSENT) this.values.setFrom(slot, latest.values, i)
      this.marks[slot] = latest.marks[i]!
      this.setFlag(slot, flag)
    }
    latest.count = 0
    this.nextSerial()
    for (const reader of this.readers) reader.stepBack(latest.start)
  }

  /** Takes back the newest version; nothing has been changed since. The one before it is the newest again. */
  undoVersion(): void {
    this.journal.pop()
    this.undo()
  }

  /** What was changed since the version before is the newest version. */
  endVersion(time: number): VersionEnd {
    const { end, count } = this.current
    this.nextSerial()
    const segment = this.forgotten + this.journal.length - 1
    this.journal.push(new Segment(end, Math.max(256, count)))
    return { time, end, segment }
  }

  /** Forgets how versions older than this one can be read. */
  forgetBefore(version: VersionEnd): void {
    for (const reader of this.readers) reader.catchUp()
    for (; this.forgotten <= version.segment; this.forgotten++) this.journal.shift()
  }

  /** The records of a version, chunk by chunk, in order of slots. */
  read(version: VersionEnd): ChunkSource {
    const rows = this.rowsOf(version, CHUNK, flag => flag === PRESENT)
    return {
      next() {
        for (let chunk = rows.next(); chunk !== undefined; chunk = rows.next())
          if (chunk.keys.length > 0) return { kind: 'pairs', keys: chunk.keys, values: chunk.values }
        return undefined
      },
      close: () => rows.close(),
    }
  }

  /**
   * All slots of a version in order, also those that hold nothing: a table that takes them in gives every key the slot that it has
   * here. The version is held from now on, until the end is reached.
   *
   * @param sinceLast only what was changed since the last call, for a table that has taken in what that gave
   */
  image(version: VersionEnd, sinceLast = false): RowSource {
    const { changed, imaged } = this
    this.changed = new Uint8Array(changed.length)
    this.imaged = this.index.size
    // What later versions have changed already is for the next image.
    for (const segment of this.journal)
      for (let i = Math.max(0, version.end - segment.start); i < segment.count; i++)
        this.changed[segment.slots[i]!] = 1
    return this.rowsOf(version, IMAGE_CHUNK, (_, slot) => !sinceLast || slot >= imaged || changed[slot] === 1)
  }

  /** All slots of the newest version, in order. */
  allSlots(): SlotRows {
    return this.latest(new Int32Array(), 0)
  }

  /**
   * What the newest version changed of the first `known` slots, and all slots after them: a table with the former that takes these
   * rows in is as this one.
   */
  latestChanges(known: number): SlotRows {
    const { slots, count } = this.journal.at(-2)!
    return this.latest(
      slots.subarray(0, count).filter(slot => slot < known),
      known,
    )
  }

  /** Chosen slots, and those from `from` on. */
  private latest(chosen: Int32Array, from: number): SlotRows {
    const rows: SlotRows = { slots: [], keys: [], values: [], flags: [], marks: [] }
    const add = (slot: number): void => {
      const flag = this.flag(slot)
      rows.slots.push(slot)
      rows.keys.push(this.index.keyAt(slot))
      rows.values.push(flag === ABSENT ? undefined : this.value(slot))
      rows.flags.push(flag)
      rows.marks.push(flag === ABSENT ? 0 : this.marks[slot]!)
    }
    for (const slot of chosen) add(slot)
    for (let slot = from; slot < this.index.size; slot++) add(slot)
    return rows
  }

  /** How many slots the next image since the last would have. */
  get changes(): number {
    let count = this.index.size - this.imaged
    for (let slot = 0; slot < this.imaged; slot++) count += this.changed[slot]!
    return count
  }

  private rowsOf(
    version: VersionEnd,
    size: number,
    wanted: (flag: number, slot: number) => boolean,
  ): RowSource {
    const reader = new VersionReader(this, this.journal, version.end)
    this.readers.add(reader)
    let from = 0
    const close = (): void => {
      from = Number.POSITIVE_INFINITY
      this.readers.delete(reader)
    }
    return {
      next: () => {
        if (from >= this.index.size) {
          close()
          return undefined
        }
        const to = Math.min(from + size, this.index.size)
        const rows = reader.rows(from, to, wanted)
        from = to
        return rows
      },
      close,
    }
  }

  /** Takes in slots of an image, in its order, before there is any version; of several of one key the last counts. Gives their slots here. */
  adoptRows({ keys, values, flags, marks }: SlotRows): Int32Array {
    const slots = new Int32Array(keys.length)
    for (let from = 0; from < keys.length; from += LOOKUP_BLOCK) {
      const to = Math.min(from + LOOKUP_BLOCK, keys.length)
      this.index.slotsOf(keys, from, to, slots.subarray(from))
    }
    if (this.index.size > this.flags.length) this.grow(this.index.size - 1)
    for (let row = 0; row < slots.length; row++) {
      const slot = slots[row]!
      if (flags[row] !== ABSENT) this.values.set(slot, values[row])
      this.marks[slot] = marks[row]!
      this.setFlag(slot, flags[row]!)
    }
    return slots
  }

  /** A table with the newest version's keys only, in the same order. */
  async compacted(breathe: () => Promise<void> | undefined): Promise<StateTable> {
    const table = new StateTable()
    for (let slot = 0; slot < this.index.size; slot++) {
      const flag = this.flag(slot)
      if (flag !== ABSENT) table.adopt(this, slot, flag)
      const pause = (slot & 1023) === 0 ? breathe() : undefined
      if (pause !== undefined) await pause
    }
    return table
  }

  private adopt(from: StateTable, fromSlot: number, flag: number): void {
    const slot = this.index.slotOf(from.index.keyAt(fromSlot))
    if (slot >= this.flags.length) this.grow(slot)
    this.values.setFrom(slot, from.values, fromSlot)
    this.marks[slot] = from.marks[fromSlot]!
    this.setFlag(slot, flag)
  }
}
