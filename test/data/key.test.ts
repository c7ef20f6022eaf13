import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { naturalCompare } from '../../src/data/compare.ts'
import { hashKey, nonNegativeMod } from '../../src/data/hash.ts'
import { canonicalKey, isSimpleKey, keyEquals } from '../../src/data/key.ts'
import { decodeOrderedKey, encodeOrderedKey } from '../../src/data/ordered-key.ts'
import { thrown } from '../support/rejected.ts'
import { runs } from '../support/runs.ts'
import { bigints, keys, numbers, sameKey, texts } from '../support/values.ts'

// Random keys are nearly always different; pairs of near ones are where the mistakes would be.
const nearKeys = fc.constantFrom<unknown>(
  undefined,
  null,
  false,
  true,
  0,
  -0,
  1,
  1n,
  0n,
  -1,
  -1n,
  '1',
  '',
  'u',
  'undefined',
  'n1;',
  's1:a',
  1.5,
  2,
  2n,
  '\0',
  '\0\u0001',
  'a\0',
  'a',
  'aa',
  'b',
  '\uffff',
  '\ud83d\udca5',
  '\ud83d',
  Number.NaN,
  Number.POSITIVE_INFINITY,
  2n ** 1024n,
  -(2n ** 1024n),
  2n ** 53n,
  2n ** 53n + 1n,
  2 ** 53,
  new Date(0),
  new Date(1),
  new Date(Number.NaN),
  new Uint8Array(),
  new Uint8Array([0]),
  new Uint8Array([0, 0]),
  new Uint8Array([255]),
  [],
  [[]],
  [undefined],
  [null],
  [1],
  ['1'],
  [1, 2],
  [[1, 2]],
  [[1], 2],
  ['a', 'b'],
  ['ab'],
  ['a,b'],
  ['a', ''],
  ['', 'a'],
  [0],
  [1n],
  {},
  { a: 1 },
  { a: undefined },
  { b: 1 },
  { a: 1, b: 2 },
  { a: 2, b: 1 },
  { a: { b: 1 } },
  [{ a: 1 }],
  { a: [1] },
  { 'a1:': 1 },
  JSON.parse('{"__proto__":1}'),
  JSON.parse('{"__proto__":{}}'),
)
const anyKey = fc.oneof({ weight: 2, arbitrary: nearKeys }, keys, fc.array(nearKeys, { maxLength: 3 }))

function isComposite(key: unknown): key is object {
  return !isSimpleKey(key)
}

describe('equality of keys', () => {
  it('equal keys hash alike, have one canonical text, and are equal in every order', () => {
    fc.assert(
      fc.property(anyKey, key => {
        const same = sameKey(key)
        assert.ok(keyEquals(key, same) && keyEquals(same, key))
        assert.equal(hashKey(key), hashKey(same))
        assert.equal(naturalCompare(key, same), 0)
        assert.deepEqual(encodeOrderedKey(key), encodeOrderedKey(same))
        if (isComposite(key)) assert.equal(canonicalKey(key), canonicalKey(same as object))
      }),
      { numRuns: runs * 4 },
    )
  })

  it('canonical texts, orders and ordered bytes are equal only for equal keys', () => {
    fc.assert(
      fc.property(anyKey, anyKey, (a, b) => {
        const equal = keyEquals(a, b)
        assert.equal(keyEquals(b, a), equal)
        assert.equal(naturalCompare(a, b) === 0, equal)
        assert.equal(Buffer.compare(encodeOrderedKey(a), encodeOrderedKey(b)) === 0, equal)
        if (isComposite(a) && isComposite(b)) assert.equal(canonicalKey(a) === canonicalKey(b), equal)
        if (equal) assert.equal(hashKey(a), hashKey(b))
      }),
      { numRuns: runs * 20 },
    )
  })

  it('of primitives it is that of a Map', () => {
    fc.assert(
      fc.property(anyKey.filter(isSimpleKey), anyKey.filter(isSimpleKey), (a, b) => {
        assert.equal(keyEquals(a, b), new Map([[a, 1]]).has(b))
      }),
      { numRuns: runs * 4 },
    )
  })

  it('types and shapes that look alike are told apart', () => {
    const different: [unknown, unknown][] = [
      [1, 1n],
      [1, '1'],
      [1n, '1'],
      [null, undefined],
      [[1], '1'],
      [
        [1, [2]],
        [[1], 2],
      ],
      [
        ['a', 'bc'],
        ['ab', 'c'],
      ],
      [[], {}],
      [{ a: undefined }, {}],
      [{ a: 1 }, { a: 1, b: undefined }],
      [new Date(5), 5],
      [new Uint8Array([1]), [1]],
      [['s1:a'], ['a']],
    ]
    for (const [a, b] of different) assert.ok(!keyEquals(a, b) && naturalCompare(a, b) !== 0)
    const hole = [1, 2, 2]
    delete hole[1]
    assert.ok(keyEquals(hole, [1, undefined, 2]))
    assert.ok(keyEquals(Object.create(null), {}))
    assert.ok(keyEquals({ a: 1, b: [2] }, { b: [2], a: 1 }))
  })
})

describe('hashes', () => {
  // From a JVM: "…".hashCode(), Double.hashCode, Long.hashCode, BigInteger.hashCode, Arrays.hashCode.
  const table: [unknown, number][] = [
    ['', 0],
    ['a', 97],
    ['hello', 99162322],
    ['Aa', 2112],
    ['BB', 2112],
    ['the quick brown fox jumps over the lazy dog', -2082818701],
    ['\ud83d\udca5', 1772552],
    [0, 0],
    [-0, 0],
    [1, 1],
    [-1, -1],
    [2 ** 31 - 1, 2147483647],
    [-(2 ** 31), -2147483648],
    [1.5, 1073217536],
    [-1.5, -1074266112],
    [Math.PI, 340593891],
    [2 ** 31, 1105199104],
    [Number.NaN, 2146959360],
    [Number.POSITIVE_INFINITY, 2146435072],
    [Number.MIN_VALUE, 1],
    [true, 1231],
    [false, 1237],
    [null, 0],
    [undefined, 0],
    [0n, 0],
    [1n, 1],
    [-1n, 0],
    [2n ** 32n, 1],
    [2n ** 63n - 1n, -2147483648],
    [-(2n ** 63n), -2147483648],
    [1234567890123456789n, 1825280481],
    [2n ** 64n, 961],
    [-(2n ** 64n), -961],
    [new Date(0), 0],
    [new Date(1700000000000), -807048821],
    [[], 1],
    [[1, 2, 3], 30817],
    [['a', 'b'], 4066],
    [[[1]], 63],
    [new Uint8Array([1, 2, 3]), 30817],
    [new Uint8Array([255]), 30],
  ]
  for (const [key, hash] of table) {
    it(`of ${typeof key === 'bigint' ? `${key}n` : (JSON.stringify(key) ?? String(key))} is Java's`, () => {
      assert.equal(hashKey(key), hash)
    })
  }

  it('are int32', () => {
    fc.assert(
      fc.property(anyKey, key => assert.ok(Object.is(hashKey(key) | 0, hashKey(key)))),
      { numRuns: runs * 2 },
    )
  })

  it('of numbers are Double.hashCode, computed another way', () => {
    fc.assert(
      fc.property(numbers, value => {
        const view = new DataView(new ArrayBuffer(8))
        view.setFloat64(0, value)
        const expected =
          Number.isInteger(value) && Math.abs(value) < 2 ** 31
            ? value + 0
            : view.getInt32(0) ^ view.getInt32(4)
        assert.equal(hashKey(value), value === -(2 ** 31) ? value : expected)
      }),
      { numRuns: runs * 2 },
    )
  })

  it('of bigints are those of Java, computed word by word', () => {
    fc.assert(
      fc.property(bigints, value => {
        if (BigInt.asIntN(64, value) === value) {
          assert.equal(hashKey(value), Number(BigInt.asIntN(32, value ^ (value >> 32n))))
          return
        }
        let size = value < 0n ? -value : value
        const words: bigint[] = []
        for (; size > 0n; size >>= 32n) words.unshift(size & 0xffffffffn)
        const hash = words.reduce((sum, word) => BigInt.asIntN(32, sum * 31n + word), 0n)
        assert.equal(hashKey(value), Number(BigInt.asIntN(32, value < 0n ? -hash : hash)))
      }),
      { numRuns: runs * 2 },
    )
  })

  it('of records do not collide for neighbouring small fields', () => {
    const seen = new Set<number>()
    for (let a = 0; a < 100; a++) for (let b = 0; b < 100; b++) seen.add(hashKey({ a, b }))
    assert.ok(seen.size > 9_900, `${seen.size} of 10000`)
  })

  it('nonNegativeMod gives 0 … n-1', () => {
    for (const [hash, n, expected] of [
      [5, 3, 2],
      [-5, 3, 1],
      [-3, 3, 0],
      [0, 1, 0],
      [-2147483648, 7, 5],
      [2147483647, 2, 1],
    ] as const) {
      assert.ok(Object.is(nonNegativeMod(hash, n), expected))
    }
  })
})

describe('the order of keys', () => {
  it('is total: antisymmetric and transitive', () => {
    fc.assert(
      fc.property(anyKey, anyKey, anyKey, (a, b, c) => {
        assert.equal(Math.sign(naturalCompare(a, b)), -Math.sign(naturalCompare(b, a)) + 0)
        // In boxes: sort puts undefined last without asking.
        const [x, y, z] = [[a], [b], [c]].sort((p, q) => naturalCompare(p[0], q[0])).map(box => box[0])
        assert.ok(naturalCompare(x, y) <= 0 && naturalCompare(y, z) <= 0 && naturalCompare(x, z) <= 0)
      }),
      { numRuns: runs * 10 },
    )
  })

  it('is that of the encoded bytes, which decode to the key again', () => {
    fc.assert(
      fc.property(anyKey, anyKey, (a, b) => {
        const bytes = encodeOrderedKey(a)
        assert.equal(Math.sign(Buffer.compare(bytes, encodeOrderedKey(b))), Math.sign(naturalCompare(a, b)))
        assert.ok(keyEquals(decodeOrderedKey(bytes), a))
      }),
      { numRuns: runs * 20 },
    )
  })

  it('of numbers and bigints is that of their values, also mixed and where they are close', () => {
    fc.assert(
      fc.property(
        numbers,
        fc.integer({ min: -2, max: 2 }),
        fc.oneof(bigints, numbers),
        (a, offset, other) => {
          const near = Number.isFinite(a) ? BigInt(Math.trunc(a)) + BigInt(offset) : other
          for (const b of [near, other]) {
            const order = Math.sign(naturalCompare(a, b))
            if (a < b) assert.equal(order, -1)
            else if (a > b) assert.equal(order, 1)
            else if (!Number.isNaN(a) && !Number.isNaN(b)) assert.equal(order, typeof b === 'bigint' ? -1 : 0)
            assert.equal(Math.sign(Buffer.compare(encodeOrderedKey(a), encodeOrderedKey(b))), order)
          }
        },
      ),
      { numRuns: runs * 10 },
    )
  })

  it('of strings is that of <', () => {
    fc.assert(
      fc.property(texts, texts, (a, b) => {
        assert.equal(naturalCompare(a, b), a < b ? -1 : a > b ? 1 : 0)
        assert.equal(
          Math.sign(Buffer.compare(encodeOrderedKey([a, 1]), encodeOrderedKey([b, 1]))),
          naturalCompare(a, b),
        )
      }),
      { numRuns: runs * 4 },
    )
  })

  it('goes through the types as documented', () => {
    const ascending: unknown[] = [
      undefined,
      null,
      false,
      true,
      Number.NEGATIVE_INFINITY,
      -(2n ** 1030n),
      -Number.MAX_VALUE,
      -1.5,
      -1,
      -1n,
      0,
      0n,
      Number.MIN_VALUE,
      1,
      1n,
      2 ** 53,
      2n ** 53n,
      2n ** 53n + 1n,
      Number.MAX_VALUE,
      2n ** 1024n,
      2n ** 3000n,
      Number.POSITIVE_INFINITY,
      Number.NaN,
      '',
      '\0',
      'a',
      'a\0',
      'aa',
      'b',
      '\ud83d\udca5',
      '\ue000',
      new Date(-1),
      new Date(0),
      new Date(Number.NaN),
      new Uint8Array(),
      new Uint8Array([0]),
      new Uint8Array([0, 1]),
      new Uint8Array([1]),
      [],
      [undefined],
      [1],
      [1, 0],
      [1, [2]],
      [2],
      ['a'],
      {},
      { a: 1 },
      { a: 1, b: 0 },
      { a: 2 },
      { b: 0 },
    ]
    for (let i = 1; i < ascending.length; i++) {
      assert.ok(naturalCompare(ascending[i - 1], ascending[i]) < 0, `${i}`)
      assert.equal(
        Buffer.compare(encodeOrderedKey(ascending[i - 1]), encodeOrderedKey(ascending[i])),
        -1,
        `${i}`,
      )
    }
  })

  it('a long string of long characters decodes', () => {
    const text = '\0é€\ud83d'.repeat(20_000)
    assert.equal(decodeOrderedKey(encodeOrderedKey(text)), text)
  })

  it('damaged ordered keys are refused or are other keys', () => {
    fc.assert(
      fc.property(anyKey, fc.nat(), fc.nat(255), fc.boolean(), (key, at, byte, cut) => {
        const bytes = encodeOrderedKey(key)
        const damaged = cut ? bytes.subarray(0, at % bytes.length) : bytes.with(at % bytes.length, byte)
        try {
          decodeOrderedKey(damaged)
        } catch (e) {
          thrown('BLOCK_DAMAGED', () => {
            throw e
          })
        }
      }),
      { numRuns: runs * 4 },
    )
    const nested = new Uint8Array(100_000).fill(0x80)
    thrown('BLOCK_DAMAGED', () => decodeOrderedKey(nested))
  })
})

describe('what cannot be a key', () => {
  class User {}
  const cyclic: unknown[] = []
  cyclic.push(cyclic)
  const table: [string, unknown, RegExp][] = [
    ['a function', () => 1, /type function/],
    ['a symbol', Symbol('s'), /type symbol/],
    ['an instance', new User(), /type User.*User \{\}/],
    ['a Map', new Map(), /type Map/],
    ['a Set', new Set(), /type Set/],
    ['a promise', Promise.resolve(), /type Promise/],
    ['a typed array', new Float64Array(2), /type Float64Array/],
    ['a subclass of Date', new (class Day extends Date {})(0), /type Day/],
    ['a cycle', cyclic, /nested over 64 levels deep, or cyclic/],
  ]
  for (const [name, value, message] of table) {
    it(`${name} is refused, also inside`, () => {
      for (const key of [value, [1, value], { a: [value] }]) {
        assert.match(thrown('KEY_NOT_SUPPORTED', () => hashKey(key)).message, message)
        assert.match(thrown('KEY_NOT_SUPPORTED', () => encodeOrderedKey(key)).message, message)
        if (typeof key === 'object')
          assert.match(thrown('KEY_NOT_SUPPORTED', () => canonicalKey(key as object)).message, message)
        assert.ok(!isSimpleKey(key))
      }
      thrown('KEY_NOT_SUPPORTED', () => naturalCompare(value, value))
      assert.ok(!keyEquals([value], [{ ...(value as object) }]))
    })
  }
})
