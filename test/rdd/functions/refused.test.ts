// biome-ignore-all lint: every case is a trap, written as users may write it.
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import * as net from 'node:net'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { isKindlingError } from '../../../src/base/errors.ts'
import { StreamingContext } from '../../../src/index.ts'
import { captureFunction } from '../../../src/rdd/functions/capture-function.ts'
import { capture } from '../../../src/rdd/functions/explicit.ts'
import type { AnyFunction } from '../../support/function-worker.ts'
import { thrown } from '../../support/rejected.ts'
import { Secret } from './fixtures/library.ts'

const factor = 3
function twice(x: number): number {
  return x * 2
}
class Counter {
  #n = 0
  next(): number {
    return ++this.#n
  }
}

const refusedCases: readonly (readonly [string, () => AnyFunction, RegExp])[] = [
  [
    'a socket',
    () => {
      const socket = new net.Socket()
      return () => socket.write('a')
    },
    /socket is an instance of Socket.*mapPartitions/,
  ],
  [
    'a stream in data',
    () => {
      const config = { out: Readable.from([]) }
      return () => config.out
    },
    /config\.out is an instance of Readable/,
  ],
  [
    'a promise',
    () => {
      const later = Promise.resolve(1)
      return () => later
    },
    /later is a promise.*Await/,
  ],
  [
    'a WeakMap',
    () => {
      const seen = new WeakMap()
      return () => seen
    },
    /seen is a WeakMap/,
  ],
  [
    'a WeakRef',
    () => {
      const ref = new WeakRef({})
      return () => ref
    },
    /ref is a WeakRef/,
  ],
  [
    'a proxy',
    () => {
      const p = new Proxy({}, {})
      return () => p
    },
    /p is a Proxy/,
  ],
  [
    'an iterator',
    () => {
      const it = [1].values()
      return () => it
    },
    /it is an instance of/,
  ],
  [
    'a generator',
    () => {
      const g = (function* () {})()
      return () => g
    },
    /g is an iterator/,
  ],
  [
    'shared memory',
    () => {
      const s = new SharedArrayBuffer(1)
      return () => s
    },
    /s is shared memory/,
  ],
  [
    'a timer',
    () => {
      const t = setTimeout(() => {}, 0)
      clearTimeout(t)
      return () => t
    },
    /t is an instance of Timeout/,
  ],
  [
    'an emitter',
    () => {
      const e = new (class Mine extends EventEmitter {})()
      return () => e
    },
    /e is an instance of Mine, which extends EventEmitter/,
  ],
  [
    'an instance of a subclass of Map',
    () => {
      const m = new (class Mine extends Map {})()
      return () => m
    },
    /m is an instance of Mine, which extends Map/,
  ],
  [
    'an instance with private fields',
    () => {
      const c = new Counter()
      return () => c.next()
    },
    /c is an instance of Counter, which has #private fields.*registerClass/,
  ],
  [
    'the same of another module',
    () => {
      const s = new Secret()
      return () => s.code
    },
    /s is an instance of Secret, which has #private/,
  ],
  [
    'an abort signal',
    () => {
      const { signal } = new AbortController()
      return () => signal
    },
    /signal is an instance of AbortSignal/,
  ],
  [
    'a symbol of its own',
    () => {
      const s = Symbol('mine')
      return () => s
    },
    /s is a symbol of its own/,
  ],
  ['a bound function', () => twice.bind(null), /a bound function/],
  [
    'a bound function in a variable',
    () => {
      const f = twice.bind(null)
      return (x: number) => f(x)
    },
    /f is a bound function/,
  ],
  [
    'this of another',
    function (this: unknown) {
      return () => this
    },
    /this is the object around.*const \{ rate \} = this/,
  ],
  [
    'arguments of another',
    function () {
      return () => arguments
    },
    /arguments is of the call around/,
  ],
  [
    'super',
    () =>
      ({
        f() {
          return super.toString()
        },
      }).f as AnyFunction,
    /super is the class around/,
  ],
  [
    'a private name',
    () => {
      class A {
        static #n = 1
        static f() {
          return A.#n
        }
      }
      return A.f
    },
    /#n is private to the class/,
  ],
  [
    'a private method',
    () => {
      class A {
        static #f() {
          return 1
        }
        static g() {
          return A.#f
        }
      }
      return A.g()
    },
    /a function whose source/,
  ],
  ['import.meta', () => () => import.meta.url, /import\.meta is of the module around/],
  ['direct eval', () => (x: string) => eval(x), /eval is a way to reach variables/],
  [
    'a const that is not initialised yet',
    () => {
      const f = () => late
      captureFunction(f)
      const late = 1
      return f
    },
    /late is not initialised yet/,
  ],
  [
    'what is inside a captured function',
    () => {
      const p = Promise.resolve()
      const inner = () => p
      return () => inner()
    },
    /The function inner.*p is a promise/,
  ],
  [
    'what a capture leaves out',
    () => capture({}, (x: number) => x * factor),
    /factor is not among the values given to capture/,
  ],
]

const reassignedCases: readonly (readonly [string, () => AnyFunction])[] = [
  [
    'counting in the function',
    () => {
      let n = 0
      return () => n++
    },
  ],
  [
    'adding in the function',
    () => {
      let n = 0
      return (x: number) => (n += x)
    },
  ],
  [
    'assigned after',
    () => {
      let n = 0
      const f = () => n
      n = 1
      return f
    },
  ],
  [
    'assigned by another function',
    () => {
      let n = 0
      const set = () => {
        n = 1
      }
      set()
      return () => n
    },
  ],
  [
    'destructured into',
    () => {
      let n = 0
      ;({ n } = { n: 1 })
      return () => n
    },
  ],
  [
    'destructured into, from a list',
    () => {
      let n = 0
      ;[n] = [1]
      return () => n
    },
  ],
  [
    'assigned by a loop',
    () => {
      let n: number | undefined
      for (n of [1]);
      return () => n
    },
  ],
  [
    'the var of a loop',
    () => {
      const all: AnyFunction[] = []
      for (var i = 0; i < 2; i++) all.push(() => i)
      return all[0]!
    },
  ],
  [
    'a let of a loop, changed in its body',
    () => {
      const all: AnyFunction[] = []
      for (let i = 0; i < 2; i++) {
        all.push(() => i)
        i++
      }
      return all[0]!
    },
  ],
  [
    'a parameter',
    () =>
      ((n: number) => {
        n = 2
        return () => n
      })(1),
  ],
  [
    'in a captured function',
    () => {
      let n = 0
      const bump = () => ++n
      return () => bump()
    },
  ],
]

describe('functions that do not travel', () => {
  for (const [title, make, message] of refusedCases) {
    it(title, () => {
      const error = thrown('CLOSURE_NOT_TRANSFERABLE', () => captureFunction(make.call({})))
      assert.match(error.message, message)
      // Of a function that is native itself there is no place.
      if (title !== 'a bound function') assert.match(error.context.site ?? '', /refused\.test\.ts:\d+:\d+/)
    })
  }

  it('an RDD, a stream, a context', async () => {
    await using ssc = new StreamingContext({ batchDuration: 1000 })
    const { sc } = ssc
    const rdd = sc.parallelize([1])
    const stream = ssc.queueStream([])
    const refused = (f: AnyFunction) => thrown('CLOSURE_NOT_TRANSFERABLE', () => captureFunction(f)).message
    assert.match(
      refused(() => rdd.count()),
      /rdd is an RDD.*join/,
    )
    assert.match(
      refused(() => stream.count()),
      /stream is a DStream/,
    )
    assert.match(
      refused(() => sc.parallelize([])),
      /sc is a SparkContext/,
    )
    assert.match(
      refused(() => ssc.stop()),
      /ssc is a StreamingContext/,
    )
  })

  for (const [title, make] of reassignedCases) {
    it(`a variable that is assigned: ${title}`, () => {
      const error = thrown('CAPTURE_REASSIGNED', () => captureFunction(make()))
      assert.match(error.message, /assigned again at .*refused\.test\.ts:\d+:\d+.*longAccumulator/s)
    })
  }

  it('leaves nothing of the inspector behind', () => {
    const names = Object.getOwnPropertyNames(globalThis)
    for (const [, make] of refusedCases) {
      try {
        captureFunction(make.call({}))
      } catch (error) {
        assert.ok(isKindlingError(error))
      }
    }
    assert.deepEqual(Object.getOwnPropertyNames(globalThis), names)
  })
})
