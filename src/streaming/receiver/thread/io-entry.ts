/** The module that the thread of receivers runs. */
import { parentPort } from 'node:worker_threads'
import { asError, toWire } from '../../../base/errors.ts'
import { type LogLevel, setThreadLogger } from '../../../base/logger.ts'
import type { FromReceivers, ToReceivers } from './messages.ts'
import { ReceiverHost } from './receiver-host.ts'

const port = parentPort!
const post = (message: FromReceivers, transfer: readonly ArrayBuffer[] = []): void =>
  port.postMessage(message, transfer)
const logTo =
  (level: LogLevel) =>
  (message: string, fields: { readonly error?: unknown } = {}): void =>
    post({
      type: 'log',
      level,
      message: 'error' in fields ? `${message}: ${asError(fields.error).message}` : message,
    })
setThreadLogger({
  debug: logTo('debug'),
  info: logTo('info'),
  warn: logTo('warn'),
  error: logTo('error'),
})
process.on('unhandledRejection', error => post({ type: 'floated', error: toWire(error) }))
const host = new ReceiverHost(post)
port.on('message', (message: ToReceivers) => host.receive(message))
