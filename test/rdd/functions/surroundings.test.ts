// biome-ignore-all lint: every case is a trap, written as users may write it.
// Functions of other realms and shells, and where there is no inspector.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import inspector from 'node:inspector'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import vm from 'node:vm'
import { captureFunction } from '../../../src/rdd/functions/capture-function.ts'
import { placeStack } from '../../../src/rdd/functions/stack-place.ts'
import { type AnyFunction, FunctionWorker } from '../../support/function-worker.ts'
import { thrown } from '../../support/rejected.ts'

const worker = new FunctionWorker()

// As Jest runs a test file: CommonJS in a context of its own, with globals that are not this realm's.
function inContext(body: string): AnyFunction {
  const context = vm.createContext({ console, setTimeout, configured: { limit: 5 } })
  const code = `(function (require, module, exports) { ${body}\n})`
  const run = vm.runInContext(code, context, { filename: '/program/a.test.js' }) as AnyFunction
  return run(undefined as never, {} as never, {} as never) as AnyFunction
}

const foreign: readonly (readonly [string, string, unknown, unknown])[] = [
  ['a number', 'const n = 2; return x => x + n', 1, 3],
  ['a plain object', 'const o = { a: [1, { b: 2 }] }; return () => o.a[1].b', 0, 2],
  ['a map', 'const m = new Map([["a", new Set([1])]]); return () => [...m.get("a")]', 0, [1]],
  ['a date', 'const d = new Date(5); return () => d.getTime()', 0, 5],
  ['an expression', 'const r = /a+/g; return s => s.replace(r, "b")', 'caa', 'cb'],
  ['an error', 'const e = new TypeError("no"); return () => [e.name, e.message]', 0, ['TypeError', 'no']],
  ['bytes', 'const b = new Uint8Array([1, 2]); return () => b.length', 0, 2],
  ['a native function', 'const f = Math.max; return x => f(x, 2)', 1, 2],
  ['a class', 'class A { v() { return 7 } }; return () => new A().v()', 0, 7],
  [
    'an instance',
    'class A { constructor() { this.v = 7 } }; const a = new A(); return () => a instanceof A && a.v',
    0,
    7,
  ],
  ['a global of the context', 'return () => configured.limit', 0, 5],
  ['a standard global', 'return () => Array.isArray([])', 0, true],
]

describe('functions of other surroundings', () => {
  for (const [title, body, argument, expected] of foreign)
    it(`in a vm context: ${title}`, async () => {
      assert.deepEqual(await worker.call(inContext(body), argument), expected)
    })

  it('in a vm context: what cannot travel is told all the same', () => {
    const message = (body: string): string =>
      thrown('CLOSURE_NOT_TRANSFERABLE', () => captureFunction(inContext(body))).message
    assert.match(message('const p = Promise.resolve(); return () => p'), /p is a promise.*a\.test\.js:1:\d+/)
    assert.match(message('const w = new WeakMap(); return () => w'), /w is a WeakMap/)
    const counting = () => captureFunction(inContext('let n = 0; return () => n++'))
    thrown('CAPTURE_REASSIGNED', counting)
  })

  it('typed into a shell', async () => {
    vm.runInThisContext('const typedFactor = 4; class Typed { v() { return typedFactor } }', {
      filename: 'REPL1',
    })
    const f = vm.runInThisContext('x => x * typedFactor + new Typed().v()', {
      filename: 'REPL2',
    }) as AnyFunction
    assert.equal(await worker.call(f, 2), 12)
  })

  it('made by new Function', async () => {
    assert.equal(await worker.call(new Function('x', 'return x + 1') as AnyFunction, 2), 3)
    const maker = new Function('n', 'return x => x + n') as (n: number) => AnyFunction
    assert.equal(await worker.call(maker(5), 2), 7)
  })

  it('at an offset in its file', async () => {
    const options = { filename: '/program/page.html', lineOffset: 9, columnOffset: 4 }
    const f = vm.runInThisContext('((n) => () => { throw new Error(`no ${n}`) })(1)', options) as AnyFunction
    const here = placeOf(() => f())
    const there = await worker.call(f).catch((error: Error) =>
      placeOf(() => {
        throw error
      }),
    )
    assert.match(here, /page\.html:10:\d+/)
    assert.equal(there, here)
  })

  it('with a debugger attached in the same thread', async () => {
    const session = new inspector.Session()
    session.connect()
    session.post('Debugger.enable')
    const n = 3
    try {
      assert.equal(await worker.call((x: number) => x + n, 1), 4)
    } finally {
      session.disconnect()
    }
  })

  it('where there is no inspector, asks for an explicit capture', async () => {
    const code = `
      import { captureFunction } from ${JSON.stringify(new URL('../../../src/rdd/functions/capture-function.ts', import.meta.url))}
      import { capture } from ${JSON.stringify(new URL('../../../src/rdd/functions/explicit.ts', import.meta.url))}
      const n = 1
      console.log(captureFunction(x => x + 1).parts.length, captureFunction(x => String(x)).parts.length)
      console.log(captureFunction(capture({ n }, x => x + n)).parts[0].values)
      try { captureFunction(x => x + n) } catch (error) { console.log(error.message) }`
    const root = fileURLToPath(new URL('../../..', import.meta.url))
    const options = ['--permission', `--allow-fs-read=${root}*`, '--input-type=module', '-e', code]
    const { stdout } = await promisify(execFile)(process.execPath, options, { cwd: root })
    const [free, values, message] = stdout.trim().split('\n')
    assert.equal(free, '1 1')
    assert.equal(values, '[ 1 ]')
    assert.match(message!, /n is out of reach, since this Node has no inspector.*capture\(\{ n \}, f\)/)
  })

  it('leaves stack traces without functions as they are', () => {
    assert.equal(placeStack('Error: no\n    at f (a.ts:1:2)'), 'Error: no\n    at f (a.ts:1:2)')
    assert.equal(placeStack('at kindling-function:123456789:1:1'), 'at kindling-function:123456789:1:1')
  })
})

function placeOf(f: () => unknown): string {
  try {
    f()
  } catch (error) {
    return /[\w.]+:\d+:\d+/.exec((error as Error).stack ?? '')?.[0] ?? 'no place'
  }
  return 'nothing thrown'
}
