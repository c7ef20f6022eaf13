// Arbitrary data for property tests, and an equality that tells apart what assert.deepEqual does not: -0 and 0, holes
// and undefined, the order of fields, entries and members, a Buffer and a Uint8Array.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describeValue } from '../../src/base/errors.ts'

const PLAIN = { noNullPrototype: true } as const

/** Strings of any UTF-16 units, lone surrogates and NUL among them, and ordinary ones. */
export const texts: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.string({ maxLength: 20 }) },
  fc
    .array(
      fc.constantFrom(0, 1, 0x41, 0x7f, 0x80, 0xff, 0x7ff, 0x800, 0xd800, 0xdbff, 0xdc00, 0xe000, 0xffff),
      { maxLength: 6 },
    )
    .map(units => String.fromCharCode(...units)),
  fc.string({ unit: 'grapheme', maxLength: 10 }),
  fc.constantFrom('', 'a', 'word', '__proto__', 'constructor', 'x'.repeat(70_000)),
)

/** Numbers with all the edges. */
export const numbers: fc.Arbitrary<number> = fc.oneof(
  fc.integer(),
  fc.integer({ min: -3, max: 3 }),
  fc.double(),
  fc.constantFrom(
    0,
    -0,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    2 ** 31,
    -(2 ** 31),
    2 ** 53,
    Number.MAX_VALUE,
    -Number.MAX_VALUE,
    Number.MIN_VALUE,
  ),
)

/** Small bigints, those around the edges of 64 bits, of float64, and beyond its range. */
export const bigints: fc.Arbitrary<bigint> = fc.oneof(
  fc.bigInt({ min: -3n, max: 3n }),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
  fc
    .tuple(
      fc.constantFrom(31n, 32n, 53n, 63n, 64n, 1023n, 1024n, 1030n),
      fc.bigInt({ min: -2n, max: 2n }),
      fc.boolean(),
    )
    .map(([power, offset, negative]) => (negative ? -(2n ** power) : 2n ** power) + offset),
  fc.bigInt({ min: 0n, max: 2n ** 60n }).map(n => n << 2200n),
)

/** Dates, the invalid one too. */
export const dates: fc.Arbitrary<Date> = fc.date({ noInvalidDate: false })

/** Bytes with zeros and FFs. */
export const bytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 12 }),
  fc.array(fc.constantFrom(0, 1, 254, 255), { maxLength: 6 }).map(items => new Uint8Array(items)),
  fc.uint8Array({ maxLength: 5 }).map(items => Buffer.from(items)),
)

const simpleKeys = fc.oneof(
  texts.filter(t => t.length < 100),
  numbers,
  bigints,
  fc.boolean(),
  fc.constantFrom(null, undefined),
)

/** Any key: primitives, dates, bytes, and tuples and records of keys. */
export const keys: fc.Arbitrary<unknown> = fc.letrec<{ key: unknown }>(tie => ({
  key: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    simpleKeys,
    dates,
    bytes,
    fc.array(tie('key'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom('a', 'b', '', 'é', '__proto__', '1'), tie('key'), {
      maxKeys: 3,
      noNullPrototype: false,
    }),
  ),
})).key

/** Another key of the same value, made differently: fields in other order, -0 for 0, a Buffer for a Uint8Array. */
export function sameKey(key: unknown): unknown {
  if (key === 0) return Object.is(key, -0) ? 0 : -0
  if (typeof key !== 'object' || key === null) return key
  if (key instanceof Date) return new Date(key.getTime())
  if (key instanceof Uint8Array) return Buffer.isBuffer(key) ? new Uint8Array(key) : Buffer.from(key)
  if (Array.isArray(key)) return key.map(sameKey)
  return fromEntries(
    Object.entries(key)
      .reverse()
      .map(([name, value]) => [name, sameKey(value)]),
  )
}

const binaries = fc.oneof(
  bytes,
  fc.float64Array({ maxLength: 3 }),
  fc.int16Array({ maxLength: 3 }),
  fc.uint8ClampedArray({ maxLength: 3 }),
  fc.bigInt64Array({ maxLength: 3 }),
  fc.uint8Array({ maxLength: 5 }).map(items => items.buffer),
  fc.uint8Array({ minLength: 3, maxLength: 9 }).map(items => new DataView(items.buffer, 1, items.length - 2)),
  fc.uint8Array({ minLength: 3, maxLength: 9 }).map(items => items.subarray(1, 2)),
)

const regexps = fc
  .tuple(
    fc.constantFrom('a', '/', '\\d+', '(?:)', 'é|💥', '\n'),
    fc.constantFrom('', 'g', 'giu', 'y', 'dv'),
    fc.nat(9),
  )
  .map(([source, flags, lastIndex]) => Object.assign(new RegExp(source, flags), { lastIndex }))

function errorsOf(parts: fc.Arbitrary<unknown>): fc.Arbitrary<Error> {
  return fc
    .tuple(fc.constantFrom(Error, TypeError, RangeError), texts, parts, fc.nat(3))
    .map(([C, message, part, shape]) => {
      if (shape === 0) return new C(message)
      if (shape === 1) return new C(message, { cause: part })
      if (shape === 2) return Object.assign(new C(message), { code: 'E_TEST', errno: -2 })
      return new AggregateError([part], message)
    })
}

/** Any value that can be stored, nested. Holes become undefined when stored, so there are none here. */
export const values: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>(tie => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    simpleKeys,
    texts,
    dates,
    binaries,
    regexps,
    errorsOf(tie('value')),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(fc.tuple(fc.oneof(texts, fc.constantFrom('__proto__', '1', '-', 'é')), tie('value')), {
        maxLength: 4,
      })
      .map(fromEntries),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map(entries => new Map(entries)),
    fc.array(tie('value'), { maxLength: 3 }).map(members => new Set(members)),
  ),
})).value

/** Lists of records, most of them alike, as typed columns want them; now and then with a stranger among them. */
export const recordLists: fc.Arbitrary<unknown[]> = fc
  .tuple(
    fc.oneof(...columnKinds().map(kind => fc.array(kind, { maxLength: 60 }))),
    fc.option(fc.tuple(fc.nat(60), values), { nil: undefined, freq: 3 }),
  )
  .map(([records, stranger]) => {
    if (stranger === undefined) return records
    const [at, value] = stranger
    return [...records.slice(0, at), value, ...records.slice(at)]
  })

function columnKinds(): fc.Arbitrary<unknown>[] {
  const leaves: fc.Arbitrary<unknown>[] = [
    fc.integer(),
    numbers,
    texts,
    fc.constantFrom('one', 'two', 'three'),
    fc.boolean(),
    bigints,
    fc.bigInt({ min: -9n, max: 9n }),
    dates,
    fc.constant(7),
    fc.constant(null),
    fc.option(fc.integer(), { nil: undefined }),
    fc.option(texts, { nil: null }),
  ]
  const leaf = fc.oneof(...leaves)
  return [
    ...leaves,
    fc.tuple(texts, fc.integer()),
    fc.tuple(leaf, fc.tuple(leaf, leaf)),
    fc.constant(0).map(() => []),
    fc.constant(0).map(() => ({})),
    fc.array(fc.integer(), { maxLength: 5 }),
    fc.array(fc.tuple(texts, numbers), { maxLength: 3 }),
    fc.record({ a: texts, b: numbers, nested: fc.record({ c: leaf }, PLAIN) }, PLAIN),
    fc.record({ a: fc.integer(), b: texts }, { ...PLAIN, requiredKeys: ['a'] }),
    fc.tuple(leaf).map(([value]) =>
      fromEntries([
        ['__proto__', value],
        ['b', 1],
      ]),
    ),
    values,
  ]
}

/** A plain record with exactly these own fields, `__proto__` too. */
export function fromEntries(entries: readonly (readonly [string, unknown])[]): object {
  return Object.fromEntries(entries)
}

/** Fails unless both are the same data in every respect that matters; `path` is for the message. */
export function assertSame(actual: unknown, expected: unknown, path = 'value'): void {
  if (typeof expected !== 'object' || expected === null) {
    assert.ok(Object.is(actual, expected), `${path}: ${show(actual)} instead of ${show(expected)}`)
    return
  }
  assert.ok(typeof actual === 'object' && actual !== null, `${path}: ${show(actual)} instead of an object`)
  assert.notEqual(actual, expected, `${path}: not a copy`)
  assert.equal(Object.getPrototypeOf(actual), Object.getPrototypeOf(expected), `${path}: another class`)
  if (expected instanceof Date) {
    assertSame((actual as Date).getTime(), expected.getTime(), path)
    return
  }
  if (expected instanceof Map) {
    assertSame([...(actual as typeof expected)], [...expected], `${path}.entries`)
    return
  }
  if (expected instanceof Set) {
    assertSame([...(actual as typeof expected)], [...expected], `${path}.members`)
    return
  }
  if (expected instanceof RegExp) {
    assert.equal(String(actual), String(expected), path)
    assert.equal((actual as RegExp).lastIndex, expected.lastIndex, path)
    return
  }
  if (expected instanceof ArrayBuffer || ArrayBuffer.isView(expected)) {
    assert.deepEqual([...bytesOf(actual as ArrayBuffer)], [...bytesOf(expected)], path)
    return
  }
  const names =
    expected instanceof Error ? Object.getOwnPropertyNames(expected).sort() : Object.keys(expected)
  assert.deepEqual(
    expected instanceof Error ? Object.getOwnPropertyNames(actual).sort() : Object.keys(actual),
    names,
    `${path}: other fields`,
  )
  if (Array.isArray(expected))
    assert.equal((actual as unknown[]).length, expected.length, `${path}: another length`)
  for (const name of names)
    assertSame(Reflect.get(actual, name), Reflect.get(expected, name), `${path}.${name}`)
}

function bytesOf(value: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value)
}

function show(value: unknown): string {
  return Object.is(value, -0) ? '-0' : describeValue(value)
}
