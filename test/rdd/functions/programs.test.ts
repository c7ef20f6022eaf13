// Programs as they come out of loaders and bundlers, each in a process of its own.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build, type Format } from 'esbuild'
import { createInstrumenter } from 'istanbul-lib-instrument'

const here = import.meta.dirname
const program = join(here, 'fixtures', 'program.ts')
const environment = {
  ...process.env,
  FUNCTION_WORKER: join(here, 'worker.ts'),
  FUNCTIONS_UNDER_TEST: fileURLToPath(new URL('../../../src/rdd/functions', import.meta.url)),
}
// A bundle must lie where it finds the modules that were left out of it.
const folder = await mkdtemp(join(here, 'fixtures', 'bundle-'))
after(() => rm(folder, { recursive: true }))

async function run(file: string, options: readonly string[] = []): Promise<void> {
  const { stdout } = await promisify(execFile)(process.execPath, [...options, file], { env: environment })
  assert.equal(stdout.trim(), 'all functions arrived')
}

async function bundled(name: string, options: Parameters<typeof build>[0]): Promise<string> {
  const outfile = join(folder, name)
  await build({
    entryPoints: [program],
    bundle: true,
    platform: 'node',
    outfile,
    logLevel: 'error',
    ...options,
  })
  return outfile
}

describe('functions of programs', { concurrency: 1 }, () => {
  it('in TypeScript, its types stripped by Node', () => run(program))

  it('whose modules import the program itself', () => run(join(here, 'fixtures', 'program-entry.ts')))

  it('in CommonJS', () => run(join(here, 'fixtures', 'program.cjs')))

  it('in CommonJS, bundled but for its modules', async () => {
    const entryPoints = [join(here, 'fixtures', 'program.cjs')]
    const external = ['*/common.cjs', '*/program-cjs-import.mjs']
    for (const name of ['common.cjs', 'program-cjs-import.mjs'])
      await copyFile(join(here, 'fixtures', name), join(folder, name))
    await run(await bundled('bundle.cjs', { entryPoints, external, format: 'cjs' }))
  })

  it('in ES module syntax that is made CommonJS', async () => {
    const interop = join(folder, 'interop.cts')
    await copyFile(join(here, 'fixtures', 'program-interop.txt'), interop)
    for (const name of ['common.cjs', 'program-library.ts'])
      await copyFile(join(here, 'fixtures', name), join(folder, name))
    await run(interop, ['--import', 'tsx'])
    const external = ['*/common.cjs']
    await run(await bundled('interop.cjs', { entryPoints: [interop], external, format: 'cjs' }))
    await run(await bundled('small.cjs', { entryPoints: [interop], external, format: 'cjs', minify: true }))
  })

  it('under a debugger', () => run(program, ['--inspect=127.0.0.1:0']))

  it('with coverage', async () => {
    const coverage = { ...environment, NODE_V8_COVERAGE: folder }
    const { stdout } = await promisify(execFile)(process.execPath, [program], { env: coverage })
    assert.equal(stdout.trim(), 'all functions arrived')
  })

  it('instrumented by istanbul, as Jest does for coverage', async () => {
    const plain = await bundled('plain.mjs', { format: 'esm' })
    const instrumented = join(folder, 'instrumented.mjs')
    const code = createInstrumenter({ esModules: true }).instrumentSync(await readFile(plain, 'utf8'), plain)
    assert.match(code, /__coverage__/)
    await writeFile(instrumented, code)
    await run(instrumented)
  })

  it('under tsx', () => run(program, ['--import', 'tsx']))

  for (const minify of [false, true])
    it(`bundled by esbuild${minify ? ' and minified' : ''}`, async () =>
      run(await bundled(`bundle-${minify}.mjs`, { format: 'esm' as Format, minify })))

  it('bundled, minified, with source maps', async () =>
    run(await bundled('mapped.mjs', { format: 'esm', minify: true, sourcemap: true }), [
      '--enable-source-maps',
    ]))
})
