/** Runs what the docs show; scripts/docs/examples.ts says how. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { type Example, examples, moduleOf } from '../../scripts/docs/examples.ts'
import { Prelude } from '../support/doc-prelude.ts'

const root = join(import.meta.dirname, '../..')
// Inside the project, so that the modules find the package by its name.
const folder = join(root, '.cache', 'doc-examples')
const all = examples()

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
const fileOf = (example: Example): string => join(folder, `${example.name.replace(/[^\w.-]/g, '_')}.ts`)
for (const example of all) writeFileSync(fileOf(example), moduleOf(example))

describe('examples in the docs', () => {
  it('are right in type, also those that cannot run', () => {
    const compilerOptions = {
      noUnusedLocals: false,
      noUnusedParameters: false,
      rootDir: root,
      isolatedDeclarations: false,
      declaration: false,
    }
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ extends: '../../tsconfig.json', compilerOptions, include: ['*.ts'] }),
    )
    const compiler = join(root, 'node_modules/typescript/bin/tsc')
    const { stdout, status } = spawnSync(process.execPath, [compiler, '-p', folder], {
      cwd: root,
      encoding: 'utf8',
    })
    assert.equal(stdout, '')
    assert.equal(status, 0)
  })

  for (const example of all.filter(({ runs }) => runs))
    it(`${example.name} gives what it says`, async () => {
      const module = (await import(pathToFileURL(fileOf(example)).href)) as {
        default?: (prelude: Prelude, check: Prelude['check']) => Promise<void>
      }
      if (module.default === undefined) return
      const prelude = new Prelude()
      try {
        await module.default(prelude, prelude.check)
      } finally {
        await prelude.finish()
      }
    })

  it('are refused when a value stands behind no expression, where it would check nothing', () => {
    const example = (code: string): Example => ({ name: 'README.md:1', code, kind: 'fragment', runs: true })
    assert.throws(() => moduleOf(example('sc.range(1)\n// => [0]')), /1 values, of which 0 stand behind/)
    assert.throws(() => moduleOf(example('const n = 1 // => 1')), /must follow an expression/)
  })

  it('are many', () => {
    assert.ok(
      all.filter(({ runs }) => runs).length >= 350,
      `only ${all.filter(({ runs }) => runs).length} run`,
    )
  })
})
