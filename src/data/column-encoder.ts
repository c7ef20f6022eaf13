// Values of many rows → one column of the tightest kind that holds them all. The kind is found by one pass that writes
// as it goes and starts over with a wider kind at the first value that does not fit: int32 → float64 → nullable →
// generic. docs/reference/block-format.md has the layout of each kind.
import { type ByteWriter, withWriter } from './byte-writer.ts'
import { GenericEncoder, NOT_ENCODABLE } from './generic-encoder.ts'
import { recordShape } from './record-shape.ts'
import { accessorOf } from './special-object.ts'
import { dictionaryOf, unsignedRoom, writeStrings } from './string-column.ts'
import { isPlainArray, objectType } from './value-type.ts'

/** Kinds of columns. Numbers are part of the format. */
export const Kind = {
  /** One primitive for all rows. */
  constant: 0,
  /** A bit for each row. */
  boolean: 1,
  int32: 2,
  float64: 3,
  int64: 4,
  /** Ms as float64. */
  date: 5,
  string: 6,
  dictionary: 7,
  /** Arrays of one length: a column for each position. */
  tuple: 8,
  /** Arrays of any length: lengths and one column of all items. */
  list: 9,
  /** Plain records with the same names in the same order: a column for each. */
  record: 10,
  /** A bit for each row that has a value, and a column of those; the others are undefined, or null. */
  orUndefined: 11,
  orNull: 12,
  generic: 13,
} as const

/** The value of a constant column. */
export const Constant = { undefined: 0, null: 1, true: 2, false: 3, number: 4 } as const

/**
 * Rows of constant columns, empty tuples and empty records in one block, at most: they take no bytes, so without a
 * bound a few damaged bytes could ask for gigabytes. Beyond it, they are written as ordinary columns.
 */
export const MAX_FREE_ROWS: number = 2 ** 20

/** Longer tuples are lists: a column each would cost more than it gives. */
const MAX_TUPLE_WIDTH = 32
const MAX_RECORD_FIELDS = 1024
/** Columns inside columns; what lies deeper is generic. */
const MAX_COLUMN_DEPTH = 8
/** A cycle through lists would multiply their items at each level, before the generic column finds it. */
const MAX_DEEP_ITEMS = 2 ** 20
/** Above it, the generic column sees whether they fit a block at all. */
const MAX_ITEMS = 2 ** 27

/** Encodes the columns of one block. */
export class ColumnEncoder {
  readonly #writer: ByteWriter
  #freeRows = 0

  constructor(writer: ByteWriter) {
    this.#writer = writer
  }

  /** Writes the column of `values`. @throws NOT_ENCODABLE */
  column(values: readonly unknown[], depth: number): void {
    if (this.#typed(values, depth)) return
    if (values.length > 1 && this.#nullable(values, depth)) return
    this.#generic(values)
  }

  /** Writes the head of tuples of this width; their columns follow. */
  tupleHead(width: number): void {
    this.#writer.byte(Kind.tuple)
    this.#writer.varint(width)
  }

  #typed(values: readonly unknown[], depth: number): boolean {
    const first = values[0]
    switch (typeof first) {
      case 'number':
        return this.#int32(values, first) || this.#float64(values)
      case 'string':
        return this.#string(values)
      case 'boolean':
        return this.#boolean(values)
      case 'bigint':
        return this.#int64(values)
      case 'undefined':
        return this.#allSame(values, undefined) && this.#constant(values.length, Constant.undefined)
      case 'object':
        if (first === null) return this.#allSame(values, null) && this.#constant(values.length, Constant.null)
        if (depth >= MAX_COLUMN_DEPTH) return false
        if (Array.isArray(first)) return this.#arrays(values, depth)
        if (first instanceof Date) return this.#date(values)
        return this.#records(values, first, depth)
      default:
        throw NOT_ENCODABLE
    }
  }

  #int32(values: readonly unknown[], first: number): boolean {
    const writer = this.#writer
    const start = writer.at
    const count = values.length
    writer.byte(Kind.int32)
    const at = writer.room(count, 4)
    const column = new Int32Array(writer.bytes.buffer, at, count)
    let same = true
    for (let i = 0; i < count; i++) {
      const value = values[i]
      // -0 has no int32. (1 / value is looked at for zeros only.)
      if (typeof value !== 'number' || (value | 0) !== value || (value === 0 && 1 / value < 0)) {
        writer.at = start
        return false
      }
      if (value !== first) same = false
      column[i] = value
    }
    if (same && this.#mayBeFree(count)) {
      writer.at = start
      return this.#constant(count, Constant.number, first)
    }
    return true
  }

  #float64(values: readonly unknown[]): boolean {
    const writer = this.#writer
    const start = writer.at
    const count = values.length
    writer.byte(Kind.float64)
    const at = writer.room(count, 8)
    const column = new Float64Array(writer.bytes.buffer, at, count)
    for (let i = 0; i < count; i++) {
      const value = values[i]
      if (typeof value !== 'number') {
        writer.at = start
        return false
      }
      column[i] = value
    }
    return true
  }

  #int64(values: readonly unknown[]): boolean {
    const writer = this.#writer
    const start = writer.at
    const count = values.length
    writer.byte(Kind.int64)
    const at = writer.room(count, 8)
    const column = new BigInt64Array(writer.bytes.buffer, at, count)
    for (let i = 0; i < count; i++) {
      const value = values[i]
      if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) {
        writer.at = start
        return false
      }
      column[i] = value
    }
    return true
  }

  #date(values: readonly unknown[]): boolean {
    const writer = this.#writer
    const start = writer.at
    const count = values.length
    writer.byte(Kind.date)
    const at = writer.room(count, 8)
    const column = new Float64Array(writer.bytes.buffer, at, count)
    for (let i = 0; i < count; i++) {
      const value = values[i]
      if (typeof value !== 'object' || value === null || objectType(value) !== 'date') {
        writer.at = start
        return false
      }
      column[i] = (value as Date).getTime()
    }
    return true
  }

  #boolean(values: readonly unknown[]): boolean {
    const writer = this.#writer
    const start = writer.at
    const count = values.length
    const first = values[0] as boolean
    if (this.#allSame(values, first)) return this.#constant(count, first ? Constant.true : Constant.false)
    writer.byte(Kind.boolean)
    const at = this.#bits(count)
    const bytes = writer.bytes
    for (let i = 0; i < count; i++) {
      const value = values[i]
      if (typeof value !== 'boolean') {
        writer.at = start
        return false
      }
      if (value) bytes[at + (i >>> 3)]! |= 1 << (i & 7)
    }
    return true
  }

  #string(values: readonly unknown[]): boolean {
    for (let i = 0; i < values.length; i++) if (typeof values[i] !== 'string') return false
    const strings = values as readonly string[]
    const dictionary = dictionaryOf(strings)
    if (dictionary === undefined) {
      this.#writer.byte(Kind.string)
      writeStrings(this.#writer, strings)
      return true
    }
    this.#writer.byte(Kind.dictionary)
    this.#writer.varint(dictionary.words.length)
    writeStrings(this.#writer, dictionary.words)
    unsignedRoom(this.#writer, strings.length, dictionary.words.length - 1).set(dictionary.indices)
    return true
  }

  #arrays(values: readonly unknown[], depth: number): boolean {
    const count = values.length
    const width = (values[0] as readonly unknown[]).length
    let sameWidth = true
    let items = 0
    let longest = 0
    for (let i = 0; i < count; i++) {
      const value = values[i]
      if (!isPlainArray(value)) return false
      const length = value.length
      if (length !== width) sameWidth = false
      if (length > longest) longest = length
      items += length
    }
    const rows = values as readonly (readonly unknown[])[]
    if (sameWidth && width <= MAX_TUPLE_WIDTH) return this.#tuples(rows, width, depth)
    if (items > (depth > 1 ? MAX_DEEP_ITEMS : MAX_ITEMS)) return false
    this.#writer.byte(Kind.list)
    const lengths = unsignedRoom(this.#writer, count, longest)
    const all = new Array<unknown>(items)
    let at = 0
    for (let i = 0; i < count; i++) {
      const row = rows[i]!
      const length = row.length
      lengths[i] = length
      for (let j = 0; j < length; j++) all[at++] = row[j]
    }
    this.column(all, depth + 1)
    return true
  }

  #tuples(rows: readonly (readonly unknown[])[], width: number, depth: number): boolean {
    if (width === 0 && !this.#takeFree(rows.length)) return false
    this.tupleHead(width)
    for (let c = 0; c < width; c++) {
      const column = new Array<unknown>(rows.length)
      for (let i = 0; i < rows.length; i++) column[i] = rows[i]![c]
      this.column(column, depth + 1)
    }
    return true
  }

  #records(values: readonly unknown[], first: object, depth: number): boolean {
    // Its names would be one for each of its items.
    if (ArrayBuffer.isView(first)) return false
    const names = Object.keys(first)
    if (names.length > MAX_RECORD_FIELDS || !haveNames(values, names)) return false
    const rows = values as readonly object[]
    // Rows of one shape nearly always come from one place in the program, so a few tell whether it uses getters.
    for (const i of [0, rows.length >>> 1, rows.length - 1]) {
      if (accessorOf(rows[i]!) !== undefined) throw NOT_ENCODABLE
    }
    if (names.length === 0 && !this.#takeFree(rows.length)) return false
    this.#writer.byte(Kind.record)
    this.#writer.varint(names.length)
    writeStrings(this.#writer, names)
    for (const column of recordShape(names).split(rows)) this.column(column, depth + 1)
    return true
  }

  #nullable(values: readonly unknown[], depth: number): boolean {
    let undefineds = 0
    let nulls = 0
    for (let i = 0; i < values.length; i++) {
      const value = values[i]
      if (value === undefined) undefineds++
      else if (value === null) nulls++
    }
    // Neither, both, or nothing else: no case for this kind.
    const missing = undefineds + nulls
    if (undefineds > 0 === nulls > 0 || missing === values.length) return false
    this.#writer.byte(undefineds > 0 ? Kind.orUndefined : Kind.orNull)
    const at = this.#bits(values.length)
    const bytes = this.#writer.bytes
    const present: unknown[] = []
    for (let i = 0; i < values.length; i++) {
      const value = values[i]
      if (value === undefined || value === null) continue
      bytes[at + (i >>> 3)]! |= 1 << (i & 7)
      present.push(value)
    }
    this.column(present, depth)
    return true
  }

  #generic(values: readonly unknown[]): void {
    withWriter(stream => {
      const encoder = new GenericEncoder(stream)
      for (let i = 0; i < values.length; i++) encoder.value(values[i])
      const writer = this.#writer
      writer.byte(Kind.generic)
      writer.varint(encoder.strings.length)
      this.column(encoder.strings, 0)
      writer.varint(encoder.names.length)
      writeStrings(writer, encoder.names)
      writer.raw(stream.bytes.subarray(0, stream.at))
    })
  }

  #constant(count: number, constant: number, value = 0): boolean {
    if (!this.#takeFree(count)) return false
    this.#writer.byte(Kind.constant)
    this.#writer.byte(constant)
    if (constant === Constant.number) this.#writer.float64(value)
    return true
  }

  #allSame(values: readonly unknown[], value: unknown): boolean {
    for (let i = 0; i < values.length; i++) if (values[i] !== value) return false
    return this.#mayBeFree(values.length)
  }

  #mayBeFree(rows: number): boolean {
    return this.#freeRows + rows <= MAX_FREE_ROWS
  }

  #takeFree(rows: number): boolean {
    if (!this.#mayBeFree(rows)) return false
    this.#freeRows += rows
    return true
  }

  #bits(count: number): number {
    const size = (count + 7) >>> 3
    const at = this.#writer.room(size, 1)
    this.#writer.bytes.fill(0, at, at + size)
    return at
  }
}

/** True when all are plain records of this realm with exactly these own enumerable names, in this order. */
function haveNames(values: readonly unknown[], names: readonly string[]): boolean {
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (typeof value !== 'object' || value === null) return false
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype !== Object.prototype && prototype !== null) return false
    let c = 0
    // for-in lists no array, unlike Object.keys; inherited names can only come from a changed Object.prototype.
    for (const name in value) if (name !== names[c++]) return false
    if (c !== names.length) return false
  }
  return true
}
