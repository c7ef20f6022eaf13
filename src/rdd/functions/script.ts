/** What the whole script around a function says of its variables: how they are declared, assigned, imported and exported. */
import { type AnyNode, type Options, type Program, parse } from 'acorn'
import { type Binding, namesOf, resolve, type Scope, startsStrict } from './bindings.ts'
import { SourceWalk } from './source-walk.ts'

/** A script as the engine runs it, after all loaders. */
export interface ScriptSource {
  readonly scriptId: string
  /** As Node names it in stack traces: a file URL, or a path. */
  readonly url: string
  readonly text: string
  readonly isModule: boolean
  /** Whether Node's own loader runs it, and no `vm` context of a test runner. */
  readonly isMainContext: boolean
  readonly sourceMap: string
  /** Where its first character is said to lie, 0-based. */
  readonly startLine: number
  readonly startColumn: number
}

/** A place in a script, 0-based, as it is said to lie. */
export interface Place {
  readonly line: number
  readonly column: number
}

/** The reading of a script. */
export class Script {
  readonly source: ScriptSource
  private readonly scope: Scope | undefined
  /** Exported names by the offset of the function or class that they stand for. */
  private readonly exported: ReadonlyMap<number, string>
  private readonly lineStarts: readonly number[]

  constructor(source: ScriptSource) {
    this.source = source
    this.lineStarts = lineStartsOf(source.text)
    const program = parseProgram(source)
    if (program === undefined) {
      this.exported = new Map()
      return
    }
    const walk = new SourceWalk(program, source.isModule || startsStrict(program.body))
    walk.program(program)
    resolve(walk.uses)
    this.scope = walk.root
    this.exported = exportsOf(program, walk.root)
  }

  /** Whether its variables are known. */
  get isParsed(): boolean {
    return this.scope !== undefined
  }

  /** The offset of a function's text, of which V8 says that it begins at `place` or shortly after. */
  offsetOf(text: string, place: Place): number | undefined {
    const line = place.line - this.source.startLine
    const column = line === 0 ? place.column - this.source.startColumn : place.column
    const at = (this.lineStarts[line] ?? Number.NaN) + column
    const offset = Number.isNaN(at) ? -1 : this.source.text.lastIndexOf(text, at)
    return offset >= 0 && at < offset + text.length ? offset : undefined
  }

  /** The place of an offset. */
  placeOf(offset: number): Place {
    let low = 0
    let high = this.lineStarts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.lineStarts[middle]! <= offset) low = middle
      else high = middle - 1
    }
    const column = offset - this.lineStarts[low]!
    return {
      line: low + this.source.startLine,
      column: low === 0 ? column + this.source.startColumn : column,
    }
  }

  /** The variable that code from `start` to `end` means by a name; `undefined` for globals, and where nothing could be parsed. */
  bindingOf(name: string, start: number, end: number): Binding | undefined {
    return this.scope?.around(start, end).lookup(name)
  }

  /** Whether the code from `start` to `end` is strict; `undefined` where nothing could be parsed. */
  isStrict(start: number, end: number): boolean | undefined {
    return this.scope?.around(start, end).isStrict
  }

  /** The name under which this module exports the function or class at an offset. */
  exportedName(offset: number): string | undefined {
    return this.source.isModule ? this.exported.get(offset) : undefined
  }
}

function parseProgram(source: ScriptSource): Program | undefined {
  const options: Options = source.isModule
    ? { ecmaVersion: 'latest', sourceType: 'module' }
    : {
        ecmaVersion: 'latest',
        sourceType: 'script',
        allowReturnOutsideFunction: true,
        allowSuperOutsideMethod: true,
      }
  try {
    return parse(source.text, { ...options, allowHashBang: true, checkPrivateFields: false })
  } catch {
    // Syntax that the parser does not know: values are read all the same, but not how variables are declared.
    return undefined
  }
}

function exportsOf(program: Program, scope: Scope): ReadonlyMap<number, string> {
  const found = new Map<number, string>()
  const add = (node: AnyNode | null | undefined, name: string): void => {
    if (node != null && isFunctionOrClass(node) && !found.has(node.start)) found.set(node.start, name)
  }
  for (const statement of program.body) {
    if (statement.type === 'ExportDefaultDeclaration') add(statement.declaration, 'default')
    else if (statement.type === 'ExportNamedDeclaration' && statement.source == null) {
      const { declaration } = statement
      if (declaration?.type === 'VariableDeclaration')
        for (const { id, init } of declaration.declarations)
          for (const { name } of namesOf(id)) if (id.type === 'Identifier') add(init, name)
      if (declaration != null && 'id' in declaration) add(declaration, declaration.id.name)
      for (const { local, exported } of statement.specifiers) {
        const name = exported.type === 'Identifier' ? exported.name : String(exported.value)
        if (local.type === 'Identifier') add(scope.lookup(local.name)?.value, name)
      }
    }
  }
  return found
}

function isFunctionOrClass(node: AnyNode): boolean {
  switch (node.type) {
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
    case 'ClassDeclaration':
    case 'ClassExpression':
      return true
    default:
      return false
  }
}

function lineStartsOf(text: string): number[] {
  const starts = [0]
  // The line ends that V8 counts.
  for (const { index, 0: end } of text.matchAll(/\r\n|[\n\r\u2028\u2029]/g)) starts.push(index + end.length)
  return starts
}
