/**
 * Checks that every import in `src/` goes to a layer that its own may see (scripts/layers.ts), that nobody inside imports an
 * `index.ts`, and that no two files need each other's values.
 */
import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join, sep } from 'node:path'
import { layers, ROOT, strangers } from './layers.ts'

/** An import of one file by another. */
interface Import {
  readonly to: string
  readonly line: number
  readonly typeOnly: boolean
}

// Import and export-from statements begin a line; their clause holds names only, so a match never runs into the code after.
const STATEMENT =
  /^[ \t]*(?:import|export)\b(?<type>\s+type\b(?!\s*(?:,|from)))?(?<clause>[\s\w*$,{}]*?)\s*(?:\bfrom\s*)?(?<quote>['"])(?<to>\.[^'"\n]+)\k<quote>/gm
const DYNAMIC = /\bimport\(\s*(['"`])(?<to>\.[^'"`\n]+)\1/g

/** The imports of a file by relative path; those of types only are marked. */
export function importsOf(file: string, text: string): Import[] {
  const found: Import[] = []
  const add = (match: RegExpExecArray, typeOnly: boolean): void => {
    // The match may begin with the line break of an empty line above.
    const line = text.slice(0, match.index + match[0].search(/\S/)).split('\n').length
    found.push({ to: join(dirname(file), match.groups!['to']!), line, typeOnly })
  }
  for (const match of text.matchAll(STATEMENT)) {
    add(match, match.groups!['type'] !== undefined || namesTypesOnly(match.groups!['clause']!))
  }
  for (const match of text.matchAll(DYNAMIC)) add(match, false)
  return found
}

/** Whether a clause is a list in braces of which every name is marked as a type. */
function namesTypesOnly(clause: string): boolean {
  const list = /^\s*\{([^}]*)\}\s*$/.exec(clause)?.[1]
  return list?.split(',').every(name => name.trim() === '' || name.trim().startsWith('type ')) === true
}

const layerOf = (file: string): string => (file.includes('/') ? file.slice(0, file.indexOf('/')) : ROOT)

/** What is wrong with some files, by path below `src/`; one line each. */
export function violations(files: ReadonlyMap<string, string>): string[] {
  const wrong: string[] = []
  const values = new Map<string, string[]>()
  for (const [file, text] of files) {
    const from = layerOf(file)
    if (from !== ROOT && !layers.includes(from)) wrong.push(`${file}: there is no layer "${from}"`)
    for (const { to, line, typeOnly } of importsOf(file, text)) {
      const at = `${file}:${line}`
      if (!files.has(to)) {
        wrong.push(`${at}: imports ${to}, which is no file of src/`)
        continue
      }
      if (!typeOnly) values.set(file, [...(values.get(file) ?? []), to])
      if (from === ROOT) continue
      const target = layerOf(to)
      const isPublicList = from === target && file.endsWith('/index.ts')
      if (basename(to) === 'index.ts' && !isPublicList)
        wrong.push(`${at}: imports the public list ${to}; import the file itself`)
      if (target === ROOT || layers.indexOf(target) > layers.indexOf(from))
        wrong.push(`${at}: ${from} may not import from ${target === ROOT ? 'the root' : target} (${to})`)
      if (strangers.some(([a, b]) => (a === from && b === target) || (b === from && a === target)))
        wrong.push(`${at}: ${from} and ${target} meet only in ports and in context (${to})`)
    }
  }
  return [...wrong, ...cycles(values)]
}

/** Files that need each other's values, each cycle once. */
function cycles(values: ReadonlyMap<string, readonly string[]>): string[] {
  const state = new Map<string, 'open' | 'done'>()
  const found: string[] = []
  const visit = (file: string, path: readonly string[]): void => {
    if (state.get(file) === 'done') return
    if (state.get(file) === 'open') {
      found.push(`cycle: ${[...path.slice(path.indexOf(file)), file].join(' → ')}`)
      return
    }
    state.set(file, 'open')
    for (const next of values.get(file) ?? []) visit(next, [...path, file])
    state.set(file, 'done')
  }
  for (const file of values.keys()) visit(file, [])
  return found
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..', 'src')
  const files = new Map(
    globSync('**/*.ts', { cwd: root }).map(file => [
      file.replaceAll(sep, '/'),
      readFileSync(join(root, file), 'utf8'),
    ]),
  )
  const wrong = violations(files)
  for (const line of wrong) console.error(line)
  if (wrong.length > 0) process.exit(1)
  console.log(`layers: ${files.size} files in order`)
}
