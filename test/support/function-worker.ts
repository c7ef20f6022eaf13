// Sends functions to a real worker thread, calls them there, and gives what they give.
import { after } from 'node:test'
import { Worker } from 'node:worker_threads'
import { fromWire, type WireError } from '../../src/base/errors.ts'
import { decodeRecords, encodeRecords } from '../../src/data/codec.ts'
import { captureFunction } from '../../src/rdd/functions/capture-function.ts'
import { placeStack } from '../../src/rdd/functions/stack-place.ts'

/** A function of any arguments. */
export type AnyFunction = (...args: never[]) => unknown

/** A worker thread, ended after the tests of the file. */
export class FunctionWorker {
  private readonly worker = new Worker(new URL('../rdd/functions/worker.ts', import.meta.url))

  constructor() {
    after(() => this.worker.terminate())
  }

  /** What `f` gives for `argument` over there; rejects with what it throws. */
  call(f: AnyFunction, argument?: unknown): Promise<unknown> {
    return this.chain([f], argument)
  }

  /** Each function gets what the one before gave. */
  chain(functions: readonly AnyFunction[], argument?: unknown): Promise<unknown> {
    // Through the codec and through structured clone: both carry it.
    const steps = decodeRecords(encodeRecords(functions.map(f => captureFunction(f))))
    return new Promise((resolve, reject) => {
      this.worker.once('message', ({ value, error }: { value?: unknown; error?: WireError }) => {
        if (error === undefined) resolve(value)
        else reject(placed(fromWire(error)))
      })
      this.worker.postMessage({ steps, argument })
    })
  }
}

function placed(error: Error): Error {
  if (error.stack !== undefined) error.stack = placeStack(error.stack)
  return error
}
