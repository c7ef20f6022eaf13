import strict from 'node:assert/strict'
import { test } from 'node:test'
import { assert, assertNever } from '../../src/base/assert.ts'
import { thrown } from '../support/rejected.ts'

test('an assertion that holds does nothing, one that does not is a mistake of ours', () => {
  assert(1, 'one is truthy')
  const error = thrown('INTERNAL_ERROR', () => assert(0, 'I1: zero is truthy'))
  strict.match(error.message, /I1: zero is truthy/)
  strict.equal(error.domain, 'internal')
})

test('assertNever names the value that came past the types', () => {
  const error = thrown('INTERNAL_ERROR', () => assertNever('surprise' as never))
  strict.match(error.message, /'surprise' came/)
})
