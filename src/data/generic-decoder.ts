import { type ByteReader, blockDamaged } from './byte-reader.ts'
import { MAX_VALUE_DEPTH } from './generic-encoder.ts'
import { BINARY_KINDS, ErrorPart, Tag } from './generic-tags.ts'
import { setField } from './record-shape.ts'
import { classNamed } from './registered-class.ts'
import { type ErrorParts, makeError, makeRegExp } from './special-object.ts'

/** Reads the tagged values of one generic column; the reverse of GenericEncoder. */
export class GenericDecoder {
  readonly #reader: ByteReader
  readonly #strings: readonly string[]
  readonly #names: readonly string[]
  #nextString = 0

  constructor(reader: ByteReader, strings: readonly string[], names: readonly string[]) {
    this.#reader = reader
    this.#strings = strings
    this.#names = names
  }

  /** The next value. @throws BLOCK_DAMAGED @throws CLASS_NOT_REGISTERED */
  value(depth: number): unknown {
    const reader = this.#reader
    const tag = reader.byte()
    switch (tag) {
      case Tag.undefined:
        return undefined
      case Tag.null:
        return null
      case Tag.true:
        return true
      case Tag.false:
        return false
      case Tag.int: {
        const zigzag = reader.varint() >>> 0
        return (zigzag >>> 1) ^ -(zigzag & 1)
      }
      case Tag.number:
        return reader.float64()
      case Tag.string:
        return this.#string()
      case Tag.int64:
        return reader.int64()
      case Tag.bigint:
        return this.#bigint()
      case Tag.date:
        return new Date(reader.float64())
      default:
        if (depth > MAX_VALUE_DEPTH) throw blockDamaged(`values nested over ${MAX_VALUE_DEPTH} levels deep`)
        return this.#composite(tag, depth + 1)
    }
  }

  #composite(tag: number, depth: number): unknown {
    const reader = this.#reader
    switch (tag) {
      case Tag.array: {
        const count = reader.count()
        const items = new Array<unknown>(count)
        for (let i = 0; i < count; i++) items[i] = this.value(depth)
        return items
      }
      case Tag.record: {
        const record = {}
        for (let left = reader.count(); left > 0; left--) setField(record, this.#name(), this.value(depth))
        return record
      }
      case Tag.map: {
        const map = new Map<unknown, unknown>()
        for (let left = reader.count(); left > 0; left--) {
          const key = this.value(depth)
          map.set(key, this.value(depth))
        }
        return map
      }
      case Tag.set: {
        const set = new Set<unknown>()
        for (let left = reader.count(); left > 0; left--) set.add(this.value(depth))
        return set
      }
      case Tag.regexp: {
        const expression = makeRegExp(this.#string(), this.#string(), reader.varint())
        if (expression === undefined) throw blockDamaged('a regular expression that is none')
        return expression
      }
      case Tag.error:
        return makeError(this.#errorParts(depth))
      case Tag.binary: {
        const kind = BINARY_KINDS[reader.byte()]
        if (kind === undefined) throw blockDamaged('an unknown type of bytes')
        return kind.make(new Uint8Array(reader.raw(reader.varint() * kind.width)))
      }
      case Tag.instance: {
        const name = this.#name()
        return classNamed(name).decode(this.value(depth))
      }
      default:
        throw blockDamaged(`unknown tag ${tag} at ${reader.at - 1}`)
    }
  }

  #errorParts(depth: number): ErrorParts {
    const flags = this.#reader.byte()
    const name = this.#string()
    const message = this.#string()
    const stack = flags & ErrorPart.stack ? this.#string() : undefined
    const cause = flags & ErrorPart.cause ? { cause: this.value(depth) } : {}
    const errors = flags & ErrorPart.errors ? this.value(depth) : undefined
    if (errors !== undefined && !Array.isArray(errors))
      throw blockDamaged('an error without its list of errors')
    const fields: [string, unknown][] = []
    if (flags & ErrorPart.fields) {
      for (let left = this.#reader.count(); left > 0; left--) fields.push([this.#name(), this.value(depth)])
    }
    return { name, message, stack, ...cause, errors, fields }
  }

  #bigint(): bigint {
    const digits = this.#string()
    const negative = digits.startsWith('-')
    const size = negative ? digits.slice(1) : digits
    if (!/^[0-9a-f]+$/.test(size)) throw blockDamaged('a bigint that is no number')
    const value = BigInt('0x' + size)
    return negative ? -value : value
  }

  #string(): string {
    const text = this.#strings[this.#nextString++]
    if (text === undefined) throw blockDamaged('a string is missing')
    return text
  }

  #name(): string {
    const name = this.#names[this.#reader.varint()]
    if (name === undefined) throw blockDamaged('the name of a field is missing')
    return name
  }
}
