/** What a function's own text says: how it is written, which variables of its surroundings it uses, and what ties it to a place. */
import { type AnyNode, type Options, type Property, parseExpressionAt } from 'acorn'
import { resolve } from './bindings.ts'
import { type OuterUse, SourceWalk } from './source-walk.ts'

/** A variable of the surroundings. */
export interface FreeVariable {
  readonly name: string
  /** Offset of the first use in the function's text. */
  readonly at: number
  /** Offset of the first assignment in the text, if there is one. */
  readonly assignedAt: number | undefined
  /** Whether defining the class reads it, so that it has to be there before. */
  readonly isEager: boolean
}

/** How the text becomes an expression again: as it is, or as a method or accessor, inside an object literal. */
export type FunctionForm = 'expression' | 'method' | 'get' | 'set'

/** The reading of a function's text. */
export interface FunctionText {
  readonly form: FunctionForm
  readonly isClass: boolean
  /** Whether it reads right as strict code. */
  readonly isStrictCode: boolean
  /** In order of first use; those that a class needs at once come first. */
  readonly free: readonly FreeVariable[]
  readonly outer: readonly OuterUse[]
  /** Offsets of `import(…)`. */
  readonly dynamicImports: readonly number[]
  /** Of a class: whether instances hold `#private` fields, which nobody outside can read. */
  readonly hasPrivateFields: boolean
  /** Whether it does something else in sloppy code: then it must be known which of them it is. */
  readonly mindsStrictness: boolean
}

const OPTIONS: Options = { ecmaVersion: 'latest', sourceType: 'module', checkPrivateFields: false }

// Programs hold some hundred functions; texts made anew without end (by eval) must not fill memory.
const MAX_TEXTS = 2000
const texts = new Map<string, FunctionText | undefined>()

/** Reads a function's text; `undefined` when there is no source in it, or none that can be parsed. Read once per text. */
export function readFunction(text: string): FunctionText | undefined {
  const known = texts.get(text)
  if (known !== undefined || texts.has(text)) return known
  const made = read(text)
  if (texts.size >= MAX_TEXTS) texts.delete(texts.keys().next().value!)
  texts.set(text, made)
  return made
}

function read(text: string): FunctionText | undefined {
  for (const isStrictCode of [true, false]) {
    const options: Options = isStrictCode
      ? OPTIONS
      : { ...OPTIONS, sourceType: 'script', allowAwaitOutsideFunction: false }
    const parsed = parseWhole(text, options)
    if (parsed !== undefined) return describe(parsed, isStrictCode)
  }
  return undefined
}

interface Parsed {
  readonly node: AnyNode
  readonly form: FunctionForm
  /** Characters put before the text. */
  readonly shift: number
}

function parseWhole(text: string, options: Options): Parsed | undefined {
  const expression = tryParse(`(${text}\n)`, options)
  switch (expression?.type) {
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
    case 'ClassExpression':
      return { node: expression, form: 'expression', shift: 1 }
    default:
  }
  const member = memberOf(tryParse(`({${text}\n})`, options))
  if (member?.value.type === 'FunctionExpression')
    return { node: member, form: member.kind === 'init' ? 'method' : member.kind, shift: 2 }
  // An arrow function with `super` or `new.target` can be read only where those have a meaning.
  const around = memberOf(tryParse(`${IN_METHOD}${text}\n)}})`, options))?.value
  const statement = around?.type === 'FunctionExpression' ? around.body.body[0] : undefined
  if (statement?.type === 'ReturnStatement' && statement.argument?.type === 'ArrowFunctionExpression')
    return { node: statement.argument, form: 'expression', shift: IN_METHOD.length }
  return undefined
}

const IN_METHOD = '({m(){return('

function memberOf(literal: AnyNode | undefined): Property | undefined {
  const member = literal?.type === 'ObjectExpression' ? literal.properties[0] : undefined
  return member?.type === 'Property' ? member : undefined
}

function tryParse(code: string, options: Options): AnyNode | undefined {
  try {
    return parseExpressionAt(code, 0, options)
  } catch {
    return undefined // Another reading may fit.
  }
}

function describe({ node, form, shift }: Parsed, isStrictCode: boolean): FunctionText {
  const walk = new SourceWalk(node, isStrictCode)
  walk.value(node)
  const found = new Map<string, FreeVariable>()
  for (const { name, at, isWrite, isEager } of resolve(walk.uses)) {
    const before = found.get(name)
    found.set(name, {
      name,
      at: before?.at ?? at - shift,
      assignedAt: before?.assignedAt ?? (isWrite ? at - shift : undefined),
      isEager: isEager || before?.isEager === true,
    })
  }
  const isClass = node.type === 'ClassExpression'
  return {
    form,
    isClass,
    isStrictCode,
    free: [...found.values()].sort((a, b) => Number(b.isEager) - Number(a.isEager)),
    outer: walk.outer.map(({ what, at }) => ({ what, at: at - shift })),
    dynamicImports: walk.dynamicImports.map(at => at - shift),
    hasPrivateFields: isClass && node.body.body.some(isPrivateField),
    mindsStrictness: walk.mindsStrictness,
  }
}

function isPrivateField(member: AnyNode): boolean {
  return (
    (member.type === 'PropertyDefinition' || member.type === 'MethodDefinition') &&
    !member.static &&
    member.key.type === 'PrivateIdentifier'
  )
}
