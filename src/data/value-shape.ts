/**
 * Layouts of flat values: one primitive, a tuple of primitives, or a record of primitives.
 *
 * The functions that take a value apart and put it together are generated for each shape, since naming the fields makes each access
 * one load; without code generation plain loops do the same. Shapes are shared, so that equal layouts are one object.
 */
import { isImmutable } from './copy-value.ts'
import { PINNING_LENGTH, unpinned } from './key-table.ts'
import { setField } from './record-shape.ts'
import { accessorOf } from './special-object.ts'
import { isPlainArray, objectType } from './value-type.ts'

/** How values of one layout lie in the two arrays of a column; `numbers` and `others` are cells a slot. */
export interface ValueShape {
  readonly numbers: number
  readonly others: number
  get(numbers: Float64Array, others: readonly unknown[], slot: number): unknown
  /** False, with nothing changed, when the value has another layout. */
  set(numbers: Float64Array, others: unknown[], slot: number, value: unknown): boolean
  /** Whether the cells hold exactly this value. */
  same(numbers: Float64Array, others: readonly unknown[], slot: number, value: unknown): boolean
  /** The shape that also takes `value`. */
  widened(value: unknown): ValueShape
}

/** Values of any kind, as they are: the column copies them. */
export const WIDE: ValueShape = {
  numbers: 0,
  others: 1,
  get: (_numbers, others, slot) => others[slot],
  set: () => false,
  same: () => false,
  widened: () => WIDE,
}

/** Which part of a value a field is. `value`: the value itself. */
type Form = 'value' | 'tuple' | 'record'

const MAX_FIELDS = 24
const MAX_SHAPES = 512
const shapes = new Map<string, ValueShape>()

/** The layout of a first value; {@link WIDE} unless it is flat. */
export function flatShape(value: unknown): ValueShape {
  if (isImmutable(value)) return shapeOf('value', [], [typeof value === 'number'])
  const names = namesOf(value)
  if (names === undefined) return WIDE
  const fields = names.map(name => (value as Record<string, unknown>)[name])
  if (!fields.every(isImmutable)) return WIDE
  return shapeOf(
    Array.isArray(value) ? 'tuple' : 'record',
    names,
    fields.map(field => typeof field === 'number'),
  )
}

/** The names of the fields of a plain array or record; `undefined` for all else, and for what has too many or uses getters. */
function namesOf(value: unknown): string[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (!isPlainArray(value) && objectType(value) !== 'record') return undefined
  const names = Object.keys(value)
  const isWhole = !Array.isArray(value) || names.length === value.length
  if (!isWhole || names.length === 0 || names.length > MAX_FIELDS || names.includes('__proto__'))
    return undefined
  if (Object.getOwnPropertySymbols(value).length > 0) return undefined
  return accessorOf(value) === undefined ? names : undefined
}

function shapeOf(form: Form, names: readonly string[], isNumber: readonly boolean[]): ValueShape {
  const id = JSON.stringify([form, names, isNumber])
  const known = shapes.get(id)
  if (known !== undefined) return known
  const layout: Layout = { form, names, isNumber }
  const functions = generated(layout) ?? plain(layout)
  const numbers = isNumber.filter(is => is).length
  const shape: ValueShape = {
    ...functions,
    numbers,
    others: isNumber.length - numbers,
    widened: value => widenedFor(layout, value),
  }
  if (shapes.size >= MAX_SHAPES) shapes.delete(shapes.keys().next().value as string)
  shapes.set(id, shape)
  return shape
}

interface Layout {
  readonly form: Form
  readonly names: readonly string[]
  /** For each field whether it holds numbers only. */
  readonly isNumber: readonly boolean[]
}

type Functions = Pick<ValueShape, 'get' | 'set' | 'same'>

/** The same layout with those number fields widened that the value has something else in; WIDE for another shape. */
function widenedFor({ form, names, isNumber }: Layout, value: unknown): ValueShape {
  if (form === 'value') return isImmutable(value) ? shapeOf('value', [], [false]) : WIDE
  const given = namesOf(value)
  const isTuple = Array.isArray(value)
  if (given === undefined || isTuple !== (form === 'tuple') || given.length !== names.length) return WIDE
  if (given.some((name, i) => name !== names[i])) return WIDE
  const fields = names.map(name => (value as Record<string, unknown>)[name])
  if (!fields.every(isImmutable)) return WIDE
  return shapeOf(
    form,
    names,
    isNumber.map((is, i) => is && typeof fields[i] === 'number'),
  )
}

/** Where field `i` lies: its array and its place within the cells of a slot. */
function cellsOf(isNumber: readonly boolean[]): { readonly array: 'n' | 'o'; readonly at: number }[] {
  let numbers = 0
  let others = 0
  return isNumber.map(is => (is ? { array: 'n', at: numbers++ } : { array: 'o', at: others++ }))
}

/** Whether a value may be a field of a shape; text is copied out of the chunk it was cut from. */
function own(value: unknown): unknown {
  return typeof value === 'string' && value.length >= PINNING_LENGTH ? unpinned(value) : value
}

function hasNames(value: object, names: readonly string[]): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return false
  let i = 0
  for (const name in value) if (name !== names[i++]) return false
  return i === names.length
}

function generated({ form, names, isNumber }: Layout): Functions | undefined {
  const cells = cellsOf(isNumber)
  const numbers = isNumber.filter(is => is).length
  const strides = { n: numbers, o: isNumber.length - numbers }
  const fields = isNumber.map((_, i) => i)
  const cell = (i: number): string =>
    `${cells[i]!.array}[slot * ${strides[cells[i]!.array]} + ${cells[i]!.at}]`
  const part = (i: number): string => {
    if (form === 'value') return 'value'
    return form === 'tuple' ? `value[${i}]` : `value[${JSON.stringify(names[i])}]`
  }
  const whole = {
    value: cell(0),
    tuple: `[${fields.map(cell).join(', ')}]`,
    record: `{ ${fields.map(i => `${JSON.stringify(names[i])}: ${cell(i)}`).join(', ')} }`,
  }[form]
  const isForm = {
    value: '',
    tuple: `if (!isPlainArray(value) || value.length !== ${fields.length}) return false`,
    record: `if (typeof value !== 'object' || value === null || !hasNames(value, names)) return false`,
  }[form]
  const take = [isForm, ...fields.map(i => `const v${i} = ${part(i)}`)].join('\n')
  const fits = fields
    .map(i => (isNumber[i] ? `typeof v${i} !== 'number'` : `!isImmutable(v${i})`))
    .join(' || ')
  const source = `'use strict'
return {
  get(n, o, slot) { return ${whole} },
  set(n, o, slot, value) {
    ${take}
    if (${fits}) return false
    ${fields.map(i => `${cell(i)} = ${isNumber[i] ? `v${i}` : `own(v${i})`}`).join('\n')}
    return true
  },
  same(n, o, slot, value) {
    ${take}
    return ${fields.map(i => `Object.is(${cell(i)}, v${i})`).join(' && ')}
  },
}`
  try {
    const make = new Function('isPlainArray', 'hasNames', 'isImmutable', 'own', 'names', source)
    return make(isPlainArray, hasNames, isImmutable, own, names) as Functions
  } catch {
    return undefined // Node runs with --disallow-code-generation-from-strings.
  }
}

/** The same without generated code. */
function plain({ form, names, isNumber }: Layout): Functions {
  const cells = cellsOf(isNumber)
  const numbers = isNumber.filter(is => is).length
  const strides = { n: numbers, o: isNumber.length - numbers }
  const placeOf = (i: number, slot: number): number => slot * strides[cells[i]!.array] + cells[i]!.at
  const isForm = (value: unknown): boolean => {
    if (form === 'value') return true
    if (form === 'tuple') return isPlainArray(value) && value.length === isNumber.length
    return typeof value === 'object' && value !== null && hasNames(value, names)
  }
  const partOf = (value: unknown, i: number): unknown =>
    form === 'value' ? value : (value as Record<string, unknown>)[names[i]!]
  return {
    get(n, o, slot) {
      const at = (i: number): unknown => (isNumber[i] ? n : o)[placeOf(i, slot)]
      if (form === 'value') return at(0)
      if (form === 'tuple') return isNumber.map((_, i) => at(i))
      const record = {}
      names.forEach((name, i) => {
        setField(record, name, at(i))
      })
      return record
    },
    set(n, o, slot, value) {
      if (!isForm(value)) return false
      const parts = isNumber.map((_, i) => partOf(value, i))
      if (!parts.every((part, i) => (isNumber[i] ? typeof part === 'number' : isImmutable(part))))
        return false
      parts.forEach((part, i) => {
        if (isNumber[i]) n[placeOf(i, slot)] = part as number
        else o[placeOf(i, slot)] = own(part)
      })
      return true
    },
    same: (n, o, slot, value) =>
      isForm(value) && isNumber.every((is, i) => Object.is((is ? n : o)[placeOf(i, slot)], partOf(value, i))),
  }
}
