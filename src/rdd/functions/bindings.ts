/**
 * The scopes of a piece of JavaScript, the variables they declare, and where those are assigned again.
 *
 * Used for single functions (free-variables.ts) and for whole scripts (script.ts). Scope rules are those of strict code; the few
 * of sloppy code that differ (functions in blocks, `with`, direct `eval`) are refused or only make a name unknown here.
 */
import type { AnyNode, ImportDeclaration } from 'acorn'

/** How a variable came to be. */
export type BindingKind =
  | 'import'
  | 'const'
  | 'let'
  | 'var'
  | 'function'
  | 'class'
  | 'parameter'
  | 'catch'
  /** The name of a function expression or class, inside it. */
  | 'own name'

/** What an import statement binds. */
export interface ImportedBinding {
  readonly specifier: string
  /** `'*'` is the whole namespace. */
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
}

/** A declared variable. */
export interface Binding {
  readonly kind: BindingKind
  /** Offset of its declaration. */
  readonly declaredAt: number
  readonly imported: ImportedBinding | undefined
  /** The function or class that it was declared with, or the expression after `=`. */
  readonly value: AnyNode | undefined
  /** Offset of the first assignment outside the declaration. */
  assignedAt: number | undefined
}

/** A scope of the source, as offsets from `start` to `end`. */
export class Scope {
  readonly parent: Scope | undefined
  readonly start: number
  readonly end: number
  /** Whether `var` declares here. */
  readonly isFunction: boolean
  readonly isStrict: boolean
  readonly bindings: Map<string, Binding> = new Map()
  readonly inner: Scope[] = []

  constructor(
    parent: Scope | undefined,
    node: { readonly start: number; readonly end: number },
    options: { readonly isFunction: boolean; readonly isStrict: boolean },
  ) {
    this.parent = parent
    this.start = node.start
    this.end = node.end
    this.isFunction = options.isFunction
    this.isStrict = options.isStrict
    parent?.inner.push(this)
  }

  add(name: string, kind: BindingKind, at: number, more: Partial<Binding> = {}): void {
    const known = this.bindings.get(name)
    if (known !== undefined) {
      // `var x` twice, or a parameter declared again: one variable with two values.
      if (more.value !== undefined) known.assignedAt ??= at
      return
    }
    const { imported, value, assignedAt } = more
    this.bindings.set(name, { kind, declaredAt: at, imported, value, assignedAt })
  }

  /** The scope that declares a name, from here outwards. */
  declaring(name: string): Scope | undefined {
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.parent)
      if (scope.bindings.has(name)) return scope
    return undefined
  }

  lookup(name: string): Binding | undefined {
    return this.declaring(name)?.bindings.get(name)
  }

  /** The innermost scope around the code from `start` to `end`. */
  around(start: number, end: number): Scope {
    for (const scope of this.inner) {
      if (scope.start <= start && end <= scope.end && (scope.start < start || end < scope.end))
        return scope.around(start, end)
    }
    return this
  }
}

/** A place that uses a name. */
export interface Use {
  readonly name: string
  readonly at: number
  readonly scope: Scope
  readonly isWrite: boolean
  /** Whether it runs when the class being looked at is defined. */
  readonly isEager: boolean
  /** The head of a `for` loop in which this steps its own variable: each turn gets a new one, so that is no change. */
  readonly loop: Scope | undefined
}

/** Marks assigned variables, and gives the uses of names that are declared nowhere in the tree. */
export function resolve(uses: readonly Use[]): Use[] {
  const free: Use[] = []
  for (const use of uses) {
    const scope = use.scope.declaring(use.name)
    if (scope === undefined) free.push(use)
    else if (use.isWrite && scope !== use.loop && !replacesCounters(use, scope.bindings.get(use.name)!))
      scope.bindings.get(use.name)!.assignedAt ??= use.at
  }
  return free
}

/**
 * Code that was instrumented for coverage by istanbul asks a function of this name for its counters, which replaces itself when it is
 * first called. A copy of the counters does no harm.
 */
function replacesCounters({ name, at }: Use, { kind, value }: Binding): boolean {
  return kind === 'function' && /^cov_\w+$/.test(name) && value!.start <= at && at < value!.end
}

/** The names that a declaration's pattern binds, with their offsets. */
export function namesOf(
  pattern: AnyNode,
  found: { name: string; at: number }[] = [],
): { name: string; at: number }[] {
  switch (pattern.type) {
    case 'Identifier':
      found.push({ name: pattern.name, at: pattern.start })
      break
    case 'ObjectPattern':
      for (const property of pattern.properties)
        namesOf(property.type === 'RestElement' ? property.argument : property.value, found)
      break
    case 'ArrayPattern':
      for (const item of pattern.elements) if (item !== null) namesOf(item, found)
      break
    case 'RestElement':
      namesOf(pattern.argument, found)
      break
    case 'AssignmentPattern':
      namesOf(pattern.left, found)
      break
    default:
    // A member expression as an assignment's target binds nothing.
  }
  return found
}

/** What an import statement binds, by local name. */
export function importsOf(
  node: ImportDeclaration,
): { local: string; at: number; imported: ImportedBinding }[] {
  const specifier = String(node.source.value)
  const attributes: Record<string, string> = {}
  for (const { key, value } of node.attributes ?? [])
    attributes[key.type === 'Identifier' ? key.name : String(key.value)] = String(value.value)
  return node.specifiers.map(one => {
    let name = 'default'
    if (one.type === 'ImportNamespaceSpecifier') name = '*'
    else if (one.type === 'ImportSpecifier')
      name = one.imported.type === 'Identifier' ? one.imported.name : String(one.imported.value)
    return { local: one.local.name, at: one.start, imported: { specifier, name, attributes } }
  })
}

/** Whether statements begin with `'use strict'`. */
export function startsStrict(statements: readonly AnyNode[]): boolean {
  for (const statement of statements) {
    if (statement.type !== 'ExpressionStatement' || statement.directive === undefined) return false
    if (statement.directive === 'use strict') return true
  }
  return false
}

/** The nodes directly below a node. */
export function childrenOf(node: AnyNode): AnyNode[] {
  const children: AnyNode[] = []
  for (const part of Object.values(node) as unknown[]) {
    if (Array.isArray(part)) {
      for (const item of part as unknown[]) if (isNode(item)) children.push(item)
    } else if (isNode(part)) children.push(part)
  }
  return children
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
}
