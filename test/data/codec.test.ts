import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { endianness } from 'node:os'
import { describe, it } from 'node:test'
import vm from 'node:vm'
import fc from 'fast-check'
import {
  copyValue,
  decodePairs,
  decodeRecords,
  encodePairs,
  encodeRecords,
  isImmutable,
  recordCount,
  registerClass,
} from '../../src/data/codec.ts'
import { plainShape, recordShape } from '../../src/data/record-shape.ts'
import { thrown } from '../support/rejected.ts'
import { runs } from '../support/runs.ts'
import { assertSame, fromEntries, recordLists, values } from '../support/values.ts'

class Point {
  readonly x: number
  readonly y: number
  constructor(x: number, y: number) {
    this.x = x
    this.y = y
  }
}
registerClass(Point, { encode: p => [p.x, p.y] as const, decode: ([x, y]) => new Point(x, y) })

describe('blocks of records', () => {
  it('any records come back as they were', () => {
    fc.assert(
      fc.property(recordLists, records => {
        const block = encodeRecords(records)
        assertSame(decodeRecords(block), records)
        assert.equal(recordCount(block), records.length)
      }),
      { numRuns: runs * 4 },
    )
  })

  it('any single value comes back, also where it is nested too deep for columns', () => {
    fc.assert(
      fc.property(values, fc.nat(30), (value, depth) => {
        let record = value
        for (let i = 0; i < depth; i++)
          record = i % 3 === 0 ? { in: record } : i % 3 === 1 ? [record] : [record, [record]].slice(0, 1)
        assertSame(decodeRecords(encodeRecords([record])), [record])
      }),
      { numRuns: runs * 2 },
    )
  })

  it('pairs come back as two columns, or as records of tuples', () => {
    fc.assert(
      fc.property(recordLists, recordLists, (a, b) => {
        const count = Math.min(a.length, b.length)
        const keys = a.slice(0, count)
        const others = b.slice(0, count)
        const block = encodePairs(keys, others)
        assertSame(decodePairs(block), { keys, values: others })
        const rows = keys.map((key, i) => [key, others[i]])
        assertSame(decodeRecords(block), rows)
        assertSame(decodePairs(encodeRecords(rows)), { keys, values: others })
      }),
      { numRuns: runs },
    )
  })

  it('a block may lie anywhere in a larger buffer, shared or not, and is not changed', () => {
    fc.assert(
      fc.property(recordLists, fc.nat(17), fc.boolean(), (records, offset, shared) => {
        const block = encodeRecords(records)
        const room = shared
          ? new SharedArrayBuffer(block.length + offset + 3)
          : new ArrayBuffer(block.length + offset + 3)
        const view = new Uint8Array(room, offset, block.length)
        view.set(block)
        assertSame(decodeRecords(view), records)
        assertSame(decodeRecords(Buffer.from(view.buffer, offset, block.length)), records)
        assert.deepEqual(Buffer.from(view), Buffer.from(block))
      }),
      { numRuns: runs },
    )
  })

  it('what was decoded does not depend on the bytes any more', () => {
    const records = [
      { name: 'x', bytes: new Uint8Array([1, 2]), n: 1.5 },
      { name: 'y', bytes: new Uint8Array([3]), n: 2 },
    ]
    const block = encodeRecords(records)
    const decoded = decodeRecords(block)
    block.fill(255)
    assertSame(decoded, records)
  })

  it('each layout of columns is used where it fits, and its edges round-trip', () => {
    const many = Array.from({ length: 300 }, (_, i) => i)
    const cases: [string, unknown[]][] = [
      ['none', []],
      ['one constant', [undefined]],
      ['nulls', [null, null]],
      ['undefined and null', [undefined, null, undefined]],
      ['one number', many.map(() => 3.25)],
      ['negative zero only', [-0, -0]],
      ['zero then negative zero', [0, -0]],
      ['int32 limits', [2 ** 31 - 1, -(2 ** 31), 0]],
      ['beyond int32', [2 ** 31, 1]],
      ['booleans', many.map(i => i % 3 === 0)],
      ['int64 limits', [2n ** 63n - 1n, -(2n ** 63n)]],
      ['beyond int64', [2n ** 63n, 1n]],
      ['repeated words', many.map(i => `word ${i % 5}`)],
      ['300 words in a dictionary', Array.from({ length: 3000 }, (_, i) => `w${i % 300}`)],
      ['strings over several segments', many.map(i => 'é'.repeat(i) + 'x'.repeat(i * 7))],
      ['long strings', many.map(i => `${i} `.repeat(200 + i))],
      ['long strings, one of them not ASCII', many.map(i => `${i} `.repeat(200) + (i === 7 ? 'é' : ''))],
      ['long strings with a lone surrogate', many.map(i => `${i} `.repeat(200) + (i === 7 ? '\ud83d' : ''))],
      ['bytes in records', many.map(i => ({ i, bytes: Uint8Array.of(i, 255) }))],
      ['a surrogate pair over two strings', ['\ud83d', '\udca5', 'x']],
      ['tuples of 40', [many.slice(0, 40), many.slice(1, 41)]],
      ['records of 100 fields', [0, 1].map(n => fromEntries(many.slice(0, 100).map(i => [`f${i}`, i + n])))],
      [
        'records of 2000 fields',
        [0, 1].map(n =>
          fromEntries(many.flatMap(i => many.slice(0, 7).map(j => [`f${i}_${j}`, n] as const))),
        ),
      ],
      [
        'names with quotes and odd units',
        [0, 1].map(n => ({ '"\\\n\u2028': n, '\ud800': n, ' ': n, '7': n })),
      ],
      ['lists of 70000', [Array.from({ length: 70_000 }, (_, i) => i)]],
    ]
    for (const [name, records] of cases) assertSame(decodeRecords(encodeRecords(records)), records, name)
  })

  it('constants, small numbers, words and flags take few bytes', () => {
    const count = 10_000
    const size = (records: unknown[]): number => encodeRecords(records).length / count
    const rows = Array.from({ length: count }, (_, i) => i)
    assert.ok(size(rows.map(() => ['w', 1])) < 1.1)
    assert.ok(size(rows.map(i => `word number ${i % 100}`)) < 1.3)
    assert.ok(size(rows.map(i => i % 2 === 0)) < 0.2)
    assert.ok(size(rows.map(i => (i % 4 === 0 ? undefined : i))) < 3.3)
  })

  it('more rows than may be free of bytes still come back', () => {
    const rows = new Array<number>(2 ** 20 + 1).fill(1)
    for (const value of [1, undefined, null, true]) {
      const decoded = decodeRecords(encodeRecords(rows.map(() => value)))
      assert.equal(decoded.length, rows.length)
      assert.ok(decoded.every(v => v === value))
    }
    assert.deepEqual(decodeRecords(encodeRecords(rows.map(() => []))).at(-1), [])
    assert.deepEqual(decodeRecords(encodeRecords(rows.map(() => ({})))).at(-1), {})
  })

  it('holes become undefined; objects without prototype and fields of errors come back plain', () => {
    // biome-ignore lint/suspicious/noSparseArray: this is the point
    assertSame(decodeRecords(encodeRecords([[1, , 3], 'x'])), [[1, undefined, 3], 'x'])
    const bare = Object.assign(Object.create(null) as object, { a: 1 })
    assertSame(decodeRecords(encodeRecords([bare])), [{ a: 1 }])
    class MyError extends TypeError {
      override name = 'MyError'
      code = 'E_MINE'
      socket = { unencodable: () => 1 }
    }
    const [error] = decodeRecords(encodeRecords([new MyError('bad')])) as [Error & { code: string }]
    assert.equal(Object.getPrototypeOf(error), Error.prototype)
    assert.equal(`${error}`, 'MyError: bad')
    assert.equal(error.code, 'E_MINE')
    assert.ok(!('socket' in error))
  })

  it('fields with symbols as names, hidden ones and named properties of arrays are left out', () => {
    const record = Object.defineProperty({ a: 1, [Symbol('s')]: 2 }, 'hidden', {
      value: 3,
      enumerable: false,
    })
    const list = Object.assign([1, 2], { label: 'x' })
    for (const back of [decodeRecords(encodeRecords([record, list])), copyValue([record, list])]) {
      assert.deepEqual(Reflect.ownKeys(back[0] as object), ['a'])
      assert.deepEqual(Reflect.ownKeys(back[1] as object), ['0', '1', 'length'])
    }
  })

  it('what is referred to twice is stored twice', () => {
    const shared = { n: 1 }
    const [back] = decodeRecords(encodeRecords([[shared, shared]])) as [[object, object]]
    assert.notEqual(back[0], back[1])
    assert.deepEqual(back, [shared, shared])
  })

  it('a field named __proto__ is data, and pollutes nothing', () => {
    const record = JSON.parse('{"__proto__": {"polluted": 1}, "a": 1}') as object
    for (const records of [
      [record],
      [record, record],
      [record, 'x'],
      [[record]],
      [new Map([[record, record]])],
    ]) {
      assertSame(decodeRecords(encodeRecords(records)), records)
      assertSame(copyValue(records), records)
    }
    assert.equal(({} as { polluted?: number }).polluted, undefined)
  })

  it('values of another realm are known for what they are', () => {
    const foreign: unknown = vm.runInNewContext(
      '[[1, [2]], { a: { b: 1 } }, new Date(5), new Map([[1, new Set([2])]]), /x/g, new Uint8Array([1]), new TypeError("t")]',
    )
    const back = decodeRecords(encodeRecords([foreign]))[0] as unknown[]
    assert.deepEqual(back.slice(0, 6), [
      [1, [2]],
      { a: { b: 1 } },
      new Date(5),
      new Map([[1, new Set([2])]]),
      /x/g,
      new Uint8Array([1]),
    ])
    assert.equal(String(back[6]), 'TypeError: t')
    assert.throws(() => encodeRecords([vm.runInNewContext('new (class A extends Map {})()')]), {
      code: 'RECORD_NOT_ENCODABLE',
    })
  })

  // Stored blocks must stay readable: a change here needs a new version, and the old one must still be read.
  it('is laid out as docs/reference/block-format.md says', { skip: endianness() === 'BE' }, () => {
    const page = readFileSync(new URL('../../docs/reference/block-format.md', import.meta.url), 'utf8')
    const example = /```\n(4B.*?)```/s.exec(page)![1]!.replaceAll(/(?<=\S) {3,}.*/g, '')
    const pairs = Buffer.from(example.replaceAll(/\s/g, ''), 'hex')
    assert.deepEqual(Buffer.from(encodePairs(['a', 'b'], [1, 1])), pairs)

    const error = Object.assign(new RangeError('m'), { stack: 's', code: 2 })
    const oneOfEachTag = [
      ...[undefined, null, true, false, -1, 1.5, 'x', 1n, 2n ** 64n, [1], { a: 1 }, new Map([[1, 2]])],
      ...[new Set([1]), new Date(0), /r/g, error, new Int16Array([3]), new Point(1, 2)],
    ]
    const text = (letters: string): string => Buffer.from(letters).toString('hex')
    const golden = [
      '4b010112 0d', // 18 records, generic
      `07 06 01 01110101 0a0101 07 00 20 ${text('x10000000000000000rgRangeErrorms')}`,
      `03 01 010405 03 00 0a ${text('acodePoint')}`,
      '00 01 02 03 0401 05000000000000f83f 06 070100000000000000 08',
      '09010402 0a01000402 0b0104020404 0c010402 0d0000000000000000 0e00',
      '0f09 01010404 1006010300 1102 090204020404',
    ]
    const bytes = Buffer.from(golden.join('').replaceAll(' ', ''), 'hex')
    assert.deepEqual(Buffer.from(encodeRecords(oneOfEachTag)), bytes)
    assertSame(decodeRecords(bytes), oneOfEachTag)
  })

  it('works the same without code generation', () => {
    const script = `
      import { decodeRecords, encodeRecords } from ${JSON.stringify(import.meta.resolve('../../src/data/codec.ts'))}
      const rows = [{ a: 1, b: { __proto__: null, c: 'x' } }, { a: 2, b: { c: 'y' } }]
      console.log(JSON.stringify(decodeRecords(encodeRecords(rows))))`
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--disallow-code-generation-from-strings', '--input-type=module', '-e', script],
      { encoding: 'utf8' },
    )
    assert.equal(stdout, '[{"a":1,"b":{"c":"x"}},{"a":2,"b":{"c":"y"}}]\n', stderr)
  })

  it('generated and plain loops over records agree', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.oneof(fc.string(), fc.constantFrom('__proto__', '1')), { maxLength: 6 }),
        fc.nat(4),
        (names, count) => {
          const rows = Array.from({ length: count }, (_, i) => fromEntries(names.map(name => [name, [i]])))
          const order = Object.keys(rows[0] ?? {})
          const shape = recordShape(order)
          const oracle = plainShape(order)
          assert.deepEqual(shape.split(rows), oracle.split(rows))
          assertSame(shape.build(shape.split(rows), count), rows.map(row => ({ ...row })).map(copyOneLevel))
        },
      ),
      { numRuns: runs },
    )
  })
})

function copyOneLevel(row: object): object {
  return fromEntries(Object.entries(row).map(([name, value]) => [name, [...(value as unknown[])]]))
}

describe('what cannot be stored', () => {
  const cyclic: Record<string, unknown> = { x: 1 }
  cyclic['self'] = { again: cyclic }
  const ring: unknown[] = []
  ring.push(new Map([['k', ring]]))
  let deep: unknown = 1
  for (let i = 0; i < 1000; i++) deep = [deep]
  class Plain {}
  class Tags extends Set {}
  class List extends Array {}
  const old = Object.create({ method() {} }) as object
  const table: [string, unknown, string][] = [
    ['a function', () => 1, 'record[1] is a function'],
    ['a class', Plain, 'record[1] is a class'],
    ['a symbol', Symbol('s'), 'record[1] is a symbol'],
    ['a promise', [Promise.resolve(1)], 'record[1][0] is a Promise (await it first'],
    ['a weak map', { a: new WeakMap() }, 'record[1].a is an instance of class WeakMap'],
    ['an instance', { user: { socket: new Plain() } }, 'record[1].user.socket is an instance of class Plain'],
    ['a subclass of Set', new Tags(), 'record[1] is an instance of class Tags'],
    ['a subclass of Array', [new List()], 'record[1][0] is an instance of class List'],
    ['inherited data', old, 'record[1] is an instance of class Object'],
    ['a fake date', Object.create(Date.prototype), 'record[1] is an instance of class Date'],
    ['a boxed number', Object(1), 'record[1] is an instance of class Number'],
    [
      'a getter',
      {
        get now() {
          return 1
        },
      },
      'record[1].now is a getter',
    ],
    ['a generator', [(function* () {})()], 'record[1][0] is an instance of class'],
    ['in a map', new Map([['a b', () => 1]]), "record[1].get('a b') is a function"],
    ['as key of a map', new Map([[1, 1], [() => 1, 1] as never]), 'record[1].keys()[1] is a function'],
    ['in a set', new Set([1, Symbol('x')]), 'record[1].values()[1] is a symbol'],
    ['in the cause of an error', new Error('x', { cause: { f() {} } }), 'record[1].cause.f is a function'],
    ['under an odd name', { 'a-b': { '': () => 1 } }, 'record[1]["a-b"][""] is a function'],
    ['shared memory', new SharedArrayBuffer(8), 'record[1] is a SharedArrayBuffer (copy'],
    [
      'a view on shared memory',
      new Int8Array(new SharedArrayBuffer(8)),
      'record[1] is a Int8Array over shared memory',
    ],
    ['a cycle', cyclic, 'record[1].self.again is cyclic (it is record[1] again)'],
    ['a cycle through a map', ring, "record[1][0].get('k') is cyclic (it is record[1] again)"],
    ['deep nesting', deep, 'levels deep'],
  ]
  for (const [name, value, message] of table) {
    it(`${name} is refused with its path`, () => {
      const error = thrown('RECORD_NOT_ENCODABLE', () => encodeRecords([{ fine: 1 }, value]))
      assert.ok(error.message.includes(message), error.message)
      // The same alone, among its like (a typed column of its own), as a value of a pair, and when copied.
      assert.ok(
        thrown('RECORD_NOT_ENCODABLE', () => encodeRecords([value, value])).message.includes(
          message.replace('record[1]', 'record[0]').replace('record[1]', 'record[0]'),
        ),
      )
      assert.match(
        thrown('RECORD_NOT_ENCODABLE', () => encodePairs(['k'], [value])).message,
        /record\[0\]\[1\]/,
      )
      if (typeof value === 'object') {
        const copied = thrown('RECORD_NOT_ENCODABLE', () => copyValue(value))
        assert.ok(copied.message.includes(message.replaceAll('record[1]', 'value')), copied.message)
      } else {
        thrown('RECORD_NOT_ENCODABLE', () => copyValue(value))
      }
    })
  }

  it('a tree with parent links is refused at once, however wide', () => {
    const root: { children: object[] } = { children: [] }
    for (let i = 0; i < 500; i++) root.children.push({ parent: root, children: [] })
    const before = performance.now()
    const error = thrown('RECORD_NOT_ENCODABLE', () => encodeRecords([root]))
    assert.match(error.message, /record\[0\]\.children\[0\]\.parent is cyclic/)
    assert.ok(performance.now() - before < 3000)
  })

  it('the encoder is as new after a refusal', () => {
    thrown('RECORD_NOT_ENCODABLE', () => encodeRecords([1, 'x', () => 1]))
    thrown('RECORD_NOT_ENCODABLE', () => copyValue([[() => 1]]))
    assertSame(decodeRecords(encodeRecords([1, 'x'])), [1, 'x'])
    const value = [[1]]
    assertSame(copyValue(value), value)
  })

  it('an array of billions of holes ends in an error, not in silence', () => {
    const sparse: unknown[] = []
    sparse[4_000_000_000] = 1
    for (const records of [[{ sparse }, 1], [sparse], [[sparse]], sparse]) {
      thrown('BLOCK_TOO_LARGE', () => encodeRecords(records))
      thrown('BLOCK_TOO_LARGE', () => copyValue(records))
    }
  })
})

describe('registerClass', () => {
  it('instances come back as instances, anywhere, each time anew', () => {
    const records = [new Point(1, 2), { at: [new Point(3, 4)] }, new Map([['p', new Point(5, 6)]])]
    assertSame(decodeRecords(encodeRecords(records)), records)
    assertSame(decodeRecords(encodeRecords([new Point(1, 2), new Point(1, 2)])), [
      new Point(1, 2),
      new Point(1, 2),
    ])
    assertSame(copyValue(records), records)
  })

  it('encode may itself use the codec', () => {
    class Wrapped {
      inner: unknown
      constructor(inner: unknown) {
        this.inner = inner
      }
    }
    registerClass(Wrapped, {
      encode: w => encodeRecords([copyValue(w.inner)]),
      decode: bytes => new Wrapped(decodeRecords(bytes)[0]),
    })
    const records = ['before', new Wrapped([new Wrapped('x'), 1]), 'after']
    assertSame(decodeRecords(encodeRecords(records)), records)
    assertSame(copyValue(records), records)
  })

  it('a subclass is not its parent; a name stands for one class; registering again replaces', () => {
    class Point3 extends Point {}
    assert.match(
      thrown('RECORD_NOT_ENCODABLE', () => encodeRecords([new Point3(1, 2)])).message,
      /class Point3/,
    )
    const other = { name: 'Point', encode: () => 1, decode: () => new Point3(1, 2) }
    thrown('CLASS_NAME_TAKEN', () => registerClass(Point3, other))
    thrown('INVALID_ARGUMENT', () => registerClass(class {}, { encode: () => 1, decode: () => ({}) }))
    registerClass(Point3, { ...other, name: 'Point3' })
    registerClass(Point3, { ...other, name: 'Point in space' })
    assert.ok(decodeRecords(encodeRecords([new Point3(0, 0)]))[0] instanceof Point3)
  })

  it('what encode gives must be plain, and the message says whose it is', () => {
    class Bad {}
    registerClass(Bad, { encode: () => ({ f: () => 1 }), decode: () => new Bad() })
    const error = thrown('RECORD_NOT_ENCODABLE', () => encodeRecords([[new Bad()]]))
    assert.match(error.message, /record\[0\]\[0\] \(as the encode of Bad gives it\)\.f is a function/)
  })

  it('an error of the class itself reaches the caller as it is', () => {
    class Broken {}
    registerClass(Broken, { encode: () => 1, decode: () => assert.fail('mine') })
    assert.throws(() => decodeRecords(encodeRecords([new Broken()])), /mine/)
  })

  it('a block with a class unknown here says which', () => {
    class Gone {}
    registerClass(Gone, { name: 'Gone1', encode: () => 1, decode: () => new Gone() })
    const block = encodeRecords([new Gone()])
    registerClass(Gone, { name: 'Gone2', encode: () => 1, decode: () => new Gone() })
    assert.match(thrown('CLASS_NOT_REGISTERED', () => decodeRecords(block)).message, /Gone1/)
  })
})

describe('copyValue', () => {
  it('gives what encoding and decoding gives', () => {
    fc.assert(
      fc.property(values, value => {
        const copy = copyValue(value)
        assertSame(copy, value)
        assertSame(copy === value ? copy : copyValue(copy), decodeRecords(encodeRecords([value]))[0])
      }),
      { numRuns: runs * 2 },
    )
  })

  it('primitives are immutable, all else is not', () => {
    for (const value of [1, 'a', 1n, true, null, undefined]) {
      assert.ok(isImmutable(value))
      assert.equal(copyValue(value), value)
    }
    for (const value of [{}, [], new Date(), () => 1, Symbol('x')]) assert.ok(!isImmutable(value))
  })
})
