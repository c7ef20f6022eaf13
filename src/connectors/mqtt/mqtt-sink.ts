/** Batches to an MQTT broker, at least once. */
import type { MqttClient } from 'mqtt'
import { type DurationLike, toDuration } from '../../base/time.ts'
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
  /** How long tasks are tried again while the broker is away. Default 60 s. */
  readonly patience?: DurationLike
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
  const { patience = 60_000 } = options
  const patienceMs = toDuration(patience, 'The patience with an MQTT broker').milliseconds
  const writer = capture({ mqttWriter, options }, () => mqttWriter(options))
  return {
    name: serverOf(options),
    guarantee: 'at-least-once',
    patienceMs,
    writer: writer as Sink<T>['writer'],
  }
}

/** The writer of an attempt. */
export function mqttWriter<T>(options: MqttSinkOptions<T>): SinkWriter<T, undefined> {
  const { message, qos = 1 } = options
  let client: Promise<MqttClient> | undefined
  /** Messages that the broker has not confirmed. */
  let sending = 0
  let failure: unknown
  let wake = (): void => {}
  // Who waits for the answer to a message is not told by the library that the connection has ended.
  const onEnd = (): void => {
    failure ??= new Error('the connection was closed')
    wake()
  }
  const drained = async (left: number): Promise<void> => {
    while (sending > left && failure === undefined)
      await new Promise<void>(resolve => {
        wake = resolve
      })
    if (failure !== undefined) throw mqttError(options, 'a message', failure)
  }
  return {
    async write(records) {
      client ??= connected(options, onEnd)
      const open = await client
      for (const record of records) {
        const { topic, payload, retain = false } = message(record)
        const bytes = typeof payload === 'string' ? payload : Buffer.from(payload)
        sending++
        open.publish(topic, bytes, { qos, retain }, error => {
          sending--
          failure ??= error ?? undefined
          wake()
        })
        if (sending >= WINDOW) await drained(WINDOW - 1)
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
async function connected<T>(options: MqttSinkOptions<T>, onEnd: () => void): Promise<MqttClient> {
  const client = await clientOf(options, { clean: true })
  await new Promise<void>((resolve, reject) => {
    let failure: unknown
    client.once('connect', () => resolve())
    client.on('error', error => {
      failure ??= error
      client.end(true)
    })
    client.on('close', () => {
      reject(mqttError(options, 'a connection', failure))
      onEnd()
    })
  })
  return client
}
