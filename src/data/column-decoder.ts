import { type ByteReader, blockDamaged } from './byte-reader.ts'
import { Constant, Kind, MAX_FREE_ROWS } from './column-encoder.ts'
import { GenericDecoder } from './generic-decoder.ts'
import { recordShape } from './record-shape.ts'
import { readStrings, readUnsigned } from './string-column.ts'

/** Deeper than any encoder goes, nullable columns and the strings of a generic one included. */
const MAX_DEPTH = 24
/** More would not fit an array. */
const MAX_ITEMS = 2 ** 31

/** Decodes the columns of one block; the reverse of ColumnEncoder. */
export class ColumnDecoder {
  readonly #reader: ByteReader
  #freeRows = 0

  constructor(reader: ByteReader) {
    this.#reader = reader
  }

  /** The values of the next column, in an array of their own. @throws BLOCK_DAMAGED @throws CLASS_NOT_REGISTERED */
  column(count: number, depth: number): unknown[] {
    const kind = this.#reader.byte()
    if (depth > MAX_DEPTH) throw blockDamaged('columns nested too deep')
    switch (kind) {
      case Kind.constant:
        return this.#constant(count)
      case Kind.boolean:
        return this.#boolean(count)
      case Kind.int32: {
        const { buffer, offset } = this.#reader.items(count, 4)
        return plainArray(new Int32Array(buffer, offset, count))
      }
      case Kind.float64: {
        const { buffer, offset } = this.#reader.items(count, 8)
        return plainArray(new Float64Array(buffer, offset, count))
      }
      case Kind.int64: {
        const { buffer, offset } = this.#reader.items(count, 8)
        return Array.from(new BigInt64Array(buffer, offset, count))
      }
      case Kind.date: {
        const { buffer, offset } = this.#reader.items(count, 8)
        const ms = new Float64Array(buffer, offset, count)
        const dates = new Array<Date>(count)
        for (let i = 0; i < count; i++) dates[i] = new Date(ms[i]!)
        return dates
      }
      case Kind.string:
        return readStrings(this.#reader, count)
      case Kind.dictionary:
        return this.#dictionary(count)
      case Kind.tuple:
        return zipTuples(this.tupleColumns(count, depth), count)
      case Kind.list:
        return this.#list(count, depth)
      case Kind.record:
        return this.#record(count, depth)
      case Kind.orUndefined:
        return this.#nullable(count, undefined, depth)
      case Kind.orNull:
        return this.#nullable(count, null, depth)
      case Kind.generic:
        return this.#generic(count, depth)
      default:
        throw blockDamaged(`unknown kind of column ${kind} at ${this.#reader.at - 1}`)
    }
  }

  /** The columns of tuples, after their kind byte. */
  tupleColumns(count: number, depth: number): unknown[][] {
    const width = this.#reader.count()
    if (width === 0) this.#takeFree(count)
    const columns: unknown[][] = []
    for (let c = 0; c < width; c++) columns.push(this.column(count, depth + 1))
    return columns
  }

  #constant(count: number): unknown[] {
    this.#takeFree(count)
    const constant = this.#reader.byte()
    switch (constant) {
      case Constant.undefined:
        return new Array<unknown>(count).fill(undefined)
      case Constant.null:
        return new Array<unknown>(count).fill(null)
      case Constant.true:
        return new Array<unknown>(count).fill(true)
      case Constant.false:
        return new Array<unknown>(count).fill(false)
      case Constant.number:
        return new Array<unknown>(count).fill(this.#reader.float64())
      default:
        throw blockDamaged(`unknown constant ${constant}`)
    }
  }

  #boolean(count: number): unknown[] {
    const bits = this.#reader.raw((count + 7) >>> 3)
    const values = new Array<boolean>(count)
    for (let i = 0; i < count; i++) values[i] = (bits[i >>> 3]! & (1 << (i & 7))) !== 0
    return values
  }

  #dictionary(count: number): unknown[] {
    const words = readStrings(this.#reader, this.#reader.count())
    const indices = readUnsigned(this.#reader, count)
    const values = new Array<string>(count)
    for (let i = 0; i < count; i++) {
      const index = indices[i]!
      if (index >= words.length) throw blockDamaged(`word ${index} of a dictionary of ${words.length}`)
      values[i] = words[index]!
    }
    return values
  }

  #list(count: number, depth: number): unknown[] {
    const lengths = readUnsigned(this.#reader, count)
    let items = 0
    for (let i = 0; i < count; i++) items += lengths[i]!
    if (items > MAX_ITEMS) throw blockDamaged(`lists of ${items} items`)
    const all = this.column(items, depth + 1)
    const lists = new Array<unknown[]>(count)
    let at = 0
    for (let i = 0; i < count; i++) {
      const end = at + lengths[i]!
      lists[i] = all.slice(at, end)
      at = end
    }
    return lists
  }

  #record(count: number, depth: number): unknown[] {
    const width = this.#reader.count()
    if (width === 0) this.#takeFree(count)
    const names = readStrings(this.#reader, width)
    const columns: unknown[][] = []
    for (let c = 0; c < width; c++) columns.push(this.column(count, depth + 1))
    return recordShape(names).build(columns, count)
  }

  #nullable(count: number, missing: undefined | null, depth: number): unknown[] {
    const bits = this.#reader.raw((count + 7) >>> 3)
    let present = 0
    for (let i = 0; i < count; i++) present += (bits[i >>> 3]! >>> (i & 7)) & 1
    const values = this.column(present, depth + 1)
    const all = new Array<unknown>(count)
    let at = 0
    for (let i = 0; i < count; i++) all[i] = (bits[i >>> 3]! >>> (i & 7)) & 1 ? values[at++] : missing
    return all
  }

  #generic(count: number, depth: number): unknown[] {
    const reader = this.#reader
    // Every string has a tag of its own in the values, or comes with one.
    const strings = this.column(this.#stringCount(), depth + 1)
    const names = readStrings(reader, reader.count())
    for (const text of strings)
      if (typeof text !== 'string') throw blockDamaged('a string column without strings')
    const decoder = new GenericDecoder(reader, strings as string[], names)
    reader.need(count)
    const values = new Array<unknown>(count)
    for (let i = 0; i < count; i++) values[i] = decoder.value(0)
    return values
  }

  #stringCount(): number {
    const count = this.#reader.varint()
    // An error brings three strings with its two bytes.
    if (count > this.#reader.bytes.length * 2) throw blockDamaged(`${count} strings in a generic column`)
    return count
  }

  #takeFree(rows: number): void {
    this.#freeRows += rows
    if (this.#freeRows > MAX_FREE_ROWS) throw blockDamaged(`${this.#freeRows} rows without bytes`)
  }
}

function plainArray(column: Int32Array | Float64Array): number[] {
  const values = new Array<number>(column.length)
  for (let i = 0; i < values.length; i++) values[i] = column[i]!
  return values
}

function zipTuples(columns: readonly (readonly unknown[])[], count: number): unknown[][] {
  const rows = new Array<unknown[]>(count)
  const [a = [], b = [], c = [], d = []] = columns
  switch (columns.length) {
    case 0:
      for (let i = 0; i < count; i++) rows[i] = []
      return rows
    case 1:
      for (let i = 0; i < count; i++) rows[i] = [a[i]]
      return rows
    case 2:
      for (let i = 0; i < count; i++) rows[i] = [a[i], b[i]]
      return rows
    case 3:
      for (let i = 0; i < count; i++) rows[i] = [a[i], b[i], c[i]]
      return rows
    default:
      for (let i = 0; i < count; i++) {
        const row = [a[i], b[i], c[i], d[i]]
        for (let w = 4; w < columns.length; w++) row.push(columns[w]![i])
        rows[i] = row
      }
      return rows
  }
}
