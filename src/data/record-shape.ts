// Plain records of one shape, taken apart into columns and put together again. Both loops are generated for each shape:
// naming the fields in the source makes each access one load, and the object literal allocates the object at its final
// shape, 5 to 10 times faster than assigning fields by computed names. Without code generation (a flag of Node) the
// plain loops do the same.

/** Takes apart and puts together records that have exactly `names`, in this order. */
export interface RecordShape {
  /** One array for each name. */
  split(rows: readonly object[]): unknown[][]
  /** One record for each row; `columns` are in the order of the names. */
  build(columns: readonly (readonly unknown[])[], count: number): object[]
}

const MAX_SHAPES = 256
/** Wider records are rare, and their source would be long. */
const MAX_GENERATED_FIELDS = 64
const shapes = new Map<string, RecordShape>()

/** The shape with these names. Kept for the next block, at most 256 of them. */
export function recordShape(names: readonly string[]): RecordShape {
  if (names.length > MAX_GENERATED_FIELDS) return plainShape(names)
  const id = JSON.stringify(names)
  let shape = shapes.get(id)
  if (shape === undefined) {
    shape = generatedShape(names) ?? plainShape(names)
    const oldest = shapes.size >= MAX_SHAPES ? shapes.keys().next().value : undefined
    if (oldest !== undefined) shapes.delete(oldest)
    shapes.set(id, shape)
  }
  return shape
}

/** The same without generated code. */
export function plainShape(names: readonly string[]): RecordShape {
  return {
    split(rows) {
      return names.map(name => rows.map(row => (row as Record<string, unknown>)[name]))
    },
    build(columns, count) {
      const rows = new Array<object>(count)
      for (let i = 0; i < count; i++) {
        const row = {}
        for (let c = 0; c < names.length; c++) setField(row, names[c]!, columns[c]![i])
        rows[i] = row
      }
      return rows
    },
  }
}

/** Sets an own field, whatever its name: a plain assignment to `__proto__` would change the prototype instead. */
export function setField(record: object, name: string, value: unknown): void {
  if (name === '__proto__') {
    Object.defineProperty(record, name, { value, configurable: true, enumerable: true, writable: true })
  } else {
    ;(record as Record<string, unknown>)[name] = value
  }
}

function generatedShape(names: readonly string[]): RecordShape | undefined {
  // Names come from the user's data: they appear only as JSON strings. A computed ["__proto__"] makes an own field.
  const quoted = names.map(name => JSON.stringify(name))
  const numbered = names.map((_, c) => c)
  const split = `'use strict'
return function splitRecords(rows) {
  const count = rows.length
  ${numbered.map(c => `const c${c} = new Array(count)`).join('\n  ')}
  for (let i = 0; i < count; i++) {
    const row = rows[i]
    ${numbered.map(c => `c${c}[i] = row[${quoted[c]}]`).join('\n    ')}
  }
  return [${numbered.map(c => `c${c}`).join(', ')}]
}`
  const build = `'use strict'
return function buildRecords(columns, count) {
  ${numbered.map(c => `const c${c} = columns[${c}]`).join('\n  ')}
  const rows = new Array(count)
  for (let i = 0; i < count; i++) {
    rows[i] = { ${numbered.map(c => `${names[c] === '__proto__' ? '["__proto__"]' : quoted[c]}: c${c}[i]`).join(', ')} }
  }
  return rows
}`
  try {
    return { split: new Function(split)(), build: new Function(build)() } as RecordShape
  } catch {
    return undefined // Node runs with --disallow-code-generation-from-strings.
  }
}
