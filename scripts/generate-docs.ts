/** Writes the reference pages that are made from tables in the code: settings and errors. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { conditions } from '../src/base/conditions.ts'
import { type ConfigEntry, configEntries } from '../src/base/config.ts'

const cell = (text: string): string => text.replace(/\|/g, '\\|').replace(/\s*\n\s*/g, ' ')

/** docs/reference/configuration.md */
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
