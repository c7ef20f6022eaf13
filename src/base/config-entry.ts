/**
 * Kinds of settings: what a key's value may look like and what it means. Values come as text from the command line
 * and the environment, or as numbers, booleans and Durations from a program; all are understood.
 */
import { describeValue, KindlingError } from './errors.ts'
import { Duration, toDuration } from './time.ts'

/** One key of the configuration. */
export interface ConfigEntry<T> {
  readonly key: string
  /** An older name of the key, understood too; the newer one wins. */
  readonly oldKey?: string
  /** Unit of a bare number: 'ms', 's', 'bytes', 'records/s'; or the kind of value: 'boolean', 'text'. */
  readonly unit: string
  /** What values are accepted, as the messages and the reference page say it. */
  readonly expected: string
  /** What holds when the key is not set; undefined: no value. */
  readonly default: T
  /** For the reference page, when the default is not one fixed value. */
  readonly defaultText?: string
  readonly doc: string
  /** Version in which the key takes effect; undefined: it is accepted, but does nothing yet. */
  readonly since: string | undefined
  /** The value that a text means. @throws INVALID_CONFIG naming key, value and what is expected */
  parse(raw: unknown): T
}

/** What every kind of setting is declared by. */
export interface EntryFields<T> {
  readonly key: string
  readonly oldKey?: string
  readonly default: T
  readonly defaultText?: string
  readonly doc: string
  readonly since?: string
}

/** Bounds of a number, both included. */
export interface Bounds {
  readonly min?: number
  readonly max?: number
}

/** A setting that is on or off. */
export function flag<D extends boolean | undefined>(fields: EntryFields<D>): ConfigEntry<boolean | D> {
  return entry<boolean | D>(fields, 'boolean', 'true or false', raw => {
    if (typeof raw === 'boolean') return raw
    const text = String(raw).trim().toLowerCase()
    return text === 'true' ? true : text === 'false' ? false : undefined
  })
}

/** A whole number. */
export function whole<D extends number | undefined>(
  fields: EntryFields<D> & Bounds & { readonly unit: string },
): ConfigEntry<number | D> {
  const expected = `a whole number ${boundsText(fields)}`
  return entry<number | D>(fields, fields.unit, expected, raw => {
    const value = numberOf(raw)
    return value !== undefined && Number.isSafeInteger(value) && isWithin(value, fields) ? value : undefined
  })
}

/** A number with a fraction. */
export function fraction(
  fields: EntryFields<number> & Bounds & { readonly unit: string },
): ConfigEntry<number> {
  return entry(fields, fields.unit, `a number ${boundsText(fields)}`, raw => {
    const value = numberOf(raw)
    return value !== undefined && isWithin(value, fields) ? value : undefined
  })
}

/** A length of time. Its value is in ms, whatever unit a bare number has. `min` and `max` are in ms. */
export function duration<D extends number | undefined>(
  fields: EntryFields<D> & Bounds & { readonly unit: 'ms' | 's' },
): ConfigEntry<number | D> {
  const { unit } = fields
  const bounds = boundsText(fields, ms => `${ms} ms`)
  const expected = `a duration such as '200ms', '30s' or '5m', or a whole number of ${unit}, ${bounds}`
  return entry<number | D>(fields, unit, expected, raw => {
    const value = raw instanceof Duration ? raw.milliseconds : millisecondsOf(raw, unit)
    return value !== undefined && isWithin(value, fields) ? value : undefined
  })
}

/** An amount of memory or data. Its value is in bytes; so is a bare number. */
export function byteSize<D extends number | undefined>(
  fields: EntryFields<D> & Bounds,
): ConfigEntry<number | D> {
  const expected = `a size such as '512k', '64m' or '1g', or a whole number of bytes, ${boundsText(fields)}`
  return entry<number | D>(fields, 'bytes', expected, raw => {
    const value = bytesOf(raw)
    return value !== undefined && isWithin(value, fields) ? value : undefined
  })
}

/** A text, not empty; if `choices` are given, one of them. */
export function text<D extends string | undefined>(
  fields: EntryFields<D> & { readonly choices?: readonly string[] },
): ConfigEntry<string | D> {
  const { choices } = fields
  const expected = choices === undefined ? 'a text that is not empty' : `one of: ${choices.join(', ')}`
  return entry<string | D>(fields, 'text', expected, raw => {
    const value = String(raw).trim()
    return value !== '' && (choices === undefined || choices.includes(value)) ? value : undefined
  })
}

function entry<T>(
  fields: EntryFields<T>,
  unit: string,
  expected: string,
  accept: (raw: unknown) => T | undefined,
): ConfigEntry<T> {
  const { key, oldKey, defaultText, doc, since } = fields
  return {
    key,
    ...(oldKey === undefined ? {} : { oldKey }),
    unit,
    expected,
    default: fields.default,
    ...(defaultText === undefined ? {} : { defaultText }),
    doc,
    since,
    parse(raw) {
      const value = accept(raw)
      if (value !== undefined) return value
      throw new KindlingError('INVALID_CONFIG', { key, value: describeValue(raw), expected })
    },
  }
}

function numberOf(raw: unknown): number | undefined {
  if (typeof raw === 'number') return raw
  const trimmed = String(raw).trim()
  return /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(trimmed) ? Number(trimmed) : undefined
}

function millisecondsOf(raw: unknown, unit: 'ms' | 's'): number | undefined {
  const bare = numberOf(raw)
  const value = bare === undefined ? String(raw).trim().toLowerCase() : `${bare}${unit}`
  try {
    return toDuration(value as `${number}ms`).milliseconds // Checked by toDuration, whatever the text is.
  } catch {
    return undefined // The caller's message names the key and what it takes.
  }
}

const sizeUnits: Readonly<Record<string, number>> = { b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 }

function bytesOf(raw: unknown): number | undefined {
  const match = /^(\d+)\s*(?:([kmgt])(?:i?b)?|b)?$/.exec(String(raw).trim().toLowerCase())
  if (!match) return undefined
  const bytes = Number(match[1]) * sizeUnits[match[2] ?? 'b']!
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

function isWithin(value: number, { min, max }: Bounds): boolean {
  return Number.isFinite(value) && value >= (min ?? value) && value <= (max ?? value)
}

function boundsText({ min, max }: Bounds, show: (bound: number) => string = String): string {
  if (min !== undefined && max !== undefined) return `from ${show(min)} to ${show(max)}`
  if (max !== undefined) return `up to ${show(max)}`
  return `from ${show(min ?? 0)} up`
}
