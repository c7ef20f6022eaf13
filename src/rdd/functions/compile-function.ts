/** Compiles the text of a function so that it lies where the user wrote it. */
import { compileFunction } from 'node:vm'
import type { FunctionPart, ScriptDescription } from './description.ts'

/** A compiled function, whose variables are still to be filled in. */
export interface Compiled {
  readonly value: object
  /** Sets a variable by its index in `names`. */
  fill(index: number, value: unknown): void
}

/** The file name of functions whose place the capturing thread did not ask for; `placeStack` puts the right one in. */
export const UNPLACED = 'kindling-function:'

/**
 * @param eager values of the first variables, needed while a class is made
 * @param dynamicImport what `import(…)` in the text does
 */
export function compileFunctionPart(
  part: FunctionPart,
  script: ScriptDescription | undefined,
  eager: readonly unknown[],
  dynamicImport: (specifier: string, options: unknown) => Promise<unknown>,
): Compiled {
  const { names, text } = part
  const importName = unusedName('import', text, names)
  const fillName = unusedName('$value', text, names)
  const body = replaceImports(part, importName)
  const { before, after } = WRAPPERS[part.form]
  const setters = names.map(name => `${fillName}=>{${name}=${fillName}}`).join(',')
  const start = `${part.isStrict ? "'use strict';" : ''}return[${before}`
  const code = `${start}${body}\n${after},[${setters}]]`
  const make = compileFunction(code, [...names, ...(part.dynamicImports.length > 0 ? [importName] : [])], {
    filename: script?.url ?? `${UNPLACED}${part.id}`,
    lineOffset: part.line,
    columnOffset: part.column - start.length,
  })
  const missing = new Array<undefined>(names.length - eager.length)
  const [made, fillers] = make(...eager, ...missing, dynamicImport) as [
    object,
    readonly ((value: unknown) => void)[],
  ]
  const value = unwrapped(part.form, made)
  if (nameOf(value) !== part.name)
    Object.defineProperty(value, 'name', { value: part.name, configurable: true })
  return { value, fill: (index, given) => fillers[index]!(given) }
}

const WRAPPERS = {
  expression: { before: '(', after: ')' },
  method: { before: '({', after: '})' },
  get: { before: '({', after: '})' },
  set: { before: '({', after: '})' },
} as const

function unwrapped(form: FunctionPart['form'], made: object): object {
  if (form === 'expression') return made
  const key = Reflect.ownKeys(made)[0]!
  const descriptor = Object.getOwnPropertyDescriptor(made, key)!
  return form === 'method' ? (descriptor.value as object) : (descriptor[form] as object)
}

/** `import(` → a call of a name of the same length, so that no column moves. */
function replaceImports({ text, dynamicImports }: FunctionPart, importName: string): string {
  let body = text
  for (const at of dynamicImports) body = body.slice(0, at) + importName + body.slice(at + 'import'.length)
  return body
}

/** A name as long as `like` that occurs nowhere in the function. */
function unusedName(like: string, text: string, names: readonly string[]): string {
  for (let n = 0; ; n++) {
    const name = `$${n.toString(36)}`.padEnd(like.length, '_')
    if (!text.includes(name) && !names.includes(name)) return name
  }
}

function nameOf(f: object): unknown {
  return Object.getOwnPropertyDescriptor(f, 'name')?.value
}
