import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'

const root = join(import.meta.dirname, '../..')
const project = mkdtempSync(join(tmpdir(), 'kindling-pack-'))
after(() => rmSync(project, { recursive: true, force: true }))

const run = (command: string, args: string[], cwd = project): string =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

const PROGRAM = `
import { SparkContext, StreamingContext, seconds } from 'kindling'
import { StreamTest } from 'kindling/testing'
await using sc = new SparkContext()
const counts = await sc.parallelize(['a b', 'b']).flatMap(l => l.split(' ')).map(w => [w, 1]).reduceByKey((a, b) => a + b).collect()
await using t = new StreamTest({ batchDuration: seconds(1), build: t => { t.collect('out', t.input('in', [[1, 2]]).count()) } })
await t.run(1)
console.log(JSON.stringify({ counts, batches: t.out('out').batches, context: typeof StreamingContext }))
`
const EXPECTED = '{"counts":[["a",1],["b",2]],"batches":[[2]],"context":"function"}\n'

describe('the packed package in an empty project', () => {
  before(() => {
    // The build of the test command is packed as it is; lifecycle scripts would build it again.
    run('npm', ['pack', '--ignore-scripts', '--pack-destination', project], root)
    writeFileSync(join(project, 'package.json'), '{ "name": "user", "private": true, "type": "module" }')
    // What it depends on is packed too: nothing is asked of a registry.
    run('npm', ['pack', '--ignore-scripts', '--pack-destination', project, join(root, 'node_modules/acorn')])
    const tarballs = readdirSync(project).filter(name => name.endsWith('.tgz'))
    run('npm', ['install', '--no-audit', '--no-fund', '--offline', ...tarballs.map(t => join(project, t))])
  })

  it('holds what users need and nothing else', () => {
    const installed = join(project, 'node_modules/kindling')
    assert.deepEqual(readdirSync(installed).sort(), [
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'dist',
      'package.json',
    ])
    assert.deepEqual(
      readdirSync(join(project, 'node_modules')).filter(n => !n.startsWith('.')),
      ['acorn', 'kindling'],
    )
  })

  it('looks at functions with the parser that comes along', () => {
    const program = `
      import { SparkContext } from 'kindling'
      const told = []
      const logger = { debug() {}, info() {}, error() {}, warn: message => told.push(message) }
      const sc = new SparkContext({ logger })
      let total = 0
      await sc.parallelize([1, 2]).foreach(x => { total += x })
      await sc.stop()
      console.log(told.length, /assigned again at look.js:7/.test(told[0]))`
    writeFileSync(join(project, 'look.js'), program)
    assert.equal(run(process.execPath, ['look.js']), '1 true\n')
  })

  it('runs a JavaScript program', () => {
    writeFileSync(join(project, 'app.js'), PROGRAM)
    assert.equal(run(process.execPath, ['app.js']), EXPECTED)
  })

  it('checks and runs a TypeScript program', () => {
    writeFileSync(
      join(project, 'app.ts'),
      `${PROGRAM}const typed: [string, number][] = counts\nvoid typed\nexport {}\n`,
    )
    mkdirSync(join(project, 'node_modules/@types'), { recursive: true })
    cpSync(join(root, 'node_modules/@types/node'), join(project, 'node_modules/@types/node'), {
      recursive: true,
    })
    cpSync(join(root, 'node_modules/undici-types'), join(project, 'node_modules/undici-types'), {
      recursive: true,
    })
    const options = {
      strict: true,
      noEmit: true,
      module: 'nodenext',
      target: 'es2024',
      lib: ['es2024', 'esnext.disposable'],
      types: ['node'],
    }
    writeFileSync(
      join(project, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: options, files: ['app.ts'] }),
    )
    run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json'])
    assert.equal(run(process.execPath, ['app.ts']), EXPECTED)
  })

  it('has a command line', () => {
    const bin = join(project, 'node_modules/kindling/dist/cli/main.js')
    assert.match(run(process.execPath, [bin, '--help']), /kindling run/)
    assert.match(run(process.execPath, [bin, 'doctor']), /ok {2}Node/)
    assert.equal(run(process.execPath, [bin, '--version']), '0.1.0\n')
    assert.equal(run(process.execPath, [bin, 'run', 'app.js']), EXPECTED)
  })
})
