// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are code.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readFunction } from '../../../src/rdd/functions/free-variables.ts'

/** A function's text, and the free variables in it: those that a class needs at once first; `=` before those that are assigned. */
const texts: readonly (readonly [string, string])[] = [
  ['x => x + y', 'y'],
  ['(x, y = z, ...rest) => x + y + rest', 'z'],
  ['({ a: b = c, [d]: e, ...f }) => b + e + f + g', 'c d g'],
  ['([a, , [b = c]]) => a + b', 'c'],
  ['(x = () => y, y = z) => x', 'z'],
  ['() => { var y = z; function q() { return w } return q }', 'z w'],
  ['() => { g(); function g() {} var v; v = w }', 'w'],
  ['() => { if (x) { var y = 1 } return y }', 'x'],
  ['() => { { let y = 1 } return y }', 'y'],
  ['() => { try { a() } catch ({ m = n }) { m } finally { b } }', 'a n b'],
  ['() => { try { a() } catch { error } }', 'a error'],
  ['() => { label: for (const k of ks) { if (k) continue label; break label } }', 'ks'],
  ['() => { for (let i = 0; i < n; i++) f(i); return i }', 'n f i'],
  ['() => { for (x in y) z[x] }', '=x y z'],
  ['() => { for (const { a = b } of c) a }', 'b c'],
  ['() => { switch (x) { case y: let z = 1; default: z } return z }', 'x y z'],
  ['() => { ({ a, b: [c], ...d.e } = f) }', '=a =c d f'],
  ['() => { a += 1; b++; --c.d; e ??= g }', '=a =b c =e g'],
  ['x => x?.y?.[z].w', 'z'],
  ['() => tag`${v} w`', 'tag v'],
  ['() => ({ a, b: c, [d]: 1, e() { return f }, get g() { return h } })', 'a c d f h'],
  ['() => ({ m() { return super.x } })', ''],
  ['() => typeof x === "undefined" && void y', 'x y'],
  ['function f(n) { return n < 2 ? f : arguments[0] }', ''],
  ['async x => { for await (const y of x) await z(y) }', 'z'],
  ['function* () { yield* x }', 'x'],
  ['async function* g() { yield (await x) ?? g }', 'x'],
  ['() => { const f = function g() { return g }; return g }', 'g'],
  ['() => { class A { static a = A; b = B } return A }', 'B'],
  ['() => new (class extends B { constructor() { super(c) } })()', 'B c'],
  ['() => import("x").then(m => m[y])', 'y'],
  ['(a, b) => /a+/u.test(`${a}`) && b in c', 'c'],
  [
    'class A extends B { [c] = d; static e = f; static { g(h => i) } #j = k; m() { return this.#j + A } }',
    'B c f g i d k',
  ],
  ['class { static a = () => b; static c() { return d } }', 'b d'],
  ['m(x) { return x + y }', 'y'],
  ['async *[k](x) { yield x }', 'k'],
  ['get a() { return b }', 'b'],
  ['set a(x) { b.c = x }', 'b'],
  ['async(x) { return x + y }', 'y'],
  ['function(x) { return x + y }', 'y'],
  ['"quoted name"() { return y }', 'y'],
  ['function () { return { arguments: 1 }.arguments }', ''],
]

const outer: readonly (readonly [string, string])[] = [
  ['() => this.a', 'this'],
  ['() => () => this', 'this'],
  ['function () { return () => this }', ''],
  ['() => arguments', 'arguments'],
  ['() => function () { return arguments }', ''],
  ['m() { return super.m() }', 'super'],
  ['() => ({ m() { return () => super.m() } })', ''],
  ['class extends A { m() { return super.m() + this.a } }', ''],
  ['x => x.#a', '#a'],
  ['x => #a in x', '#a'],
  ['class { #a; m(x) { return x.#a + (y => y.#b) } }', '#b'],
  ['() => import.meta.url', 'import.meta'],
  ['() => super.m()', 'super'],
  ['() => new.target', 'new.target'],
  ['function () { return new.target }', ''],
  ['x => eval(x)', 'eval'],
  ['x => (0, eval)(x)', ''],
  ['class { [this.a] = 1 }', 'this'],
  ['class { a = this; static b = this; static { this } }', ''],
]

describe('the text of a function', () => {
  for (const [text, expected] of texts)
    it(`${text} uses ${expected === '' ? 'nothing' : expected}`, () => {
      const free = readFunction(text)!.free.map(v => `${v.assignedAt === undefined ? '' : '='}${v.name}`)
      assert.equal(free.join(' '), expected)
    })

  for (const [text, expected] of outer)
    it(`${text} hangs on ${expected === '' ? 'nothing' : expected}`, () => {
      assert.equal(
        readFunction(text)!
          .outer.map(use => use.what)
          .join(' '),
        expected,
      )
    })

  it('tells where in it things are', () => {
    const text = 'x => /* y */ x + y + import("z")'
    const { free, dynamicImports } = readFunction(text)!
    assert.deepEqual([free[0]!.at, dynamicImports[0]], [text.lastIndexOf('y'), text.indexOf('import')])
    assert.equal(readFunction('m() { y }')!.free[0]!.at, 6)
  })

  it('tells sloppy code from strict', () => {
    assert.equal(readFunction('function () { with (x) y }')!.isStrictCode, false)
    assert.equal(readFunction('function () { with (x) y }')!.outer[0]!.what, 'with')
    assert.equal(readFunction('x => 010')!.isStrictCode, false)
    assert.equal(readFunction('x => 10')!.isStrictCode, true)
  })

  it('gives nothing where there is no source', () => {
    for (const text of ['function () { [native code] }', '#a() {}', 'class A', ''])
      assert.equal(readFunction(text), undefined)
  })
})
