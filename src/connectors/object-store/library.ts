/** The package `opendal`, which is loaded when a store is first asked, and its operators: one for each store and thread. */
import type { Operator } from 'opendal'
import { KindlingError } from '../../base/errors.ts'
import type { StoreSettings } from './options.ts'
import { storeError } from './store-errors.ts'

const operators = new Map<string, Promise<Operator>>()

/** @throws PACKAGE_MISSING, OBJECT_STORE_FAILED for settings that the library does not take */
export function operatorOf(store: StoreSettings): Promise<Operator> {
  const key = JSON.stringify([store.scheme, store.settings])
  let operator = operators.get(key)
  if (operator === undefined) {
    operator = made(store)
    operators.set(key, operator)
    operator.catch(() => operators.delete(key))
  }
  return operator
}

async function made(store: StoreSettings): Promise<Operator> {
  const { Operator } = await library()
  try {
    return new Operator(store.scheme, store.settings)
  } catch (error) {
    throw storeError(store, 'to be opened', error)
  }
}

async function library(): Promise<typeof import('opendal')> {
  try {
    return await import('opendal')
  } catch (error) {
    throw new KindlingError(
      'PACKAGE_MISSING',
      { feature: 'An object store', package: 'opendal' },
      { cause: error },
    )
  }
}
