/**
 * Checks that every import in `src/` goes to a layer that its own may see (scripts/layers.ts), that nobody inside imports an
 * `index.ts`, and that no two files need each other's values.
 */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { layers, ROOT, strangers } from './layers.ts'

/** An import of one file by another. */
interface Import {
  readonly to: string
  readonly line: number
  readonly typeOnly: boolean
}

const STATEMENT =
  /^\s*(import|export)\b(\s+type\b)?([^'"]*?)\bfrom\s*['"](\.[^'"]+)['"]|\bimport\(\s*['"](\.[^'"]+)['"]/gm

/** The imports of a file by relative path; those of types only are marked. */
export function importsOf(file: string, text: string): Import[] {
  const found: Import[] = []
  for (const match of text.matchAll(STATEMENT)) {
    const target = match[4] ?? match[5]!
    const named = match[3]?.match(/\{([^}]*)\}/)?.[1]
    const allTypes =
      named?.split(',').every(name => name.trim() === '' || name.trim().startsWith('type ')) === true
    const line = text.slice(0, match.index).split('\n').length
    const typeOnly = match[2] !== undefined || (allTypes && !/\w\s*,\s*\{/.test(match[3] ?? ''))
    found.push({ to: join(dirname(file), target), line, typeOnly })
  }
  return found
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
      if (!files.has(to)) continue
      if (!typeOnly) values.set(file, [...(values.get(file) ?? []), to])
      if (from === ROOT) continue
      const target = layerOf(to)
      const isPublicList = from === target && file.endsWith('/index.ts')
      if (to.endsWith('index.ts') && !isPublicList)
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
      relative('', file),
      readFileSync(join(root, file), 'utf8'),
    ]),
  )
  const wrong = violations(files)
  for (const line of wrong) console.error(line)
  if (wrong.length > 0) process.exit(1)
  console.log(`layers: ${files.size} files in order`)
}
