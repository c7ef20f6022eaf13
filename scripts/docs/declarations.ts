/** What the public lists export: each name with its signatures, members and doc comments, read from the source by a parser. */
import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { parse } from '@babel/parser'
import { type DocComment, parseDocComment, tagsOf } from './doc-comment.ts'

type Program = ReturnType<typeof parse>['program']
type Statement = Program['body'][number]
type ClassNode = Extract<Statement, { type: 'ClassDeclaration' }>
type InterfaceNode = Extract<Statement, { type: 'TSInterfaceDeclaration' }>
type AnyNode = { start?: number | null; end?: number | null; loc?: { start: { line: number } } | null }
type Commented = { leadingComments?: readonly { type: string; value: string }[] | null }

/** How a name was declared. */
export type Kind = 'class' | 'interface' | 'function' | 'type' | 'constant'

/** A public method, accessor, property or constructor. */
export interface Member {
  readonly name: string
  readonly kind: 'constructor' | 'method' | 'property'
  readonly isStatic: boolean
  /** One for each overload, without body. */
  readonly signatures: readonly string[]
  readonly doc: DocComment | undefined
  /** Path below the project's folder, and line. */
  readonly place: string
}

/** An exported name. */
export interface Declaration {
  readonly name: string
  readonly kind: Kind
  /** Path below the project's folder. */
  readonly file: string
  readonly line: number
  readonly signatures: readonly string[]
  readonly doc: DocComment | undefined
  readonly members: readonly Member[]
  /** Public members of base classes, nearest first, without those that it has itself. */
  readonly inherited: readonly Member[]
  /** Names of its base classes in this project, nearest first. */
  readonly bases: readonly string[]
}

const root = join(import.meta.dirname, '..', '..')

interface Source {
  readonly file: string
  readonly code: string
  readonly body: readonly Statement[]
}

const sources = new Map<string, Source>()

function sourceOf(file: string): Source {
  let source = sources.get(file)
  if (source === undefined) {
    const code = readFileSync(file, 'utf8')
    source = { file, code, body: parseTypeScript(code).body }
    sources.set(file, source)
  }
  return source
}

/** @throws SyntaxError */
export function parseTypeScript(code: string): Program {
  return parse(code, {
    sourceType: 'module',
    plugins: ['typescript', 'explicitResourceManagement'],
    allowAwaitOutsideFunction: true,
    allowReturnOutsideFunction: true,
  }).program
}

/** Every name that a public list exports, in order of the list. */
export function exportsOf(list: string): Declaration[] {
  const source = sourceOf(join(root, list))
  return source.body.flatMap(statement =>
    statement.type === 'ExportNamedDeclaration' && statement.source
      ? statement.specifiers.map(specifier => {
          const name = nameOf((specifier as { exported: unknown }).exported)
          const local = nameOf((specifier as { local: unknown }).local)
          return find(join(dirname(source.file), statement.source!.value), local, name)
        })
      : [],
  )
}

function find(file: string, local: string, name: string): Declaration {
  const source = sourceOf(file)
  for (const statement of source.body) {
    if (statement.type !== 'ExportNamedDeclaration') continue
    if (statement.source) {
      for (const specifier of statement.specifiers)
        if (nameOf((specifier as { exported: unknown }).exported) === local) {
          const from = join(dirname(file), statement.source.value)
          return find(from, nameOf((specifier as { local: unknown }).local), name)
        }
    } else if (statement.declaration) {
      const found = declarationOf(source, statement, name, local)
      if (found !== undefined) return found
    }
  }
  throw new Error(`${relative(root, file)} exports no ${local}`)
}

type ExportStatement = Extract<Statement, { type: 'ExportNamedDeclaration' }>

function declarationOf(
  source: Source,
  statement: ExportStatement,
  name: string,
  local: string,
): Declaration | undefined {
  const node = statement.declaration!
  const made = (kind: Kind, signatures: readonly string[], members: readonly Member[] = []): Declaration => ({
    name,
    kind,
    file: fileOf(source),
    line: statement.loc!.start.line,
    signatures,
    doc: docOf(statement),
    members,
    inherited: [],
    bases: [],
  })
  switch (node.type) {
    case 'ClassDeclaration': {
      if (node.id?.name !== local) return undefined
      const members = classMembers(source, node)
      const chain = baseClasses(source, node)
      const inherited: Member[] = []
      for (const base of chain)
        for (const member of classMembers(base.source, base.node))
          if (![...members, ...inherited].some(m => m.name === member.name) && member.kind !== 'constructor')
            inherited.push(member)
      const bases = chain.map(base => base.node.id!.name)
      return { ...made('class', [classHead(source, node)], members), inherited, bases }
    }
    case 'TSInterfaceDeclaration':
      return node.id.name === local
        ? made(
            'interface',
            [oneLine(source.code.slice(node.start!, node.body.start!))],
            interfaceMembers(source, node),
          )
        : undefined
    case 'TSTypeAliasDeclaration':
      return node.id.name === local ? made('type', [oneLine(textOf(source, node))]) : undefined
    case 'FunctionDeclaration':
    case 'TSDeclareFunction':
      return node.id?.name === local ? made('function', functionSignatures(source, local)) : undefined
    case 'VariableDeclaration': {
      const variable = node.declarations.find(d => d.id.type === 'Identifier' && d.id.name === local)
      if (variable === undefined) return undefined
      const annotated = textOf(source, variable.id as AnyNode)
      return made('constant', [`${node.kind} ${oneLine(annotated)}`])
    }
    default:
      return undefined
  }
}

interface BaseClass {
  readonly source: Source
  readonly node: ClassNode
}

/** The classes above one, as far as they belong to this project. */
function baseClasses(source: Source, node: ClassNode): BaseClass[] {
  const above = node.superClass
  if (above?.type !== 'Identifier') return []
  const base = classNamed(source, above.name)
  return base === undefined ? [] : [base, ...baseClasses(base.source, base.node)]
}

/** A class by the name that a file knows it by. */
function classNamed(source: Source, name: string): BaseClass | undefined {
  for (const statement of source.body) {
    const node = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement
    if (node?.type === 'ClassDeclaration' && node.id?.name === name) return { source, node }
    if (statement.type !== 'ImportDeclaration' || !statement.source.value.startsWith('.')) continue
    for (const specifier of statement.specifiers)
      if (specifier.local.name === name && specifier.type === 'ImportSpecifier')
        return classNamed(
          sourceOf(join(dirname(source.file), statement.source.value)),
          nameOf(specifier.imported),
        )
  }
  return undefined
}

function classHead(source: Source, node: ClassNode): string {
  return oneLine(source.code.slice(node.start!, node.body.start!)).replace(/^declare /, '')
}

/** Overloads come first; an implementation behind them is no part of the surface. */
function functionSignatures(source: Source, local: string): string[] {
  const nodes = source.body.flatMap(statement => {
    const node = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement
    if (node?.type !== 'FunctionDeclaration' && node?.type !== 'TSDeclareFunction') return []
    return node.id?.name === local ? [node] : []
  })
  const overloads = nodes.filter(node => node.type === 'TSDeclareFunction')
  return (overloads.length > 0 ? overloads : nodes).map(node =>
    headOf(source, node, node.type === 'FunctionDeclaration' ? node.body : undefined),
  )
}

function classMembers(source: Source, node: ClassNode): Member[] {
  const members = new Map<string, Member & { signatures: string[]; declared: boolean }>()
  for (const item of node.body.body) {
    if (
      item.type !== 'ClassMethod' &&
      item.type !== 'TSDeclareMethod' &&
      item.type !== 'ClassProperty' &&
      item.type !== 'ClassAccessorProperty'
    )
      continue
    if (item.accessibility === 'private' || item.accessibility === 'protected') continue
    const doc = docOf(item)
    if (doc !== undefined && isInternal(doc)) continue
    const name = item.computed ? `[${textOf(source, item.key)}]` : textOf(source, item.key)
    const isMethod = item.type === 'ClassMethod' || item.type === 'TSDeclareMethod'
    const key = `${item.static === true} ${name}`
    const known = members.get(key)
    // The implementation behind overloads says nothing, nor does a setter beside its getter.
    if (item.type === 'ClassMethod' && (known?.declared === true || item.kind === 'set')) continue
    const signature = isMethod
      ? headOf(source, item, item.type === 'ClassMethod' ? item.body : undefined)
      : propertyHead(source, item)
    if (known !== undefined) {
      known.signatures.push(signature)
      continue
    }
    const isAccessor = isMethod && item.kind === 'get'
    const kind = name === 'constructor' ? 'constructor' : isMethod && !isAccessor ? 'method' : 'property'
    members.set(key, {
      name,
      kind,
      isStatic: item.static === true,
      signatures: [signature],
      doc,
      place: placeOf(source, item),
      declared: item.type === 'TSDeclareMethod',
    })
  }
  return [...members.values()]
}

function propertyHead(source: Source, item: AnyNode & { value?: AnyNode | null }): string {
  const end = item.value?.start ?? item.end!
  return oneLine(source.code.slice(item.start!, end)).replace(/\s*[=;]\s*$/, '')
}

function interfaceMembers(source: Source, node: InterfaceNode): Member[] {
  return node.body.body.flatMap((item): Member[] => {
    const doc = docOf(item)
    if (doc !== undefined && isInternal(doc)) return []
    if (item.type !== 'TSPropertySignature' && item.type !== 'TSMethodSignature') return []
    const name = textOf(source, item.key)
    const kind = item.type === 'TSMethodSignature' ? 'method' : 'property'
    const signatures = [oneLine(textOf(source, item))]
    return [{ name, kind, isStatic: false, signatures, doc, place: placeOf(source, item) }]
  })
}

const fileOf = ({ file }: Source): string => relative(root, file).replaceAll('\\', '/')
const placeOf = (source: Source, node: AnyNode): string => `${fileOf(source)}:${node.loc!.start.line}`

function headOf(source: Source, node: AnyNode, body: AnyNode | undefined): string {
  const text = oneLine(source.code.slice(node.start!, body?.start ?? node.end!))
  return text.replace(/^(override|async) /, '').replace(/;$/, '')
}

function docOf(node: Commented): DocComment | undefined {
  const comment = node.leadingComments?.findLast(c => c.type === 'CommentBlock' && c.value.startsWith('*'))
  return comment === undefined ? undefined : parseDocComment(comment.value.slice(1))
}

function isInternal(doc: DocComment): boolean {
  return tagsOf(doc, 'internal').length > 0
}

function nameOf(node: unknown): string {
  return (node as { name?: string }).name ?? (node as { value: string }).value
}

const textOf = (source: Source, node: AnyNode): string => source.code.slice(node.start!, node.end!)

/** Without line breaks, comments and the commas that only a break needs. */
function oneLine(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
    .replace(/\s+/g, ' ')
    .replace(/,(?= [)\]}])| (?=[)\]])|(?<=[([]) /g, '')
    .trim()
}
