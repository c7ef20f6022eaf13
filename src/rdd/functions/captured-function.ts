/** A function while it is captured: its text, and where it lies, which is looked up when it is first asked for. */
import { KindlingError } from '../../base/errors.ts'
import { locate } from '../../base/source-location.ts'
import { type FunctionText, readFunction } from './free-variables.ts'
import type { Closure, Inspection } from './inspection.ts'
import { outerRefusal, type Refusal } from './refusal.ts'
import type { Place, Script } from './script.ts'

/** What the inspector says. */
interface Looked {
  readonly closure: Closure
  readonly script: Script | undefined
  readonly offset: number | undefined
}

/**
 * What was found out about functions that are captured again and again. A variable that is assigned outside its declaration is
 * refused, so those of a captured function keep their values (what is in the values may change).
 */
const remembered = new WeakMap<object, Looked>()

/** See the file head. */
export class CapturedFunction {
  readonly f: object
  readonly name: string
  readonly text: string
  private readonly inspect: () => Inspection | undefined
  private looked: Looked | undefined

  constructor(f: object, inspect: () => Inspection | undefined) {
    this.f = f
    this.name = nameOf(f)
    this.text = textOf(f)
    this.inspect = inspect
  }

  /** What its text says; `undefined` when there is no source. */
  get read(): FunctionText | undefined {
    return readFunction(this.text)
  }

  /** `undefined` where there is no inspector. */
  get closure(): Closure | undefined {
    return this.look()?.closure
  }

  get script(): Script | undefined {
    return this.look()?.script
  }

  /** Where its text begins in the script. */
  get offset(): number | undefined {
    return this.look()?.offset
  }

  /** Where its text begins, if that has been looked up for another reason. */
  get placeIfKnown(): { readonly script: Script; readonly at: Place } | undefined {
    const { script, offset } = this.looked ?? {}
    if (script === undefined || offset === undefined) return undefined
    return { script, at: script.placeOf(offset) }
  }

  /** Whether the code around it is strict; most code is. */
  get isStrict(): boolean {
    const { read } = this
    if (read?.isStrictCode === false) return false
    if (this.looked === undefined) return true
    const { script, offset } = this
    if (script === undefined || offset === undefined) return true
    return script.isStrict(offset, offset + this.text.length) ?? true
  }

  /** 'app.ts:3:7', of an offset in the text. */
  siteOf(at: number): string | undefined {
    const { script, offset } = this
    if (script === undefined || offset === undefined) return undefined
    const { line, column } = script.placeOf(offset + at)
    const { url } = script.source
    return locate(url, line + 1, column + 1)?.toString() ?? `${url}:${line + 1}:${column + 1}`
  }

  /** Keeps what was found out for the next capture, if it cannot change: only `var` is there before it has its value. */
  remember(names: readonly string[]): void {
    const { closure, script, offset } = this.looked ?? {}
    if (closure === undefined || script === undefined || offset === undefined || !script.isParsed) return
    const used: Record<string, unknown> = Object.create(null)
    const inner = closure.scopes.slice(0, -1)
    for (const name of names) {
      if (script.bindingOf(name, offset, offset + this.text.length)?.kind === 'var') return
      const scope = inner.find(s => Object.hasOwn(s, name))
      // The scope itself holds more than the function uses, and would keep it in memory.
      if (scope !== undefined) used[name] = scope[name]
    }
    const scopes = [used, ...closure.scopes.slice(-1)]
    remembered.set(this.f, { closure: { ...closure, scopes }, script, offset })
  }

  private look(): Looked | undefined {
    this.looked ??= remembered.get(this.f)
    if (this.looked === undefined) {
      const inspection = this.inspect()
      if (inspection === undefined) return undefined
      const closure = inspection.closure(this.f)
      const script = inspection.script(closure, this.text)
      this.looked = { closure, script, offset: script?.offsetOf(this.text, closure.place) }
    }
    return this.looked
  }
}

/** Where in a captured function a value was found, for messages. */
export interface Trail {
  /** 'config.socket'; `''` for the function itself. */
  readonly variable: string
  /** The function whose variable it is. */
  readonly user: CapturedFunction
  /** Offset of the use in its text. */
  readonly at: number
}

/** One step further in. */
export function deeper(trail: Trail, step: string): Trail {
  return { ...trail, variable: trail.variable + step }
}

/** CLOSURE_NOT_TRANSFERABLE of what a trail leads to. */
export function refused({ variable, user, at }: Trail, { type, advice }: Refusal): KindlingError {
  return new KindlingError(
    'CLOSURE_NOT_TRANSFERABLE',
    { function: describe(user), variable: variable === '' ? 'it' : variable, type, advice },
    { context: contextOf(user, at) },
  )
}

/** CLOSURE_NOT_TRANSFERABLE of a function that uses its surroundings other than by variables; nothing when it does not. */
export function assertNoOuter(user: CapturedFunction, { outer }: FunctionText): void {
  const [first] = outer
  if (first !== undefined)
    throw refused({ variable: first.what, user, at: first.at }, outerRefusal(first.what))
}

/** CAPTURE_REASSIGNED. @param assignedAt offset from the beginning of the function's text */
export function reassigned({ variable, user, at }: Trail, assignedAt: number): KindlingError {
  const assignment = user.siteOf(assignedAt)
  return new KindlingError(
    'CAPTURE_REASSIGNED',
    {
      function: describe(user),
      variable,
      assignment: assignment === undefined ? '' : ` at ${assignment}`,
    },
    { context: contextOf(user, at) },
  )
}

/** The source of a function of any realm. */
export function textOf(f: object): string {
  return Function.prototype.toString.call(f)
}

/** Its own name, without calling anything. */
export function nameOf(f: object): string {
  const name: unknown = Object.getOwnPropertyDescriptor(f, 'name')?.value
  return typeof name === 'string' ? name : ''
}

const TEXT_SHOWN = 60

function describe({ name, text }: CapturedFunction): string {
  if (name !== '') return name
  const line = text.replace(/\s+/g, ' ')
  return line.length <= TEXT_SHOWN ? line : `${line.slice(0, TEXT_SHOWN - 1)}…`
}

function contextOf(user: CapturedFunction, at: number): { readonly site?: string } {
  const site = user.siteOf(at)
  return site === undefined ? {} : { site }
}
