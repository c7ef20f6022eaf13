/**
 * One walk over parsed JavaScript that builds its scopes (bindings.ts) and notes what a function could not take along: `this`,
 * `super`, `arguments` and private names of something outside, `import.meta`, direct `eval`.
 */
import type {
  AnonymousFunctionDeclaration,
  AnyNode,
  ArrowFunctionExpression,
  Class,
  FunctionDeclaration,
  FunctionExpression,
  Program,
} from 'acorn'
import {
  type BindingKind,
  childrenOf,
  importsOf,
  namesOf,
  Scope,
  startsStrict,
  type Use,
} from './bindings.ts'

type FunctionNode =
  | FunctionDeclaration
  | AnonymousFunctionDeclaration
  | FunctionExpression
  | ArrowFunctionExpression

/** What of the surroundings the code uses that no variable stands for. */
export type Outer = 'this' | 'super' | 'arguments' | 'new.target' | 'import.meta' | 'eval' | 'with'

/** A name starting with `#`, or one of {@link Outer}, and where. */
export interface OuterUse {
  readonly what: Outer | `#${string}`
  readonly at: number
}

/** What surrounds the code being walked. */
interface Around {
  readonly scope: Scope
  /** Whether `this` and `new.target` belong to something inside the walked code. */
  readonly ownsThis: boolean
  readonly ownsArguments: boolean
  readonly ownsSuper: boolean
  readonly privates: ReadonlySet<string>
  readonly isEager: boolean
  /** Whether a statement may run more than once in one call of its function. */
  readonly inLoop: boolean
  readonly loop: Scope | undefined
}

/** Builds scopes and uses; call {@link resolve} with `uses` afterwards. */
export class SourceWalk {
  readonly root: Scope
  readonly uses: Use[] = []
  readonly outer: OuterUse[] = []
  /** Offsets of `import(…)`. */
  readonly dynamicImports: number[] = []
  /** Whether a function in it uses `this` or `arguments` of its own, which sloppy code gives other values. */
  mindsStrictness: boolean = false
  private readonly top: Around
  private walked: AnyNode | undefined

  constructor(node: { readonly start: number; readonly end: number }, isStrict: boolean) {
    this.root = new Scope(undefined, node, { isFunction: true, isStrict })
    this.top = {
      scope: this.root,
      ownsThis: false,
      ownsArguments: false,
      ownsSuper: false,
      privates: new Set(),
      isEager: false,
      inLoop: false,
      loop: undefined,
    }
  }

  /** Walks a whole script or module. */
  program(program: Program): void {
    for (const statement of program.body) this.visit(statement, this.top)
  }

  /** Walks one function or class, or the property that a method is. */
  value(node: AnyNode): void {
    this.walked = node
    this.visit(node, { ...this.top, isEager: node.type === 'ClassExpression' })
  }

  private visit(node: AnyNode, around: Around): void {
    switch (node.type) {
      case 'Identifier':
        this.use(node.name, node.start, around)
        break
      case 'FunctionDeclaration':
        if (node.id != null) around.scope.add(node.id.name, 'function', node.id.start, { value: node })
        this.function(node, around)
        break
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        this.function(node, around)
        break
      case 'ClassDeclaration':
        if (node.id != null) around.scope.add(node.id.name, 'class', node.id.start, { value: node })
        this.class(node, around)
        break
      case 'ClassExpression':
        this.class(node, around)
        break
      case 'VariableDeclaration':
      case 'ForStatement':
      case 'ForInStatement':
      case 'ForOfStatement':
      case 'WhileStatement':
      case 'DoWhileStatement':
      case 'BlockStatement':
      case 'SwitchStatement':
      case 'CatchClause':
        this.statement(node, around)
        break
      case 'AssignmentExpression':
        this.target(node.left, around, node.operator !== '=')
        this.visit(node.right, around)
        break
      case 'UpdateExpression':
        this.target(node.argument, around, true)
        break
      case 'MemberExpression':
        this.visit(node.object, around)
        if (node.computed || node.property.type === 'PrivateIdentifier') this.visit(node.property, around)
        break
      case 'Property':
        if (node.computed) this.visit(node.key, around)
        // The object of a method that is walked alone stays behind, and `super` hangs on it.
        this.visit(node.value, node === this.walked ? around : { ...around, ownsSuper: true })
        break
      case 'LabeledStatement':
        this.visit(node.body, around)
        break
      case 'BreakStatement':
      case 'ContinueStatement':
      case 'ExportAllDeclaration':
        break
      case 'ImportDeclaration':
      case 'ExportNamedDeclaration':
        this.module(node, around)
        break
      default:
        this.surroundings(node, around)
        for (const child of childrenOf(node)) this.visit(child, around)
    }
  }

  private use(name: string, at: number, around: Around, isWrite = false): void {
    if (name === 'arguments' && around.scope.lookup(name) === undefined) {
      if (around.ownsArguments) this.mindsStrictness = true
      else this.outer.push({ what: 'arguments', at })
      return
    }
    const { scope, isEager, loop } = around
    this.uses.push({ name, at, scope, isWrite, isEager, loop })
  }

  /** What no variable stands for. */
  private surroundings(node: AnyNode, around: Around): void {
    const note = (what: OuterUse['what']): void => void this.outer.push({ what, at: node.start })
    switch (node.type) {
      case 'ThisExpression':
        if (around.ownsThis) this.mindsStrictness = true
        else note('this')
        break
      case 'Super':
        if (!around.ownsSuper) note('super')
        break
      case 'MetaProperty':
        if (node.meta.name === 'import') note('import.meta')
        else if (!around.ownsThis) note('new.target')
        break
      case 'PrivateIdentifier':
        if (!around.privates.has(node.name)) note(`#${node.name}`)
        break
      case 'ImportExpression':
        this.dynamicImports.push(node.start)
        break
      case 'CallExpression':
        if (node.callee.type === 'Identifier' && node.callee.name === 'eval') note('eval')
        break
      case 'WithStatement':
        note('with')
        break
      default:
    }
  }

  private function(node: FunctionNode, around: Around): void {
    const isArrow = node.type === 'ArrowFunctionExpression'
    const isStrict = around.scope.isStrict || hasUseStrict(node.body)
    let outer = around.scope
    if (node.type === 'FunctionExpression' && node.id != null) {
      outer = new Scope(outer, node, { isFunction: false, isStrict })
      outer.add(node.id.name, 'own name', node.id.start)
    }
    const scope = new Scope(outer, node, { isFunction: true, isStrict })
    const inside: Around = {
      ...around,
      scope,
      ownsThis: around.ownsThis || !isArrow,
      ownsArguments: around.ownsArguments || !isArrow,
      inLoop: false,
      loop: undefined,
    }
    for (const parameter of node.params) {
      this.introduce(parameter, 'parameter', scope)
      this.pattern(parameter, inside)
    }
    if (node.body.type !== 'BlockStatement') this.visit(node.body, inside)
    else for (const statement of node.body.body) this.visit(statement, inside)
  }

  private class(node: Class, around: Around): void {
    const scope = new Scope(around.scope, node, { isFunction: false, isStrict: true })
    if (node.id != null) scope.add(node.id.name, 'own name', node.id.start)
    const privates = new Set(around.privates)
    for (const member of node.body.body)
      if ('key' in member && member.key.type === 'PrivateIdentifier') privates.add(member.key.name)
    const inside: Around = { ...around, scope, privates, ownsSuper: true }
    if (node.superClass != null) this.visit(node.superClass, inside)
    for (const member of node.body.body) this.member(member, inside)
  }

  private member(member: AnyNode, around: Around): void {
    // Initial values and static blocks run as methods do.
    const asMethod: Around = { ...around, ownsThis: true, inLoop: false, loop: undefined }
    switch (member.type) {
      case 'MethodDefinition':
        if (member.computed) this.visit(member.key, around)
        this.visit(member.value, { ...asMethod, isEager: false })
        break
      case 'PropertyDefinition':
        if (member.computed) this.visit(member.key, around)
        if (member.value != null)
          this.visit(member.value, { ...asMethod, isEager: around.isEager && member.static })
        break
      case 'StaticBlock': {
        const scope = new Scope(around.scope, member, { isFunction: true, isStrict: true })
        for (const statement of member.body) this.visit(statement, { ...asMethod, scope })
        break
      }
      default:
    }
  }

  private statement(node: AnyNode, around: Around): void {
    const block = (): Around => {
      const { isStrict } = around.scope
      return { ...around, scope: new Scope(around.scope, node, { isFunction: false, isStrict }) }
    }
    switch (node.type) {
      case 'VariableDeclaration':
        for (const { id, init } of node.declarations) {
          this.variable(node.kind, id, init ?? undefined, around)
          if (init != null) this.visit(init, around)
        }
        break
      case 'ForStatement': {
        const head = block()
        if (node.init != null) this.visit(node.init, head)
        const step = { ...head, inLoop: true, loop: head.scope }
        if (node.test != null) this.visit(node.test, step)
        if (node.update != null) this.visit(node.update, step)
        this.visit(node.body, { ...head, inLoop: true })
        break
      }
      case 'ForInStatement':
      case 'ForOfStatement': {
        const head = { ...block(), inLoop: true }
        if (node.left.type === 'VariableDeclaration')
          this.variable(node.left.kind, node.left.declarations[0]!.id, node.right, head)
        else this.target(node.left, head, false)
        this.visit(node.right, around)
        this.visit(node.body, head)
        break
      }
      case 'WhileStatement':
      case 'DoWhileStatement':
        this.visit(node.test, { ...around, inLoop: true })
        this.visit(node.body, { ...around, inLoop: true })
        break
      case 'CatchClause': {
        const inside = block()
        if (node.param != null) {
          this.introduce(node.param, 'catch', inside.scope)
          this.pattern(node.param, inside)
        }
        this.visit(node.body, inside)
        break
      }
      case 'SwitchStatement': {
        this.visit(node.discriminant, around)
        const inside = block()
        for (const branch of node.cases) this.visit(branch, inside)
        break
      }
      case 'BlockStatement': {
        const inside = block()
        for (const statement of node.body) this.visit(statement, inside)
        break
      }
      default:
    }
  }

  private variable(kind: string, pattern: AnyNode, value: AnyNode | undefined, around: Around): void {
    if (kind !== 'var') {
      this.introduce(pattern, kind === 'let' ? 'let' : 'const', around.scope, value)
    } else {
      let scope = around.scope
      while (!scope.isFunction) scope = scope.parent!
      this.introduce(pattern, 'var', scope, value)
      // One variable for all turns of the loop: each turn assigns it again.
      if (around.inLoop && value !== undefined)
        for (const { name, at } of namesOf(pattern)) scope.bindings.get(name)!.assignedAt ??= at
    }
    this.pattern(pattern, around)
  }

  private introduce(pattern: AnyNode, kind: BindingKind, scope: Scope, value?: AnyNode): void {
    for (const { name, at } of namesOf(pattern)) scope.add(name, kind, at, { value })
  }

  /** Default values and computed names inside a pattern that declares. */
  private pattern(pattern: AnyNode, around: Around): void {
    switch (pattern.type) {
      case 'AssignmentPattern':
        this.pattern(pattern.left, around)
        this.visit(pattern.right, around)
        break
      case 'ArrayPattern':
        for (const item of pattern.elements) if (item !== null) this.pattern(item, around)
        break
      case 'ObjectPattern':
        for (const property of pattern.properties) {
          if (property.type === 'RestElement') continue
          if (property.computed) this.visit(property.key, around)
          this.pattern(property.value, around)
        }
        break
      case 'RestElement':
        this.pattern(pattern.argument, around)
        break
      default:
    }
  }

  /** What an assignment writes to. */
  private target(target: AnyNode, around: Around, alsoReads: boolean): void {
    switch (target.type) {
      case 'Identifier':
        if (alsoReads) this.use(target.name, target.start, around)
        this.use(target.name, target.start, around, true)
        break
      case 'AssignmentPattern':
        this.target(target.left, around, false)
        this.visit(target.right, around)
        break
      case 'ArrayPattern':
        for (const item of target.elements) if (item !== null) this.target(item, around, false)
        break
      case 'ObjectPattern':
        for (const property of target.properties) {
          if (property.type === 'RestElement') this.target(property.argument, around, false)
          else {
            if (property.computed) this.visit(property.key, around)
            this.target(property.value, around, false)
          }
        }
        break
      case 'RestElement':
        this.target(target.argument, around, false)
        break
      default:
        this.visit(target, around)
    }
  }

  private module(node: AnyNode, around: Around): void {
    if (node.type === 'ImportDeclaration') {
      for (const { local, at, imported } of importsOf(node))
        around.scope.add(local, 'import', at, { imported })
    } else if (node.type === 'ExportNamedDeclaration' && node.declaration != null)
      this.visit(node.declaration, around)
  }
}

function hasUseStrict(body: AnyNode): boolean {
  return body.type === 'BlockStatement' && startsStrict(body.body)
}
