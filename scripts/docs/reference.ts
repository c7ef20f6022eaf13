/** The pages of docs/reference: every exported name with its signatures and its doc comment. */
import { conditions } from '../../src/base/conditions.ts'
import { type ConfigEntry, configEntries } from '../../src/base/config.ts'
import { type Declaration, exportsOf, type Member } from './declarations.ts'
import { type DocComment, tagsOf } from './doc-comment.ts'
import { topicOf, topicOfMember, topics } from './topics.ts'

/** The public lists, and how they are imported. */
export const publicLists: readonly { readonly file: string; readonly entry: string }[] = [
  { file: 'src/index.ts', entry: 'kindling' },
  { file: 'src/testing/index.ts', entry: 'kindling/testing' },
  { file: 'src/connectors/database/index.ts', entry: 'kindling/connectors/database' },
  { file: 'src/connectors/flume/index.ts', entry: 'kindling/connectors/flume' },
  { file: 'src/connectors/hdfs/index.ts', entry: 'kindling/connectors/hdfs' },
  { file: 'src/connectors/http/index.ts', entry: 'kindling/connectors/http' },
  { file: 'src/connectors/kafka/index.ts', entry: 'kindling/connectors/kafka' },
  { file: 'src/connectors/object-store/index.ts', entry: 'kindling/connectors/object-store' },
  { file: 'src/connectors/kinesis/index.ts', entry: 'kindling/connectors/kinesis' },
  { file: 'src/connectors/mqtt/index.ts', entry: 'kindling/connectors/mqtt' },
  { file: 'src/connectors/mysql/index.ts', entry: 'kindling/connectors/mysql' },
  { file: 'src/connectors/postgres/index.ts', entry: 'kindling/connectors/postgres' },
  { file: 'src/connectors/redis/index.ts', entry: 'kindling/connectors/redis' },
  { file: 'src/connectors/sqlite/index.ts', entry: 'kindling/connectors/sqlite' },
]

/**
 * All public lists; a name that several have stands under the first. Members of base classes that are not public themselves count as
 * the class's own.
 */
export function publicDeclarations(): Declaration[] {
  const all = publicLists.flatMap(({ file }) => exportsOf(file))
  const names = new Set(all.map(d => d.name))
  return all
    .filter((d, i) => all.findIndex(other => other.name === d.name) === i)
    .map(d => (d.bases.some(base => names.has(base)) ? d : { ...d, members: [...d.members, ...d.inherited] }))
}

/** Every page by its file name. */
export function referencePages(): Map<string, string> {
  const declarations = publicDeclarations()
  const pages = new Map<string, string>()
  for (const { page, title, about } of topics) {
    const body = namesOf(page, declarations)
    if (body !== '') pages.set(`${page}.md`, `# ${title}\n\n${MADE}\n\n${about}\n\n${body}`)
  }
  pages.set('errors.md', `${errorsPage()}\n${namesOf('errors', declarations)}`)
  pages.set('configuration.md', `${configurationPage()}\n${namesOf('configuration', declarations)}`)
  pages.set('README.md', indexPage(declarations))
  return pages
}

const MADE = 'Made from the doc comments in `src/` by `npm run docs`.'

/** What a page says of names: those it owns, and members of classes that are spread over pages. */
function namesOf(page: string, declarations: readonly Declaration[]): string {
  // Methods of classes that are spread over pages are what most people come for.
  const spread = declarations.filter(declaration => topicOf(declaration) !== page)
  const own = declarations.filter(declaration => topicOf(declaration) === page)
  return [...spread, ...own]
    .flatMap(declaration => {
      const members = declaration.members.filter(member => topicOfMember(declaration, member) === page)
      const owns = topicOf(declaration) === page
      if (!owns && members.length === 0) return []
      return [section(declaration, members, owns)]
    })
    .join('\n')
}

function section(declaration: Declaration, members: readonly Member[], owns: boolean): string {
  const { name, kind, signatures, doc } = declaration
  const head = owns ? [`## ${name}`, '', code(signatures), '', ...textOf(doc)] : [`## Methods of ${name}`, '']
  if (kind === 'interface') return [...head, ...fields(members)].join('\n')
  return [...head, ...members.flatMap(member => memberText(name, member))].join('\n')
}

function memberText(owner: string, member: Member): string[] {
  const { name, signatures, doc, isStatic, kind } = member
  if (kind === 'constructor' && doc === undefined)
    return [code(signatures.map(s => s.replace(/^constructor/, `new ${owner}`))), '']
  const title = kind === 'constructor' ? `new ${owner}` : isStatic ? `${owner}.${name}` : name
  const shown =
    kind === 'constructor' ? signatures.map(s => s.replace(/^constructor/, `new ${owner}`)) : signatures
  return [`### ${title}`, '', code(shown), '', ...textOf(doc)]
}

/** The members of an interface as a list. */
function fields(members: readonly Member[]): string[] {
  if (members.length === 0) return []
  const rows = members.map(({ signatures, doc }) => {
    const text = doc === undefined ? '' : `: ${inline(doc.text).replace(/\s*\n\s*/g, ' ')}${throwsOf(doc)}`
    return `- \`${signatures.join('`, `')}\`${text}`
  })
  return [...rows, '']
}

function throwsOf(doc: DocComment): string {
  const texts = tagsOf(doc, 'throws')
  return texts.length === 0 ? '' : ` *Throws* ${inline(texts.join('; '))}`.replace(/\s*\n\s*/g, ' ')
}

function textOf(doc: DocComment | undefined): string[] {
  if (doc === undefined) return []
  const lines: string[] = []
  if (doc.text !== '') lines.push(inline(doc.text), '')
  const list = [
    ...tagsOf(doc, 'typeParam').map(text => named(text)),
    ...tagsOf(doc, 'param').map(text => named(text)),
    ...tagsOf(doc, 'throws').map(text => `- *throws* ${inline(text)}`),
    ...tagsOf(doc, 'source').map(text => `- *source* ${inline(text)}`),
  ].map(text => text.replace(/\s*\n\s*/g, ' '))
  if (list.length > 0) lines.push(...list, '')
  for (const example of tagsOf(doc, 'example')) lines.push(code([example]), '')
  return lines
}

/** `n how many` → - `n`: how many */
function named(text: string): string {
  const [, name = '', rest = ''] = /^(\S+)\s*([\s\S]*)$/.exec(text) ?? []
  return `- \`${name}\`: ${inline(rest)}`
}

const inline = (text: string): string => text.replace(/\{@link ([^}]+)\}/g, '`$1`')
const code = (texts: readonly string[]): string => `\`\`\`ts\n${texts.join('\n')}\n\`\`\``

function indexPage(declarations: readonly Declaration[]): string {
  const names = declarations
    .map(({ name, file, ...rest }) => {
      const page = topicOf({ name, file, ...rest })
      const entry = entryOf(page, file)
      return `- [${name}](${page}.md#${name.toLowerCase()})${entry}`
    })
    .sort((a, b) => a.localeCompare(b, 'en'))
  const pages = [
    ...topics.map(({ page, title, about }) => `- [${title}](${page}.md): ${about}`),
    '- [Errors](errors.md): every code, whose matter it is, and what to do.',
    '- [Settings](configuration.md): every key with its default and range.',
    '- [Block format](block-format.md): how records are kept as bytes.',
  ]
  return ['# Reference', '', MADE, '', ...pages, '', '## All names', '', ...names, ''].join('\n')
}

/** How a name is imported, unless it is from the package itself. */
function entryOf(page: string, file: string): string {
  if (file.startsWith('src/testing/') || page === 'testing') return ' (`kindling/testing`)'
  const connector = /^src\/connectors\/(\w+)\//.exec(file)?.[1]
  return connector === undefined ? '' : ` (\`kindling/connectors/${connector}\`)`
}

const cell = (text: string): string => text.replace(/\|/g, '\\|').replace(/\s*\n\s*/g, ' ')

/** The table part of docs/reference/configuration.md. */
export function configurationPage(): string {
  const rows = Object.values<ConfigEntry<unknown>>(configEntries).map(entry => {
    const key =
      entry.oldKey === undefined ? `\`${entry.key}\`` : `\`${entry.key}\` (old: \`${entry.oldKey}\`)`
    const since = entry.since ?? '*no effect yet*'
    const cells = [
      key,
      entry.defaultText ?? String(entry.default),
      entry.unit,
      entry.expected,
      since,
      entry.doc,
    ]
    return `| ${cells.map(cell).join(' | ')} |`
  })
  const head = [
    '# Settings',
    '',
    'Made from `src/base/config-entries.ts` by `npm run docs`. Pass them as `conf`, or with `--conf`.',
    'A bare number is in the unit of its key. Keys without effect yet are accepted, so that a configuration can be',
    'brought along, and named in a warning.',
  ]
  const table = [
    '| key | default | unit | value | since | meaning |',
    '| --- | --- | --- | --- | --- | --- |',
  ]
  return [...head, '', ...table, ...rows, ''].join('\n')
}

/** The table part of docs/reference/errors.md. */
export function errorsPage(): string {
  const rows = Object.entries(conditions).map(
    ([code, c]) =>
      `## ${code}\n\n*${c.domain}, retry: ${c.retry}.* ${c.doc}\n\n> ${c.message.replace(/\s*\n\s*/g, ' ')}\n`,
  )
  const head = [
    '# Errors',
    '',
    'Made from `src/base/conditions.ts` by `npm run docs`. Ask `isKindlingError(error, code)`.',
    '',
  ]
  return [...head, ...rows].join('\n')
}
