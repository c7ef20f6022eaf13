/** Tags of values in a generic column; see docs/reference/block-format.md. Numbers are part of the format. */
export const Tag = {
  undefined: 0,
  null: 1,
  true: 2,
  false: 3,
  /** An int32: zigzag varint. */
  int: 4,
  /** 8 bytes. */
  number: 5,
  /** The next one of the column's strings. */
  string: 6,
  /** 8 bytes. */
  int64: 7,
  /** The next one of the column's strings: sign and hexadecimal digits. */
  bigint: 8,
  /** Length, items. */
  array: 9,
  /** Number of fields; for each: index of its name, value. */
  record: 10,
  /** Size; for each entry: key, value. */
  map: 11,
  /** Size, members. */
  set: 12,
  /** 8 bytes: ms as a float64. */
  date: 13,
  /** Next strings: source and flags; lastIndex. */
  regexp: 14,
  /** Flags (see ErrorPart), next strings: name, message; then the parts there are. */
  error: 15,
  /** Kind (index into BINARY_KINDS), byte length, bytes. */
  binary: 16,
  /** Index of the class's name, its data as a value. */
  instance: 17,
} as const

/** Bits that tell which parts of an error follow. */
export const ErrorPart = { stack: 1, cause: 2, errors: 4, fields: 8 } as const

/** What bytes can be: the index is the kind in the block. Append only. */
export const BINARY_KINDS: readonly BinaryKind[] = [
  kind('ArrayBuffer', 1, bytes => bytes.buffer),
  kind('Uint8Array', 1, bytes => bytes),
  kind('Buffer', 1, bytes => Buffer.from(bytes.buffer)),
  kind('DataView', 1, bytes => new DataView(bytes.buffer)),
  kind('Int8Array', 1, bytes => new Int8Array(bytes.buffer)),
  kind('Uint8ClampedArray', 1, bytes => new Uint8ClampedArray(bytes.buffer)),
  kind('Int16Array', 2, bytes => new Int16Array(bytes.buffer)),
  kind('Uint16Array', 2, bytes => new Uint16Array(bytes.buffer)),
  kind('Int32Array', 4, bytes => new Int32Array(bytes.buffer)),
  kind('Uint32Array', 4, bytes => new Uint32Array(bytes.buffer)),
  kind('Float32Array', 4, bytes => new Float32Array(bytes.buffer)),
  kind('Float64Array', 8, bytes => new Float64Array(bytes.buffer)),
  kind('BigInt64Array', 8, bytes => new BigInt64Array(bytes.buffer)),
  kind('BigUint64Array', 8, bytes => new BigUint64Array(bytes.buffer)),
]

/** A type whose values are bytes. */
export interface BinaryKind {
  readonly name: string
  /** Bytes of one item: the byte length is a multiple of it. */
  readonly width: number
  /** A value of this type over bytes that fill a buffer of their own. */
  readonly make: (bytes: Uint8Array<ArrayBuffer>) => unknown
}

function kind(name: string, width: number, make: BinaryKind['make']): BinaryKind {
  return { name, width, make }
}

/** The place of a type in BINARY_KINDS, by name. */
export const BINARY_KIND_BY_NAME: ReadonlyMap<string, number> = new Map(
  BINARY_KINDS.map(({ name }, index) => [name, index]),
)
