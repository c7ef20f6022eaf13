/**
 * Settings of a context: texts by key, read through the typed table of entries.
 */
import { configEntries } from './config-entries.ts'
import type { ConfigEntry } from './config-entry.ts'
import { describeValue, KindlingError } from './errors.ts'
import { Duration } from './time.ts'

export { configEntries } from './config-entries.ts'
export type { ConfigEntry } from './config-entry.ts'

const known: ReadonlyMap<string, ConfigEntry<unknown>> = byKey()

// Keys of these families that nobody knows are most likely misspelt. Others may belong to the user's own program.
const OWN_FAMILIES = ['spark.streaming.', 'kindling.']

// In Spark these are local properties of jobs, which programs pass along with their settings.
const INTERNAL_FAMILY = 'spark.streaming.internal.'

/**
 * Settings by key. Known keys are checked when they are set; unknown ones are kept as they are.
 *
 * @example
 * const config = new Config({ 'spark.streaming.blockInterval': '100ms' })
 * config.get(configEntries.blockInterval) // => 100
 */
export class Config {
  readonly #values = new Map<string, string>()

  /**
   * @param values text, number, boolean or Duration by key; undefined counts as not set
   * @throws INVALID_CONFIG naming key, value and what is expected
   */
  constructor(values: Readonly<Record<string, unknown>> = {}) {
    for (const [key, value] of Object.entries(values)) this.set(key, value)
  }

  /**
   * The value of a known key, or its default. Durations in ms, sizes in bytes.
   *
   * @example
   * new Config({ 'spark.streaming.blockInterval': '1s' }).get(configEntries.blockInterval) // => 1000
   * new Config().get(configEntries.concurrentJobs) // => 1
   */
  get<T>(entry: ConfigEntry<T>): T {
    const raw = this.#values.get(entry.key) ?? (entry.oldKey && this.#values.get(entry.oldKey))
    return raw === undefined ? entry.default : entry.parse(raw)
  }

  /**
   * The text that was set for a key, known or not.
   *
   * @example
   * new Config({ 'my.own.key': 7 }).getRaw('my.own.key') // => '7'
   */
  getRaw(key: string): string | undefined {
    return this.#values.get(key)
  }

  /**
   * Sets a key; undefined takes its value away.
   *
   * @throws INVALID_CONFIG naming key, value and what is expected
   * @example
   * new Config().set('spark.streaming.blockInterval', milliseconds(50)).get(configEntries.blockInterval) // => 50
   */
  set(key: string, value: unknown): this {
    if (value === undefined) {
      this.#values.delete(key)
      return this
    }
    const raw = rawText(key, value)
    known.get(key)?.parse(raw)
    this.#values.set(key, raw)
    return this
  }

  /**
   * Whether a key was set, also under its older name.
   *
   * @example
   * new Config({ 'spark.streaming.blockInterval': '100ms' }).has('spark.streaming.blockInterval') // => true
   */
  has(key: string): boolean {
    if (this.#values.has(key)) return true
    const oldKey = known.get(key)?.oldKey
    return oldKey !== undefined && this.#values.has(oldKey)
  }

  /**
   * A copy with further values; those given win. This one stays as it is.
   *
   * @example
   * new Config({ a: 1 }).with({ b: true }).entries() // => [['a', '1'], ['b', 'true']]
   */
  with(values: Readonly<Record<string, unknown>>): Config {
    const copy = new Config(Object.fromEntries(this.#values))
    for (const [key, value] of Object.entries(values)) copy.set(key, value)
    return copy
  }

  /**
   * Every key that was set, with its text, in order of first setting.
   *
   * @example
   * const config = new Config({ 'my.key': 1, 'spark.app.name': 'words' })
   * config.entries() // => [['my.key', '1'], ['spark.app.name', 'words']]
   */
  entries(): readonly (readonly [key: string, value: string])[] {
    return [...this.#values]
  }

  /**
   * One sentence for each key that nobody will read: misspelt, or without effect in this version. For logging.
   *
   * @example
   * new Config({ 'spark.streaming.blockIntervall': 5 }).warnings() // => ['Setting spark.streaming.blockIntervall is unknown and has no effect. Did you mean spark.streaming.blockInterval?']
   */
  warnings(): string[] {
    const warnings: string[] = []
    for (const key of this.#values.keys()) {
      const entry = known.get(key)
      if (entry === undefined) {
        if (!OWN_FAMILIES.some(family => key.startsWith(family)) || key.startsWith(INTERNAL_FAMILY)) continue
        const near = nearestKey(key)
        warnings.push(`Setting ${key} is unknown and has no effect${near ? `. Did you mean ${near}?` : '.'}`)
      } else if (entry.since === undefined) {
        warnings.push(`Setting ${key} is understood, but has no effect in this version.`)
      } else if (entry.oldKey === key) {
        warnings.push(`Setting ${key} is an old name. Use ${entry.key}.`)
      }
    }
    return warnings
  }
}

function byKey(): Map<string, ConfigEntry<unknown>> {
  const map = new Map<string, ConfigEntry<unknown>>()
  for (const entry of Object.values<ConfigEntry<unknown>>(configEntries)) {
    map.set(entry.key, entry)
    if (entry.oldKey !== undefined) map.set(entry.oldKey, entry)
  }
  return map
}

function rawText(key: string, value: unknown): string {
  if (value instanceof Duration) return value.toString()
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
    case 'bigint':
      return String(value)
    default: {
      const expected = known.get(key)?.expected ?? 'a text, a number, a boolean or a Duration'
      throw new KindlingError('INVALID_CONFIG', { key, value: describeValue(value), expected })
    }
  }
}

function nearestKey(key: string): string | undefined {
  // More than a third of the letters different is another word, not a misspelling.
  let best = Math.ceil(key.length / 3)
  let nearest: string | undefined
  for (const candidate of known.keys()) {
    const distance = editDistance(key.toLowerCase(), candidate.toLowerCase())
    if (distance >= best) continue
    best = distance
    nearest = candidate
  }
  return nearest
}

/** How many letters must be put in, taken out or changed to make one text of the other (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
