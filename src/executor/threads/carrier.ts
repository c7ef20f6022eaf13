/** What a worker loop runs on: a thread of its own; in simulations, the driver's own thread behind a port that copies. */
import { Worker } from 'node:worker_threads'
import { asError } from '../../base/errors.ts'
import type { FromWorker, ToWorker, WorkerSettings } from './messages.ts'
import { Outbox } from './outbox.ts'

/** See the file head. */
export interface Carrier {
  /** Sends a copy; messages arrive in order. @throws what cannot be copied */
  post(message: ToWorker): void
  /** Ends it, whatever it does. `ended` follows. */
  terminate(): Promise<unknown>
  /** The process waits for it. */
  ref(): void
  /** The process does not wait for it. */
  unref(): void
}

/** What a carrier tells. */
export interface CarrierEvents {
  message(message: FromWorker): void
  /** The last thing that comes of it, once. */
  ended(reason: string): void
}

/** Starts a worker loop. */
export type StartCarrier = (id: number, settings: WorkerSettings, events: CarrierEvents) => Carrier

/** Limits of a worker's own heap, in MB; V8's defaults where left out. */
export interface HeapLimits {
  readonly maxOldGenerationSizeMb?: number
  readonly maxYoungGenerationSizeMb?: number
}

/** Carriers that are threads. @param entry the module that a thread runs */
export function threadCarriers(entry: URL, resourceLimits: HeapLimits): StartCarrier {
  return (id, settings, events) => {
    const worker = new Worker(entry, { name: `kindling-${id}`, workerData: settings, resourceLimits })
    let reason: string | undefined
    worker.on('message', (message: FromWorker) => events.message(message))
    worker.on('error', (error: unknown) => {
      reason = asError(error).message
    })
    worker.on('messageerror', (error: unknown) => {
      reason = asError(error).message
      void worker.terminate()
    })
    worker.on('exit', code => events.ended(reason ?? `it exited with code ${code}`))
    const outbox = new Outbox(messages => worker.postMessage(messages))
    return {
      post: message => outbox.add(message),
      terminate: () => worker.terminate(),
      ref: () => worker.ref(),
      unref: () => worker.unref(),
    }
  }
}
