// The column for whatever fits no typed one: a tagged value for each row, depth first.
//
//   kind byte · strings: count, column · names: count, column · the tagged values
//
// Strings are collected while the values are walked and written as one column before them, so a string costs a push
// here and a slice there, no call into the engine. Names of fields are written once for each column.
import type { ByteWriter } from './byte-writer.ts'
import { BINARY_KINDS, ErrorPart, Tag } from './generic-tags.ts'
import { classOf } from './registered-class.ts'
import { AccessorSample, binaryOf, errorPartsOf } from './special-object.ts'
import { objectType } from './value-type.ts'

/** Values may be nested this deep. It keeps recursion well inside the stack. */
export const MAX_VALUE_DEPTH: number = 500

/** Thrown inside the encoder only; codec.ts then looks for the culprit and tells its path. */
export const NOT_ENCODABLE: unique symbol = Symbol('not encodable')

/** Collects the tagged values of one generic column. */
export class GenericEncoder {
  readonly strings: string[] = []
  readonly names: string[] = []
  readonly stream: ByteWriter
  readonly #nameIndex = new Map<string, number>()
  /** The objects being walked: meeting one of them again is a cycle. */
  readonly #ancestors: object[] = []
  readonly #accessors = new AccessorSample()

  constructor(stream: ByteWriter) {
    this.stream = stream
  }

  /** Appends a value. @throws NOT_ENCODABLE */
  value(value: unknown): void {
    switch (typeof value) {
      case 'string':
        this.stream.byte(Tag.string)
        this.strings.push(value)
        return
      case 'number':
        this.#number(value)
        return
      case 'boolean':
        this.stream.byte(value ? Tag.true : Tag.false)
        return
      case 'undefined':
        this.stream.byte(Tag.undefined)
        return
      case 'bigint':
        this.#bigint(value)
        return
      case 'object':
        if (value === null) this.stream.byte(Tag.null)
        else this.#object(value)
        return
      default:
        throw NOT_ENCODABLE
    }
  }

  #number(value: number): void {
    const int = value | 0
    if (int === value && !Object.is(value, -0)) {
      this.stream.byte(Tag.int)
      this.stream.varint(((int << 1) ^ (int >> 31)) >>> 0)
    } else {
      this.stream.byte(Tag.number)
      this.stream.float64(value)
    }
  }

  #bigint(value: bigint): void {
    if (BigInt.asIntN(64, value) === value) {
      this.stream.byte(Tag.int64)
      this.stream.int64(value)
    } else {
      // Hexadecimal is linear to write and to read, decimal is not.
      this.stream.byte(Tag.bigint)
      this.strings.push(value.toString(16))
    }
  }

  #object(value: object): void {
    const ancestors = this.#ancestors
    if (ancestors.length >= MAX_VALUE_DEPTH || ancestors.includes(value)) throw NOT_ENCODABLE
    ancestors.push(value)
    switch (objectType(value)) {
      case 'array':
        this.#array(value as readonly unknown[])
        break
      case 'record':
        this.#record(value)
        break
      case 'map':
        this.stream.byte(Tag.map)
        this.stream.varint((value as Map<unknown, unknown>).size)
        for (const [key, item] of value as Map<unknown, unknown>) {
          this.value(key)
          this.value(item)
        }
        break
      case 'set':
        this.stream.byte(Tag.set)
        this.stream.varint((value as Set<unknown>).size)
        for (const item of value as Set<unknown>) this.value(item)
        break
      case 'date':
        this.stream.byte(Tag.date)
        this.stream.float64((value as Date).getTime())
        break
      case 'regexp':
        this.stream.byte(Tag.regexp)
        this.strings.push((value as RegExp).source, (value as RegExp).flags)
        this.stream.varint(toIndex((value as RegExp).lastIndex))
        break
      default:
        this.#special(value)
    }
    ancestors.pop()
  }

  #array(items: readonly unknown[]): void {
    this.stream.byte(Tag.array)
    this.stream.varint(items.length)
    // Refuses, at once, an array that was given billions of holes by one assignment.
    this.stream.reserve(items.length)
    for (let i = 0; i < items.length; i++) this.value(items[i])
  }

  #record(record: object): void {
    if (this.#accessors.finds(record)) throw NOT_ENCODABLE
    const names = Object.keys(record)
    this.stream.byte(Tag.record)
    this.stream.varint(names.length)
    for (const name of names) {
      this.stream.varint(this.#name(name))
      this.value((record as Record<string, unknown>)[name])
    }
  }

  #special(value: object): void {
    const registered = classOf(value)
    if (registered !== undefined) {
      this.stream.byte(Tag.instance)
      this.stream.varint(this.#name(registered.name))
      this.value(registered.encode(value))
      return
    }
    const binary = binaryOf(value)
    if (binary !== undefined) {
      this.stream.byte(Tag.binary)
      this.stream.byte(binary.kind)
      this.stream.varint(binary.bytes.length / BINARY_KINDS[binary.kind]!.width)
      this.stream.raw(binary.bytes)
      return
    }
    this.#error(value)
  }

  #error(value: object): void {
    const parts = errorPartsOf(value)
    if (parts === undefined) throw NOT_ENCODABLE
    this.stream.byte(Tag.error)
    this.stream.byte(
      (parts.stack === undefined ? 0 : ErrorPart.stack) |
        ('cause' in parts ? ErrorPart.cause : 0) |
        (parts.errors === undefined ? 0 : ErrorPart.errors) |
        (parts.fields.length === 0 ? 0 : ErrorPart.fields),
    )
    this.strings.push(parts.name, parts.message)
    if (parts.stack !== undefined) this.strings.push(parts.stack)
    if ('cause' in parts) this.value(parts.cause)
    if (parts.errors !== undefined) this.value(parts.errors)
    if (parts.fields.length > 0) {
      this.stream.varint(parts.fields.length)
      for (const [name, field] of parts.fields) {
        this.stream.varint(this.#name(name))
        this.value(field)
      }
    }
  }

  #name(name: string): number {
    let index = this.#nameIndex.get(name)
    if (index === undefined) {
      index = this.names.length
      this.names.push(name)
      this.#nameIndex.set(name, index)
    }
    return index
  }
}

function toIndex(lastIndex: number): number {
  return Number.isSafeInteger(lastIndex) && lastIndex > 0 ? lastIndex : 0
}
