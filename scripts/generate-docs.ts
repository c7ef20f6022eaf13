/** Writes the reference pages that are made from tables in the code: settings and errors. */
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { conditions } from '../src/base/conditions.ts'
import { type ConfigEntry, configEntries } from '../src/base/config.ts'

const cell = (text: string): string => text.replace(/\|/g, '\\|').replace(/\s*\n\s*/g, ' ')

const source = join(import.meta.dirname, '..', 'src')
const code = globSync('**/*.ts', { cwd: source })
  .filter(file => !file.startsWith('base/'))
  .map(file => readFileSync(join(source, file), 'utf8'))
  .join('\n')

/** Whether anything reads the setting: known keys of Spark that nothing reads yet are accepted, and marked. */
function isRead(name: string, key: string): boolean {
  return new RegExp(`\\b${name}\\b`).test(code) || code.includes(`'${key}'`)
}

/** docs/reference/configuration.md */
export function configurationPage(): string {
  const rows = Object.entries(configEntries as Record<string, ConfigEntry<unknown>>).map(([name, entry]) => {
    const value = (entry as { defaultText?: string }).defaultText ?? String(entry.default)
    return `| \`${entry.key}\` | ${cell(value)} | ${cell(entry.unit)} | ${isRead(name, entry.key) ? '' : '*Accepted, without effect yet.* '}${cell(entry.doc)} |`
  })
  const head = [
    '# Settings',
    '',
    'Made from `src/base/config-entries.ts` by `npm run docs`. Pass them as `conf`, or with `--conf`.',
  ]
  return [...head, '', '| key | default | unit | meaning |', '| --- | --- | --- | --- |', ...rows, ''].join(
    '\n',
  )
}

/** docs/reference/errors.md */
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

if (import.meta.main) {
  const folder = join(import.meta.dirname, '..', 'docs', 'reference')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'configuration.md'), configurationPage())
  writeFileSync(join(folder, 'errors.md'), errorsPage())
}
