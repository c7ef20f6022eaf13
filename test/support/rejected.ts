import assert from 'node:assert/strict'
import { type ErrorCode, isKindlingError, type KindlingError } from '../../src/base/errors.ts'

/** Runs something that must throw or reject with this code, and gives the error. */
export async function rejected(code: ErrorCode, run: () => unknown): Promise<KindlingError> {
  try {
    await run()
  } catch (error) {
    if (!isKindlingError(error)) throw error
    assert.equal(error.code, code, error.message)
    return error
  }
  assert.fail(`expected ${code}, but nothing was thrown`)
}

/** As rejected, for what throws synchronously. */
export function thrown(code: ErrorCode, run: () => unknown): KindlingError {
  try {
    run()
  } catch (error) {
    if (!isKindlingError(error)) throw error
    assert.equal(error.code, code, error.message)
    return error
  }
  assert.fail(`expected ${code}, but nothing was thrown`)
}
