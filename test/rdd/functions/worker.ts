// The other thread of the tests: makes a function of each description that comes, calls it, and sends what it gives.
import { parentPort } from 'node:worker_threads'
import { toWire } from '../../../src/base/errors.ts'
import type { FunctionDescription } from '../../../src/rdd/functions/description.ts'
import { revive } from '../../../src/rdd/functions/revive.ts'

/** What the test sends: `steps` are called one after the other, each with what the one before gave. */
export interface Call {
  readonly steps: readonly FunctionDescription[]
  readonly argument: unknown
}

const added: number[] = []
const host = {
  broadcast: (id: number) => ({ id, value: `broadcast ${id}` }),
  accumulator: (id: number) => ({
    id,
    added,
    add: (n: number) => void added.push(n),
  }),
}

parentPort!.on('message', async ({ steps, argument }: Call) => {
  try {
    let value = argument
    for (const step of steps) {
      const f = await revive(step, host)
      value = await f(value as never)
    }
    // Generators and other iterables come as lists.
    const isIterator =
      typeof value === 'object' && value !== null && Symbol.iterator in value && 'next' in value
    parentPort!.postMessage({ value: isIterator ? [...(value as Iterable<unknown>)] : value })
  } catch (error) {
    parentPort!.postMessage({ error: toWire(error) })
  }
})
