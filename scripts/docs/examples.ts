/**
 * The examples of doc comments, and the complete programs of README and docs, as modules that can be type-checked and run.
 *
 * A line that ends in `// => value` is an assertion: the expression before it, awaited, equals `value`. An RDD stands for its
 * records, a DStream for its batches (one array for each). Names that an example does not define itself come from the public
 * lists, or from the prelude (test/support/doc-prelude.ts):
 *
 *   sc, ssc, t     contexts of a StreamTest with batches of one second, and the StreamTest
 *   lines          DStream<string>            ['to be or'], ['not to be']
 *   words          DStream<string>            ['a', 'b', 'a'], ['b']
 *   numbers        DStream<number>            [1, 2, 3], [4, 5]
 *   pairs          DStream<[string, number]>  [['a', 1], ['b', 2]], [['a', 3]]
 *   visits         RDD<[string, number]>      [['ann', 1], ['bob', 2], ['ann', 3]]
 *   dir            a folder of its own
 *   nameNode       the address of a cluster of HDFS
 *   bucket         where an object store is, and who asks
 *   place          files elsewhere, new ones: in/a has the lines `one` and `two`, parquet/a { who: 'ann', times: 2 }, avro/a 'one', 'two'
 *
 * Examples without a value are type-checked only: most of them need a server, or never end.
 */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from '@babel/parser'
import { exportsOf, parseTypeScript } from './declarations.ts'
import { parseDocComment } from './doc-comment.ts'
import { publicLists } from './reference.ts'

/** One example. */
export interface Example {
  /** `src/rdd/rdd.ts:97`: the file and the line where it begins. */
  readonly name: string
  readonly code: string
  /** A fragment over the prelude, or a program with its own imports. */
  readonly kind: 'fragment' | 'program'
  /** Whether it asserts anything, and can be run. */
  readonly runs: boolean
}

const root = join(import.meta.dirname, '..', '..')
const VALUE = /\/\/ => (.+)$/
/** What a test cannot provide, or would wait for without end. */
const NEEDS_MORE =
  /awaitTermination\(\)|socketTextStream|socketStream|rawSocketStream|FlumeUtils|KafkaUtils|KinesisUtils|MqttUtils|HttpUtils|process\.argv|^declare /m

/** All of them, in order of files. */
export function examples(): Example[] {
  return [...docExamples(), ...programs()]
}

function docExamples(): Example[] {
  return globSync('src/**/*.ts', { cwd: root })
    .sort()
    .flatMap(file => {
      const code = readFileSync(join(root, file), 'utf8')
      const { comments } = parse(code, {
        sourceType: 'module',
        plugins: ['typescript', 'explicitResourceManagement'],
      })
      return (comments ?? [])
        .filter(comment => comment.type === 'CommentBlock' && comment.value.startsWith('*'))
        .flatMap(comment =>
          parseDocComment(comment.value.slice(1))
            .tags.filter(tag => tag.name === 'example')
            .map((tag): Example => {
              const name = `${file.replaceAll('\\', '/')}:${comment.loc!.start.line + tag.line + 1}`
              return { name, code: tag.text, kind: 'fragment', runs: VALUE_LINE.test(tag.text) }
            }),
        )
    })
}

const VALUE_LINE = new RegExp(VALUE.source, 'm')

/** Code blocks of README and docs that import the package. */
function programs(): Example[] {
  return globSync(['*.md', 'docs/*.md', 'docs/guide/*.md', 'docs/connectors/*.md'], { cwd: root })
    .sort()
    .flatMap(file => {
      const text = readFileSync(join(root, file), 'utf8')
      return [...text.matchAll(/^```ts\n(?<code>[\s\S]*?)^```$/gm)]
        .filter(block => /from 'kindling/.test(block.groups!['code']!))
        .map((block): Example => {
          const name = `${file.replaceAll('\\', '/')}:${text.slice(0, block.index).split('\n').length + 1}`
          const code = block.groups!['code']!
          return { name, code, kind: 'program', runs: !NEEDS_MORE.test(code) }
        })
    })
}

/** The text of a module: a program as it is; of a fragment one that exports a function of prelude and check. */
export function moduleOf(example: Example): string {
  if (example.kind === 'program') return `${example.code}\nexport {}\n`
  const body = withChecks(example)
  const { used, declared } = namesIn([...body.imports, ...body.lines].join('\n'))
  const free = [...used].filter(name => !declared.has(name))
  const entries = [...publicNames()]
  const prelude = free.filter(name => PRELUDE.includes(name))
  const own = example.name.startsWith('src/') ? example.name.replace(/:\d+$/, '') : undefined
  const ownNames = own === undefined ? new Set<string>() : exportedBy(own)
  const internal = free.filter(name => ownNames.has(name) && !entries.some(([, from]) => from.has(name)))
  const imported = (from: PublicNames): string =>
    free.flatMap(name => (PRELUDE.includes(name) ? [] : (from.get(name) ?? []))).join(', ')
  return [
    ...entries.map(([entry, from]) => `import { ${imported(from)} } from '${entry}'`),
    `import type { Check, Prelude } from '../../test/support/doc-prelude.ts'`,
    ...(own === undefined || internal.length === 0
      ? []
      : [`import { ${internal.join(', ')} } from '../../${own}'`]),
    ...body.imports,
    'export default async function ($: Prelude, check: Check): Promise<void> {',
    ...prelude.map(name => `const { ${name} } = $`),
    ...body.lines,
    '}',
    '',
  ].join('\n')
}

const PRELUDE = [
  'sc',
  'ssc',
  't',
  'lines',
  'words',
  'numbers',
  'pairs',
  'visits',
  'dir',
  'nameNode',
  'bucket',
  'place',
]

/** Import statements, and the rest with every `expression // => value` made an assertion. */
function withChecks({ name, code }: Example): { readonly imports: string[]; readonly lines: string[] } {
  const imports: string[] = []
  const lines: string[] = []
  const sourceLines = code.split('\n')
  let checks = 0
  for (const statement of parseTypeScript(code).body) {
    const text = code.slice(statement.start!, statement.end!)
    if (statement.type === 'ImportDeclaration') {
      imports.push(text)
      continue
    }
    const last = sourceLines[statement.loc!.end.line - 1]!
    const value = VALUE.exec(last)?.[1]
    if (value === undefined) {
      lines.push(text)
      continue
    }
    if (statement.type !== 'ExpressionStatement')
      throw new Error(`${name}: "// => ${value}" must follow an expression`)
    checks++
    const expression = text.replace(/;$/, '')
    lines.push(`await check(${expression}, ${value}, ${JSON.stringify(last.trim())})`)
  }
  // One on a line of its own, say, would look like an assertion and be none.
  const written = sourceLines.filter(line => VALUE.test(line)).length
  if (written !== checks)
    throw new Error(`${name}: ${written} values, of which ${checks} stand behind an expression`)
  return { imports, lines }
}

/** Each name as an import statement writes it. */
type PublicNames = ReadonlyMap<string, string>

let lists: ReadonlyMap<string, PublicNames> | undefined

/** The names of each entry of the package. */
function publicNames(): ReadonlyMap<string, PublicNames> {
  const written = (file: string): PublicNames =>
    new Map(
      exportsOf(file).map(({ name, kind }) => [
        name,
        kind === 'interface' || kind === 'type' ? `type ${name}` : name,
      ]),
    )
  lists ??= new Map(publicLists.map(({ file, entry }) => [entry, written(file)]))
  return lists
}

/** Names that a file of `src/` itself declares and exports, for examples of what is not public. */
function exportedBy(file: string): ReadonlySet<string> {
  const text = readFileSync(join(root, file), 'utf8')
  return new Set(
    [...text.matchAll(/^export (?:async )?(?:abstract )?\w+\*? (\w+)/gm)].map(match => match[1]!),
  )
}

/** Identifiers that stand for values or types, and those that are declared. Scopes do not matter in code this short. */
function namesIn(code: string): { readonly used: Set<string>; readonly declared: Set<string> } {
  const used = new Set<string>()
  const declared = new Set<string>()
  const declare = (node: unknown): void =>
    visit(node, name => declared.add(name), undefined, 'typeAnnotation')
  const walk = (node: Record<string, unknown>): void => {
    const { type } = node as { type: string }
    if (type === 'VariableDeclarator') declare(node['id'])
    // Function types have parameters of another name, which nothing refers to.
    if (/Function|ClassMethod|ObjectMethod/.test(type)) ((node['params'] ?? []) as unknown[]).forEach(declare)
    if (/^(Function|Class)Declaration$/.test(type)) declare(node['id'])
    if (/^Import.*Specifier$/.test(type)) declare(node['local'])
    if (/^TS(TypeAlias|Interface)Declaration$/.test(type)) declare(node['id'])
  }
  visit(parseTypeScript(code), name => used.add(name), walk)
  return { used, declared }
}

function visit(
  node: unknown,
  onName: (name: string) => void,
  onNode: (node: Record<string, unknown>) => void = () => {},
  except?: string,
): void {
  if (Array.isArray(node)) {
    for (const item of node) visit(item, onName, onNode, except)
    return
  }
  if (typeof node !== 'object' || node === null || !('type' in node)) return
  const fields = node as Record<string, unknown>
  onNode(fields)
  if (fields['type'] === 'Identifier') onName(fields['name'] as string)
  for (const [key, value] of Object.entries(fields)) {
    // The property of a member expression and the key of a field are no names of values.
    if ((key === 'property' || key === 'key') && fields['computed'] !== true) continue
    if (key === except || key === 'loc' || key.endsWith('Comments')) continue
    visit(value, onName, onNode, except)
  }
}
