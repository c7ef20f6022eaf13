import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { it } from 'node:test'
import { configurationPage, errorsPage } from '../../scripts/generate-docs.ts'

const committed = (name: string): string =>
  readFileSync(new URL(`../../docs/reference/${name}`, import.meta.url), 'utf8')

it('the reference pages say what the code says (npm run docs brings them up to date)', () => {
  assert.equal(committed('configuration.md'), configurationPage())
  assert.equal(committed('errors.md'), errorsPage())
})
