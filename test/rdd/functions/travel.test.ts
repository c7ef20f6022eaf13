// biome-ignore-all lint: every case is a trap, written as users may write it.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import * as net from 'node:net'
import path, { basename, join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { registerClass, SparkContext } from '../../../src/index.ts'
import { captureFunction } from '../../../src/rdd/functions/capture-function.ts'
import { capture } from '../../../src/rdd/functions/explicit.ts'
import { type AnyFunction, FunctionWorker } from '../../support/function-worker.ts'
import { runs } from '../../support/runs.ts'
import { assertSame, values } from '../../support/values.ts'
import byDefault, * as library from './fixtures/library.ts'
import { adder, counted, isPoint, Point, renamed, viaEmitter } from './fixtures/library.ts'

const require = createRequire(import.meta.url)
const common = require('./fixtures/common.cjs')
const { look, Box } = require('./fixtures/common.cjs') as typeof import('./fixtures/common.cjs')

const worker = new FunctionWorker()

// ---- what a program of its own declares: this file is the entry module ----

const factor = 3
const words = ['b', 'a']
const table = { a: 1, deep: { list: [1, 2] } }
function twice(x: number): number {
  return x * 2
}
const add = (a: number, b: number): number => a + b
function isEven(n: number): boolean {
  return n === 0 || isOdd(n - 1)
}
function isOdd(n: number): boolean {
  return n !== 0 && isEven(n - 1)
}
class Shape {
  static count = factor
  static make(n: number): Square {
    return new Square(n)
  }
  area(): number {
    return 0
  }
}
class Square extends Shape {
  readonly side: number
  constructor(side: number) {
    super()
    this.side = side
  }
  override area(): number {
    return super.area() + this.side ** 2
  }
}
class Registered {
  readonly at: number
  constructor(at: number) {
    this.at = at
  }
}
registerClass(Registered, { encode: r => r.at, decode: at => new Registered(at) })
const scaler = {
  rate: 2,
  scale(x: number) {
    return x * this.rate
  },
  get fixed() {
    return factor
  },
  async later(x: number) {
    return x + factor
  },
  *spread(x: number) {
    yield x
    yield factor
  },
}
const circle: { self?: unknown; f?: () => unknown; n: number } = { n: 1 }
circle.self = circle
circle.f = () => circle.self === circle && circle.n
const enumerated = { first: 1, ...{ second: 2 } }
function Old(this: { n: number }, n: number): void {
  this.n = n
}
Old.prototype.get = function (this: { n: number }): number {
  return this.n
}
const tagged = Object.assign((x: number) => x + tagged.offset, { offset: 5 })
const frozen = Object.freeze({ list: Object.freeze([1]) })
const limits = new Map([['a', { max: 1 }]])

const works: readonly (readonly [string, AnyFunction, unknown, unknown])[] = [
  ['no variables', (x: number) => x + 1, 1, 2],
  ['a number', (x: number) => x * factor, 2, 6],
  ['a parameter of that name', (factor: number) => factor, 2, 2],
  [
    'an inner variable of that name',
    () => {
      const factor = 9
      return factor
    },
    0,
    9,
  ],
  ['a name as a field and label only', () => ({ factor: 1, table: { words: 2 } }).table.words, 0, 2],
  ['shorthand fields', () => ({ factor, words }), 0, { factor: 3, words: ['b', 'a'] }],
  ['default values', (x: number, y = factor) => x + y, 1, 4],
  [
    'destructured parameters',
    ({ a, ...rest }: Record<string, number>) => [a, rest, factor],
    { a: 1, b: 2 },
    [1, { b: 2 }, 3],
  ],
  ['a template', (x: string) => `${x}${factor}`, 'a', 'a3'],
  ['an array', () => words.toSorted(), 0, ['a', 'b']],
  ['nested data', () => table.deep.list.length + table.a, 0, 3],
  ['a frozen object', () => [Object.isFrozen(frozen), Object.isFrozen(frozen.list)], 0, [true, true]],
  ['a map', (k: string) => limits.get(k)?.max, 'a', 1],
  ['a spread literal', () => enumerated.second, 0, 2],
  ['a function declaration', (x: number) => twice(x) + 1, 2, 5],
  ['an arrow function', (x: number) => add(x, factor), 2, 5],
  ['a function given by itself', twice, 4, 8],
  ['functions that call each other', (n: number) => isEven(n), 7, false],
  ['a class of the program', (n: number) => new Square(n).area(), 3, 9],
  ['classes that need each other', (n: number) => Shape.make(n).area() + Shape.count, 2, 7],
  ['an object with methods', (x: number) => scaler.scale(x) + scaler.fixed, 5, 13],
  ['a method by itself', scaler.later as AnyFunction, 1, 4],
  ['a generator method by itself', scaler.spread as AnyFunction, 1, [1, 3]],
  ['a getter by itself', Object.getOwnPropertyDescriptor(scaler, 'fixed')!.get as AnyFunction, 0, 3],
  ['a static method by itself', Shape.make as AnyFunction, 2, { side: 2 }],
  ['an async function', async (x: number) => (await Promise.resolve(x)) + factor, 1, 4],
  [
    'a generator function',
    function* (x: number) {
      yield x
      yield factor
    },
    1,
    [1, 3],
  ],
  [
    'an async generator inside',
    async () => {
      const all = []
      for await (const x of (async function* () {
        yield factor
      })())
        all.push(x)
      return all
    },
    0,
    [3],
  ],
  ['a function that holds itself', () => circle.f!(), 0, 1],
  [
    'a named function that calls itself',
    function fact(n: number): number {
      return n < 2 ? 1 : n * fact(n - 1)
    },
    4,
    24,
  ],
  [
    'an old-style class',
    (n: number) => new (Old as never as new (n: number) => { get(): number })(n).get(),
    4,
    4,
  ],
  ['a function with fields', (x: number) => tagged(x), 1, 6],
  [
    'this of its own',
    function (this: unknown) {
      return this === undefined
    },
    0,
    true,
  ],
  [
    'arguments of its own',
    function () {
      return arguments.length
    },
    1,
    1,
  ],
  ['an import by name', (x: string) => join(x, 'b'), 'a', path.join('a', 'b')],
  ['an import by default', (x: string) => path.extname(x), 'a.ts', '.ts'],
  ['an import of a namespace', () => net.isIP('1.2.3.4'), 0, 4],
  ['a function of Node as it is', basename as AnyFunction, 'a/b', 'b'],
  [
    'a function of Node in data',
    (
      f => () =>
        f.f('a/b')
    )({ f: basename }),
    0,
    'b',
  ],
  [
    'a module of Node as a value',
    (
      m => () =>
        m.existsSync('/')
    )(fs),
    0,
    true,
  ],
  [
    'native functions',
    (
      f => (x: number) =>
        f(x, 7)
    )(Math.max),
    3,
    7,
  ],
  [
    'a native method',
    (
      f => (x: string) =>
        f.call(x, 0, 1)
    )(String.prototype.slice),
    'abc',
    'a',
  ],
  ['a native function as it is', JSON.parse as AnyFunction, '[1]', [1]],
  [
    'a class of the language as it is',
    (
      C => () =>
        new C([1]).size
    )(Set),
    0,
    1,
  ],
  [
    'globals',
    () => [typeof setTimeout, new URL('a:b').protocol, Number('3'), Buffer.from('a').length],
    0,
    ['function', 'a:', 3, 1],
  ],
  ['a global that is nowhere', () => typeof nowhere, 0, 'undefined'],
  ['a module with state', (x: number) => counted(x), 1, '1:1'],
  ['a module with what cannot travel', (x: number) => viaEmitter(x), 1, 2],
  ['that module, by the function itself', viaEmitter, 1, 2],
  ['a renamed export', (x: number) => renamed(x), 1, 11],
  ['a default export', (x: number) => byDefault(x), 1, 100],
  ['a namespace of a module', (x: number) => library.default(x), 1, 100],
  ['a function that a module made', adder(5), 1, 16],
  [
    'an instance of an exported class',
    (
      p => () =>
        isPoint(p) && p.double().x
    )(new Point(4)),
    0,
    8,
  ],
  ['a static method of an exported class', () => isPoint(Point.origin()), 0, true],
  [
    'an instance of a class of the program',
    (
      s => () =>
        s.area()
    )(new Square(3)),
    0,
    9,
  ],
  [
    'an instance of a registered class',
    (r => () => [r instanceof Registered, r.at])(new Registered(3)),
    0,
    [true, 3],
  ],
  ['a CommonJS module', (k: string) => common.look(k), 'a', 1],
  ['a function of a CommonJS module', (k: string) => look(k), 'a', 1],
  [
    'an instance of a class of a CommonJS module',
    (b => () => [b instanceof Box, b.v])(new Box(2)),
    0,
    [true, 2],
  ],
  ['require', (f: string) => require(f).look('a'), './fixtures/common.cjs', 1],
  ['an npm module', () => fc.sample(fc.constant(1), 2), 0, [1, 1]],
  ['a dynamic import', async (x: number) => (await import('./fixtures/library.ts')).renamed(x), 1, 11],
  [
    'a symbol',
    (
      (s: keyof Iterable<number>) => (x: Iterable<number>) =>
        x[s]().next().value
    )(Symbol.iterator),
    [7],
    7,
  ],
  [
    'nested closures',
    ((a: number) =>
      (
        (b: number) => (c: number) =>
          a + b + c + factor
      )(2))(1),
    3,
    9,
  ],
  ['a function that gives functions', (x: number) => [1, 2].map(y => x + y + factor), 1, [5, 6]],
  [
    'a class inside',
    () => {
      class Inner extends Shape {
        #n = factor
        override area() {
          return this.#n
        }
      }
      return new Inner().area()
    },
    0,
    3,
  ],
  [
    'class fields and static blocks',
    (
      (C: new () => { n: number }) => () =>
        new C().n
    )(
      class {
        static base = factor
        n = 0
        static {
          this.base++
        }
        constructor() {
          this.n = factor + 1
        }
      },
    ),
    0,
    4,
  ],
  [
    'a class that calls, while it is defined, a function of the same variables as others',
    (() => {
      const table = { a: [3] }
      const first = (): number => table.a[0]!
      class Ready {
        static readonly value: number = first() + 1
      }
      return () => first() + Ready.value
    })(),
    0,
    7,
  ],
  ['capture({…}, f)', capture({ factor: 5 }, (x: number) => x * factor), 2, 10],
]

declare const nowhere: unknown

describe('functions that travel', () => {
  for (const [title, f, argument, expected] of works) {
    it(title, async () => {
      assert.deepEqual(await worker.call(f, argument), expected)
    })
  }

  it('takes the variables of each turn of a loop', async () => {
    const made: AnyFunction[] = []
    for (let i = 0; i < 3; i++) made.push((x: number) => x + i)
    for (const word of words) made.push(() => word)
    for (const key in table) made.push(() => key)
    const results: unknown[] = []
    for (const f of made) results.push(await worker.call(f, 10))
    assert.deepEqual(results, [10, 11, 12, 'b', 'a', 'a', 'deep'])
  })

  it('makes a class once, so that instances of one function are known to another', async () => {
    const make = (n: number) => new Square(n)
    const know = (s: unknown) => [s instanceof Square, s instanceof Shape]
    assert.deepEqual(await worker.chain([make, know], 2), [true, true])
    assert.deepEqual(await worker.chain([(n: number) => new Point(n), isPoint], 2), true)
  })

  it('keeps what is shared shared', async () => {
    const list = [1]
    const both = { a: list, b: list }
    assert.equal(await worker.call(() => both.a === both.b && both.a === list), true)
  })

  it('follows long chains of functions', async () => {
    let chain: (x: number) => number = x => x
    const longer = (next: (x: number) => number) => (x: number) => next(x) + 1
    const steps = 600
    for (let i = 0; i < steps; i++) chain = longer(chain)
    const whole = chain
    assert.equal(await worker.call(x => whole(x), 1), 601)
  })

  it('takes values as they are when it is captured', async () => {
    const counts = { n: 1 }
    const f = () => counts.n
    const before = captureFunction(f)
    counts.n = 2
    const { parts } = before
    assert.deepEqual(parts.find(part => part.kind === 'object')?.fields.values, [1])
    assert.equal(await worker.call(f), 2)
  })

  it('gives broadcasts and accumulators by id', async () => {
    await using sc = new SparkContext()
    const shared = sc.broadcast([1])
    const sum = sc.longAccumulator()
    assert.equal(await worker.call(() => shared.value), `broadcast ${shared.id}`)
    const grow = (n: number) => {
      sum.add(n)
      return [sum.id, (sum as never as { added: number[] }).added]
    }
    assert.deepEqual(await worker.call(grow, 4), [sum.id, [4]])
  })

  it('brings any data back equal', async () => {
    await fc.assert(
      fc.asyncProperty(values, async value => {
        // Messages of worker threads drop what data may hold; so it is compared over there, with what the codec made of it.
        const { encodeRecords, decodeRecords } = await import('../../../src/data/codec.ts')
        const bytes = encodeRecords([value])
        const same = async (sent: Uint8Array): Promise<Uint8Array> => {
          const codec = await import('../../../src/data/codec.ts')
          return codec.encodeRecords([value, codec.decodeRecords(sent)[0]])
        }
        const [there, back] = decodeRecords((await worker.call(same, bytes)) as Uint8Array)
        assertSame(there, decodeRecords(bytes)[0])
        assertSame(back, decodeRecords(bytes)[0])
      }),
      { numRuns: runs },
    )
  })

  it('points stack traces at the line in this file', async () => {
    const fail = (x: number) => {
      throw new Error(`${x} ${factor}`)
    }
    const failFreely = (x: number) => {
      throw new Error(`${x}`)
    }
    for (const f of [fail, failFreely]) {
      const here = assert.throws(() => f(1 as never)) ?? stackOf(f)
      const there = await worker.call(f, 1).then(
        () => assert.fail('it does not fail'),
        (error: Error) => placeIn(error),
      )
      assert.equal(there, here)
    }
  })

  it('needs no inspector where there are no free variables, and none of an explicit capture', () => {
    const { scripts, parts } = captureFunction((x: number) => Math.max(x, JSON.stringify(x).length))
    assert.deepEqual([scripts.length, parts.length], [0, 1])
    assert.equal(captureFunction(capture({ factor }, () => factor)).scripts.length, 0)
  })
})

function stackOf(f: AnyFunction): string {
  try {
    f(1 as never)
  } catch (error) {
    return placeIn(error as Error)
  }
  return assert.fail('it does not fail')
}

/** 'travel.test.ts:1:2' */
function placeIn(error: Error): string {
  return /travel\.test\.ts:\d+:\d+/.exec(error.stack ?? '')?.[0] ?? `no place in ${error.stack}`
}
