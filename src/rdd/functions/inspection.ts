/**
 * Reads the scopes of functions through Node's inspector: the only way to the values of the variables that a function uses.
 *
 * A session is open for one capture and closed after it, so that it neither holds objects nor gets in the way of a debugger (any
 * number of sessions may be open at once). `Debugger.enable`, which is slow (4 ms, up to 50 ms the first time, since V8 then
 * tells of every script), is needed once for each script whose source cannot be had from its file (script-file.ts).
 */
import type { Session } from 'node:inspector'
import { type Place, Script, type ScriptSource } from './script.ts'
import { runningScript, scriptOfFile } from './script-file.ts'

/** What the inspector knows of a function. */
export interface Closure {
  /** Empty for native functions. */
  readonly scriptId: string
  /** Where V8 says that it begins: at its parameters, where it has a name. */
  readonly place: Place
  /** Variables by name, the innermost scope first. Reading one that is not initialised yet throws a ReferenceError. */
  readonly scopes: readonly Readonly<Record<string, unknown>>[]
}

/** What lies on the global object while a session reads it. */
interface Box {
  function: unknown
  scopes: Readonly<Record<string, unknown>>[]
}

// The inspector reaches objects by expressions only. Defined once: each new global makes V8 forget what it knows of them.
const BOX = Symbol.for('kindling.inspected')
const BOX_EXPRESSION = `globalThis[Symbol.for('kindling.inspected')]`
const box: Box = { function: undefined, scopes: [] }
const READ_SCOPES = `function () {
  const scopes = []
  for (let i = 0; i < this.length; i++) scopes.push(this[i].object)
  ${BOX_EXPRESSION}.scopes = scopes
}`

/** Scripts that were read, bounded because `eval` makes new ones without end. */
const MAX_SCRIPTS = 500
const scripts = new Map<string, Script>()

/** Where the inspector evaluates: test runners such as Jest load this code into a context of its own, with another global object. */
function mainGlobal(): object {
  found ??= process.getBuiltinModule('node:vm').runInThisContext('globalThis') as object
  return found
}

let found: object | undefined

/** An open session. */
export class Inspection implements Disposable {
  private readonly session: Session

  /** The only file in which functions are looked for. */
  readonly file: string | undefined
  private readonly guessed = new Map<string, Script>()

  private constructor(session: Session, file: string | undefined) {
    this.session = session
    this.file = file
  }

  /**
   * `undefined` where there is no inspector: Node built without it, or run with `--permission`.
   *
   * @param file the only file in which functions are looked for, which spares asking the inspector for scripts
   */
  static open(file?: string): Inspection | undefined {
    try {
      // Looked up when needed: loading it takes a while, and some runtimes do not have it.
      const inspector = process.getBuiltinModule('node:inspector')
      const session = new inspector.Session()
      session.connect()
      return new Inspection(session, file)
    } catch {
      return undefined
    }
  }

  /** The scopes of a function. */
  closure(f: object): Closure {
    box.function = f
    const global = mainGlobal()
    if (Reflect.get(global, BOX) !== box)
      Object.defineProperty(global, BOX, { value: box, configurable: true })
    try {
      const { result } = this.post('Runtime.evaluate', { expression: `${BOX_EXPRESSION}.function` })
      const { internalProperties = [] } = this.post('Runtime.getProperties', {
        objectId: result.objectId,
        ownProperties: true,
      })
      let location: Partial<Place & { scriptId: string; lineNumber: number; columnNumber: number }> = {}
      for (const { name, value } of internalProperties) {
        if (name === '[[FunctionLocation]]') location = value?.value as typeof location
        if (name === '[[Scopes]]')
          this.post('Runtime.callFunctionOn', {
            objectId: value?.objectId,
            functionDeclaration: READ_SCOPES,
            silent: true,
          })
      }
      return {
        scriptId: location.scriptId ?? '',
        place: { line: location.lineNumber ?? 0, column: location.columnNumber ?? 0 },
        scopes: box.scopes,
      }
    } finally {
      box.function = undefined
      box.scopes = []
    }
  }

  /** The script that a function lies in. @param text the function's */
  script({ scriptId, place, scopes }: Closure, text: string): Script | undefined {
    let script = scripts.get(scriptId) ?? this.guessed.get(scriptId)
    if (script !== undefined) return script
    const sought = { scriptId, place, text }
    if (this.file !== undefined) {
      script = scriptOfFile(this.file, sought)
      if (script !== undefined) this.guessed.set(scriptId, script)
      return script
    }
    if (scopes.at(-1) === globalThis) script = runningScript(sought)
    if (script === undefined) {
      const source = this.source(scriptId)
      if (source === undefined) return undefined
      script = new Script(source)
    }
    if (scripts.size >= MAX_SCRIPTS) scripts.delete(scripts.keys().next().value!)
    scripts.set(scriptId, script)
    return script
  }

  [Symbol.dispose](): void {
    this.session.disconnect()
  }

  private source(scriptId: string): ScriptSource | undefined {
    let source: ScriptSource | undefined
    this.session.on('Debugger.scriptParsed', ({ params }) => {
      if (params.scriptId !== scriptId) return
      const { isDefault } = (params.executionContextAuxData ?? {}) as { isDefault?: boolean }
      source = {
        scriptId,
        url: params.url,
        text: '',
        isModule: params.isModule === true,
        isMainContext: isDefault === true,
        sourceMap: params.sourceMapURL ?? '',
        startLine: params.startLine,
        startColumn: params.startColumn,
      }
    })
    try {
      this.post('Debugger.enable', {})
      const { scriptSource } = this.post('Debugger.getScriptSource', { scriptId })
      this.post('Debugger.disable', {})
      return source === undefined ? undefined : { ...source, text: scriptSource }
    } catch {
      return undefined // The script is gone, or has no source.
    } finally {
      this.session.removeAllListeners('Debugger.scriptParsed')
    }
  }

  private post(method: 'Runtime.evaluate', params: object): { result: { objectId?: string } }
  private post(
    method: 'Runtime.getProperties',
    params: object,
  ): { internalProperties?: { name: string; value?: { objectId?: string; value?: unknown } }[] }
  private post(method: 'Debugger.getScriptSource', params: object): { scriptSource: string }
  private post(
    method: 'Runtime.callFunctionOn' | 'Debugger.enable' | 'Debugger.disable',
    params: object,
  ): void
  private post(method: string, params: object): unknown {
    let answer: unknown
    let failure: Error | null = null
    // On one's own thread the answer is there before the call ends.
    this.session.post(method, params, (error, result) => {
      failure = error
      answer = result
    })
    if (failure !== null) throw failure
    return answer
  }
}
