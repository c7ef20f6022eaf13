/** Functions travel also from programs that a test runner, such as Jest, loads into a context of their own. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'

const dir = mkdtempSync(join(tmpdir(), 'kindling-runner-'))
after(() => rmSync(dir, { recursive: true, force: true }))
const root = join(import.meta.dirname, '../../..')

it('captures from a context with another global object, engine and all', () => {
  writeFileSync(
    join(dir, 'helpers.ts'),
    `export const factor: number = 7
export function shout(text: string): string { return \`\${text.toUpperCase()}!\` }
`,
  )
  writeFileSync(
    join(dir, 'app.ts'),
    `import { SparkContext } from '${join(root, 'src/index.ts')}'
import { factor, shout } from './helpers.ts'
const own = 3
function twice(n: number): number { return n * 2 + own }
const sc = new SparkContext({ master: 'local[2]' })
const k = 10
const dates = [new Date(5), new Map([[1, new Set(['x'])]])]
console.log(await sc.parallelize([1, 2, 3], 2).map(n => twice(n) * factor + k).collect())
console.log(await sc.parallelize(['a'], 1).map(text => shout(text)).collect())
console.log(await sc.parallelize([0, 1], 2).map(i => dates[i]).collect())
await sc.stop()
`,
  )
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [
      '--no-warnings',
      '--experimental-vm-modules',
      '--conditions=source',
      join(root, 'test/support/vm-runner.ts'),
      join(dir, 'app.ts'),
    ],
    { encoding: 'utf8', timeout: 120_000 },
  )
  assert.equal(status, 0, stderr)
  assert.equal(
    stdout,
    `[ 45, 59, 73 ]\n[ 'A!' ]\n[ 1970-01-01T00:00:00.005Z, Map(1) { 1 => Set(1) { 'x' } } ]\n`,
  )
})
