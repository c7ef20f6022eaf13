/**
 * `npm test`: types, format, layers, build, then all tests. `--quick` leaves out the build, the tests under test/integration,
 * test/package, test/sim and test/services, the examples of the docs, and programs of bundlers. Ends at the first step that fails; the
 * tests come last, so that their summary is the last thing printed.
 *
 * Tests of connectors use the servers that `npm run services -- start` has started; those of other servers are skipped.
 *
 * Property tests run KINDLING_TEST_RUNS times: 50 by default, 20 with --quick, 300 where CI is set. Their inputs come from
 * KINDLING_TEST_SEED. By default that is another one in every run; where CI is set it is made of the content of the commit, so that CI
 * answers the same when it is asked again, and every change is tried with inputs of its own.
 */
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const quick = process.argv.includes('--quick')
const SLOW = /^test\/((integration|package|sim|services)\/|docs\/examples\.|rdd\/functions\/programs\.)/

function step(name: string, args: readonly string[]): void {
  const start = performance.now()
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit', env: environment() })
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  if (status !== 0) {
    console.error(`${name} failed after ${seconds} s`)
    process.exit(status ?? 1)
  }
  if (name !== 'tests') console.log(`${name}: ${seconds} s`)
}

function environment(): NodeJS.ProcessEnv {
  const inCI = process.env['CI'] !== undefined
  const runs = process.env['KINDLING_TEST_RUNS'] ?? (inCI ? '300' : quick ? '20' : '50')
  const seed = process.env['KINDLING_TEST_SEED'] ?? (inCI ? String(seedOfContent()) : undefined)
  return { ...process.env, KINDLING_TEST_RUNS: runs, ...(seed !== undefined && { KINDLING_TEST_SEED: seed }) }
}

/** 0 outside of a clone. */
function seedOfContent(): number {
  const { stdout } = spawnSync('git', ['rev-parse', 'HEAD^{tree}'], { cwd: root, encoding: 'utf8' })
  return /^[0-9a-f]{40,}$/.test(stdout?.trim() ?? '') ? Number.parseInt(stdout.slice(0, 7), 16) : 0
}

const tests = globSync('test/**/*.test.ts', { cwd: root })
  .filter(file => !(quick && SLOW.test(file)))
  .sort()

step('types', ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'])
step('format', ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.'])
step('layers', ['scripts/check-layers.ts'])
if (!quick) step('build', ['scripts/build.ts'])
// A test that hangs is a failure, not the end of the run.
step('tests', ['--conditions=source', '--test', '--test-concurrency=2', '--test-timeout=180000', ...tests])
