/** Batches to an MQTT broker, at least once. */
import type { MqttClient } from 'mqtt'
import { capture } from '../../rdd/functions/explicit.ts'
import type { Sink, SinkWriter } from '../../rdd/sink/sink.ts'
import { checkConnection, clientOf, type MqttConnection, mqttError, serverOf } from './connection.ts'

/** What is published. */
export interface OutMessage {
  readonly topic: string
  readonly payload: string | Uint8Array
  readonly retain?: boolean
}

/** Where records go, and as what. */
export interface MqttSinkOptions<T> extends Omit<MqttConnection, 'clientId'> {
  /** The message of a record. It travels to tasks, as other functions do. */
  readonly message: (record: T) => OutMessage
  /** Default 1: a batch is done when the broker has all of it. With 0 messages may be lost. */
  readonly qos?: 0 | 1 | 2
}

/** Messages on their way at once. */
const WINDOW = 500

/**
 * Publishes a message for each record; a batch that runs again is published again. Needs the package `mqtt`. Each task has a connection
 * of its own.
 *
 * @throws INVALID_ARGUMENT; ENDPOINT_UNREACHABLE, ENDPOINT_ACCESS_DENIED, PACKAGE_MISSING (fail the task, which is tried again)
 * @example
 * const sink = mqttSink<[string, number]>({
 *   url: 'mqtt://localhost',
 *   message: ([word, count]) => ({ topic: `counts/${word}`, payload: String(count), retain: true }),
 * })
 * sink.guarantee // => 'at-least-once'
 */
export function mqttSink<T>(options: MqttSinkOptions<T>): Sink<T> {
  checkConnection(options)
  const writer = capture({ mqttWriter, options }, () => mqttWriter(options))
  return { name: serverOf(options), guarantee: 'at-least-once', writer: writer as Sink<T>['writer'] }
}

/** The writer of an attempt. */
export function mqttWriter<T>(options: MqttSinkOptions<T>): SinkWriter<T, undefined> {
  const { message, qos = 1 } = options
  let client: Promise<MqttClient> | undefined
  const sending = new Set<Promise<unknown>>()
  let failure: unknown
  const drained = async (left: number): Promise<void> => {
    while (sending.size > left && failure === undefined) await Promise.race(sending)
    if (failure !== undefined) throw mqttError(options, 'a message', failure)
  }
  return {
    async write(records) {
      client ??= connected(options)
      const open = await client
      for (const record of records) {
        const { topic, payload, retain = false } = message(record)
        const sent = open
          .publishAsync(topic, typeof payload === 'string' ? payload : Buffer.from(payload), { qos, retain })
          .catch((error: unknown) => {
            failure ??= error
          })
          .finally(() => sending.delete(sent))
        sending.add(sent)
        if (sending.size >= WINDOW) await drained(WINDOW - 1)
      }
    },
    async prepare() {
      await drained(0)
      return undefined
    },
    abort() {},
    async close() {
      const open = await client?.catch(() => undefined)
      await open?.endAsync(true)
    },
  }
}

/** Fails with the first error, or the end of the connection: the task is tried again. */
async function connected<T>(options: MqttSinkOptions<T>): Promise<MqttClient> {
  const client = await clientOf(options, { clean: true })
  await new Promise<void>((resolve, reject) => {
    let failure: unknown
    client.once('connect', () => resolve())
    client.on('error', error => {
      failure ??= error
      client.end(true)
    })
    client.on('close', () => reject(mqttError(options, 'a connection', failure)))
  })
  return client
}
