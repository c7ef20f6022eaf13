/**
 * The one thread of a context on which receivers run. It starts with the first of them and ends with the last; when it ends by itself,
 * each of them is told.
 */
import { Worker } from 'node:worker_threads'
import { asError } from '../../../base/errors.ts'
import type { FromReceivers, ToReceivers } from './messages.ts'

/** A receiver that runs on the thread, as the thread sees it. */
export interface ThreadClient {
  receive(message: FromReceivers): void
  /** The thread has ended. */
  lost(reason: string): void
}

const threads = new WeakMap<object, IoThread>()

/** The thread of a context. */
export function ioThreadOf(context: object): IoThread {
  let thread = threads.get(context)
  if (thread === undefined) {
    thread = new IoThread()
    threads.set(context, thread)
  }
  return thread
}

/** See the file head. */
export class IoThread {
  private worker: Worker | undefined
  private readonly clients = new Map<number, ThreadClient>()
  private runs = 0

  /** Adds a start of a receiver. Gives its number. */
  add(client: ThreadClient): number {
    const run = this.runs++
    this.clients.set(run, client)
    this.worker ??= this.start()
    return run
  }

  post(message: ToReceivers): void {
    this.worker?.postMessage(message)
  }

  /** A start is over; without any other the thread ends. */
  remove(run: number): void {
    if (!this.clients.delete(run) || this.clients.size > 0) return
    const { worker } = this
    this.worker = undefined
    void worker?.terminate()
  }

  /** Ends the thread although receivers run on it; they are told. */
  kill(): void {
    void this.worker?.terminate()
  }

  private start(): Worker {
    const here = import.meta.url
    const worker = new Worker(new URL(here.endsWith('.ts') ? './io-entry.ts' : './io-entry.js', here), {
      name: 'kindling-receivers',
    })
    let reason: string | undefined
    worker.on('message', (message: FromReceivers) => {
      if (worker !== this.worker) return
      if ('run' in message) this.clients.get(message.run)?.receive(message)
      else for (const client of this.clients.values()) client.receive(message)
    })
    worker.on('error', error => {
      reason = asError(error).message
    })
    worker.on('exit', code => {
      if (worker !== this.worker) return
      this.worker = undefined
      const lost = [...this.clients.values()]
      this.clients.clear()
      for (const client of lost) client.lost(reason ?? `it exited with code ${code}`)
    })
    return worker
  }
}
