import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runInNewContext } from 'node:vm'
import { conditions } from '../../src/base/conditions.ts'
import {
  asError,
  describeValue,
  fromWire,
  isKindlingError,
  KindlingError,
  toWire,
  withContext,
} from '../../src/base/errors.ts'

test('a message has the parameters and the place', () => {
  const error = new KindlingError(
    'NOT_A_PAIR',
    { operation: 'reduceByKey', value: [1, 2, 3] },
    {
      context: {
        operator: 'reduceByKey',
        site: 'a.ts:3:4',
        batchTime: 1000,
        jobId: 0,
        stageId: 2,
        partition: 0,
        attempt: 1,
      },
    },
  )
  assert.match(
    error.message,
    /^reduceByKey needs records of the form \[key, value\], but got \[ 1, 2, 3 \]\./,
  )
  assert.match(
    error.message,
    / \(operator reduceByKey, at a\.ts:3:4, batch 1000 ms, job 0, stage 2, partition 0, attempt 1\)$/,
  )
  assert.equal(error.code, 'NOT_A_PAIR')
  assert.equal(error.domain, 'user')
  assert.equal(error.retry, 'never')
  assert.equal(error.context.partition, 0)
})

test('the stack begins with the name of the class, and a cause is kept, also undefined', () => {
  const cause = new TypeError('inner')
  const error = new KindlingError('TASK_FAILED', { reason: 'x' }, { cause })
  assert.match(error.stack ?? '', /^KindlingError: A task failed: x\n/)
  assert.equal(error.cause, cause)
  assert.ok('cause' in new KindlingError('TASK_FAILED', {}, { cause: undefined }))
  assert.ok(!('cause' in new KindlingError('TASK_FAILED', {})))
})

test('a parameter that was forgotten shows, and braces in a value are left alone', () => {
  assert.equal(new KindlingError('TASK_FAILED').message, 'A task failed: (no reason)')
  assert.equal(
    new KindlingError('TASK_FAILED', { reason: '{reason} $& $1' }).message,
    'A task failed: {reason} $& $1',
  )
  assert.equal(new KindlingError('TASK_FAILED', { reason: undefined }).message, 'A task failed: undefined')
})

test('isKindlingError goes by brand and code', () => {
  const error = new KindlingError('TABLE_FULL', { limit: 1, what: 'keys' })
  assert.ok(isKindlingError(error))
  assert.ok(isKindlingError(error, 'TABLE_FULL'))
  assert.ok(!isKindlingError(error, 'TASK_FAILED'))
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  for (const other of [new Error('x'), null, undefined, 'TABLE_FULL', { code: 'TABLE_FULL' }, proxy]) {
    assert.ok(!isKindlingError(other))
  }
})

test('an error comes back from the wire with code, place, stack and causes', () => {
  const root = Object.assign(new Error('no such file'), { code: 'ENOENT' })
  const middle = new AggregateError([new RangeError('one'), 'two'], 'both', { cause: root })
  const error = new KindlingError(
    'INPUT_NOT_READABLE',
    { path: '/a', reason: 'r' },
    { cause: middle, context: { jobId: 7 } },
  )
  const back = fromWire(structuredClone(JSON.parse(JSON.stringify(toWire(error)))))
  assert.ok(isKindlingError(back, 'INPUT_NOT_READABLE'))
  assert.equal(back.message, error.message)
  assert.equal(back.stack, error.stack)
  assert.equal(back.retry, 'backoff')
  assert.deepEqual(back.context, { jobId: 7 })
  const middleBack = back.cause
  assert.ok(middleBack instanceof AggregateError)
  assert.equal(middleBack.message, 'both')
  assert.equal(middleBack.errors[0].name, 'RangeError')
  assert.ok(isKindlingError(middleBack.errors[1], 'UNKNOWN_ERROR'))
  assert.match(middleBack.errors[1].message, /'two'/)
  assert.equal((middleBack.cause as { code?: string }).code, 'ENOENT')
})

test('whatever is thrown can be sent', () => {
  const cyclic = new Error('again')
  cyclic.cause = cyclic
  const hostile = new Error('m')
  for (const name of ['name', 'message', 'stack', 'code', 'cause']) {
    Object.defineProperty(hostile, name, {
      get() {
        throw new Error('getter')
      },
    })
  }
  const { proxy, revoke } = Proxy.revocable(new Error('p'), {})
  revoke()
  const things: unknown[] = [
    undefined,
    null,
    7,
    'text',
    Symbol('s'),
    () => 1,
    {},
    cyclic,
    hostile,
    proxy,
    10n,
  ]
  for (const thing of things) {
    const back = fromWire(structuredClone(toWire(thing)))
    assert.ok(back instanceof Error)
  }
  assert.match(toWire(null).message, /null/)
})

test('an error of another realm keeps name and message', () => {
  const foreign: unknown = runInNewContext('new TypeError("over there")')
  const back = fromWire(toWire(foreign))
  assert.equal(back.name, 'TypeError')
  assert.equal(back.message, 'over there')
})

test('a code that this version does not know stays an Error with that code', () => {
  const back = fromWire({ name: 'KindlingError', message: 'm', code: 'FROM_THE_FUTURE', kindling: true })
  assert.ok(!isKindlingError(back))
  assert.equal((back as { code?: string }).code, 'FROM_THE_FUTURE')
})

test('describeValue is short, on one line, and never throws', () => {
  assert.equal(describeValue('it'), "'it'")
  assert.equal(describeValue(undefined), 'undefined')
  assert.equal(describeValue([['a', 1]]), "[ [ 'a', 1 ] ]")
  assert.equal(describeValue(new RangeError('x')), 'RangeError: x')
  assert.ok(describeValue('a\nb'.repeat(1000)).length <= 200)
  assert.equal(describeValue({ a: 'x'.repeat(50) }, 10), "{ a: 'xxx…")
  assert.ok(
    !describeValue({
      toString: () => assert.fail(),
      [Symbol.for('nodejs.util.inspect.custom')]: () => assert.fail(),
    }).includes('\n'),
  )
  const trap = new Proxy({}, { get: () => assert.fail(), ownKeys: () => assert.fail() })
  assert.equal(describeValue(trap), '{}')
  for (let n = 1; n < 12; n++) assert.ok(describeValue('😀😀😀😀😀😀', n).isWellFormed(), String(n))
})

test('the table of conditions is in alphabetical order, and its texts are sentences', () => {
  const codes = Object.keys(conditions)
  // Word by word, as a dictionary has them.
  const byWords = (a: string, b: string) => (a.replaceAll('_', ' ') < b.replaceAll('_', ' ') ? -1 : 1)
  assert.deepEqual(codes, codes.toSorted(byWords))
  for (const [code, { message, doc }] of Object.entries(conditions)) {
    assert.match(code, /^[A-Z][A-Z0-9_]+$/)
    assert.match(doc, /^[A-Za-z].*\.$/, code)
    assert.match(message, /^.*([.?}]|\))$/, code)
    assert.doesNotMatch(message + doc, /\n/, code)
  }
})

test('a place added later joins the one that is known, which wins', () => {
  const cause = new Error('c')
  const error = new KindlingError('TASK_FAILED', { reason: 'x' }, { cause, context: { partition: 1 } })
  const placed = withContext(error, { partition: 9, operator: 'map' })
  assert.equal(placed.message, 'A task failed: x (operator map, partition 1)')
  assert.deepEqual(placed.context, { partition: 1, operator: 'map' })
  assert.equal(placed.cause, cause)
  assert.equal(placed.stack, error.stack)
  assert.ok(!('cause' in withContext(new KindlingError('TASK_FAILED'), {})))
})

test('asError keeps errors and wraps the rest, whatever it is', () => {
  const error = new TypeError('x')
  assert.equal(asError(error), error)
  const hostile = { toString: () => assert.fail() }
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  for (const thing of [undefined, 'text', Symbol('s'), hostile, Object.create(null), proxy]) {
    const wrapped = asError(thing)
    assert.ok(isKindlingError(wrapped, 'UNKNOWN_ERROR'))
    assert.equal(wrapped.cause, thing)
  }
})
