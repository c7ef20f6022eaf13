import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { configurationPage, errorsPage } from '../../scripts/generate-docs.ts'
import { type ConfigEntry, configEntries } from '../../src/base/config.ts'

const committed = (name: string): string =>
  readFileSync(new URL(`../../docs/reference/${name}`, import.meta.url), 'utf8')

it('the reference pages say what the code says (npm run docs brings them up to date)', () => {
  assert.equal(committed('configuration.md'), configurationPage())
  assert.equal(committed('errors.md'), errorsPage())
})

it('settings say whether they take effect: "since" stands exactly where the code reads the key', () => {
  const source = join(import.meta.dirname, '../../src')
  const code = globSync('**/*.ts', { cwd: source })
    .filter(file => !file.startsWith('base/'))
    .map(file => readFileSync(join(source, file), 'utf8'))
    .join('\n')
  const isRead = (name: string, key: string): boolean =>
    new RegExp(`\\bconfigEntries\\.${name}\\b|\\{[^{}]*\\b${name}\\b[^{}]*\\} = configEntries`).test(code) ||
    code.includes(`getRaw('${key}')`)
  for (const [name, entry] of Object.entries<ConfigEntry<unknown>>(configEntries)) {
    assert.equal(
      entry.since !== undefined,
      isRead(name, entry.key),
      `${entry.key}: since, and whether it is read`,
    )
  }
})
