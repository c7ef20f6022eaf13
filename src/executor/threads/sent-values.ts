/**
 * Functions and other values of the program that tasks use, as numbered descriptions.
 *
 * A value is described when its operator is defined: what it captured is what it was then. Each value is described once. Functions
 * that are made anew in each batch and capture nothing that can change are told by what they say: those that say the same are one,
 * so that a worker compiles it once and V8 learns about it once.
 */
import { createHash } from 'node:crypto'
import { serialize } from 'node:v8'
import { captureFunction } from '../../rdd/functions/capture-function.ts'
import type { FunctionDescription, Part } from '../../rdd/functions/description.ts'
import { capture } from '../../rdd/functions/explicit.ts'

/** A value as workers get it. */
export interface SentValue {
  readonly id: number
  readonly description: FunctionDescription
  /** Ids of the broadcasts and accumulators that it uses. */
  readonly broadcasts: readonly number[]
  readonly accumulators: readonly number[]
}

/** Kinds of parts that no function can change. */
const CONSTANT: ReadonlySet<Part['kind']> = new Set<Part['kind']>([
  'function',
  'import',
  'require',
  'builtin',
  'global',
  'symbol',
  'broadcast',
  'accumulator',
])

let nextId = 0

/** See the file head. */
export class SentValues {
  private readonly known = new WeakMap<object, SentValue>()
  private readonly byText = new Map<string, WeakRef<SentValue>>()
  private readonly forgotten = new FinalizationRegistry<string>(key => {
    if (this.byText.get(key)?.deref() === undefined) this.byText.delete(key)
  })

  /** A function. @throws CLOSURE_NOT_TRANSFERABLE @throws CAPTURE_REASSIGNED */
  ofFunction(f: (...args: never[]) => unknown): SentValue {
    return this.of(f, () => f)
  }

  /** Any other object, sent as a function that gives it. @throws CLOSURE_NOT_TRANSFERABLE */
  ofObject(value: object): SentValue {
    return this.of(value, () => capture({ value }, () => value))
  }

  private of(value: object, asFunction: () => (...args: never[]) => unknown): SentValue {
    let sent = this.known.get(value)
    if (sent === undefined) {
      sent = this.shared(captureFunction(asFunction()))
      this.known.set(value, sent)
    }
    return sent
  }

  private shared(description: FunctionDescription): SentValue {
    const { parts } = description
    if (!parts.every(part => CONSTANT.has(part.kind))) return made(description)
    const anonymous = parts.map(part =>
      part.kind === 'function' && !part.isClass ? { ...part, id: 0 } : part,
    )
    const text = createHash('sha1')
      .update(serialize({ ...description, parts: anonymous }))
      .digest('base64')
    const same = this.byText.get(text)?.deref()
    if (same !== undefined) return same
    const sent = made(description)
    this.byText.set(text, new WeakRef(sent))
    this.forgotten.register(sent, text)
    return sent
  }
}

function made(description: FunctionDescription): SentValue {
  const idsOf = (kind: 'broadcast' | 'accumulator'): number[] =>
    description.parts.flatMap(part => (part.kind === kind ? [part.id] : []))
  return { id: nextId++, description, broadcasts: idsOf('broadcast'), accumulators: idsOf('accumulator') }
}
