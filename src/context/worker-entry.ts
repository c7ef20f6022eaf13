/** The module that a worker thread runs: the worker loop over the thread's port. */
import { parentPort, workerData } from 'node:worker_threads'
import { asError, toWire } from '../base/errors.ts'
import { trapFloatingRejections } from '../base/floating.ts'
import { type Logger, type LogLevel, setThreadLogger } from '../base/logger.ts'
import { disposeResources } from '../executor/resource.ts'
import type { FromWorker, ToWorker, WorkerSettings } from '../executor/threads/messages.ts'
import { WorkerLoop } from '../executor/threads/worker-loop.ts'
import { ThreadShared } from './worker-shared.ts'

const port = parentPort!
const post = (message: FromWorker, transfer: readonly ArrayBuffer[] = []): void =>
  port.postMessage(message, [...transfer])
const logTo =
  (level: LogLevel) =>
  (message: string, fields: { readonly error?: unknown } = {}): void => {
    const reason = 'error' in fields ? `: ${asError(fields.error).message}` : ''
    post({ type: 'log', level, message: `${message}${reason}` })
  }
const logger: Logger = {
  debug: logTo('debug'),
  info: logTo('info'),
  warn: logTo('warn'),
  error: logTo('error'),
}
setThreadLogger(logger)
const loop = new WorkerLoop({ post }, new ThreadShared(logger), workerData as WorkerSettings)

async function end(): Promise<void> {
  await loop.stop()
  await disposeResources(error => logger.error('a resource could not be disposed of', { error }))
  process.exit(0)
}

trapFloatingRejections(error => post({ type: 'floated', error: toWire(error) }))
port.on('message', (messages: readonly ToWorker[]) => {
  for (const message of messages)
    if (message.type !== 'stop') loop.receive(message)
    else void end()
})
post({ type: 'ready' })
