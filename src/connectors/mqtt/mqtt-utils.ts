/** Streams of MQTT. */
import { KindlingError } from '../../base/errors.ts'
import { operator } from '../../rdd/scope.ts'
import type { StorageLevel } from '../../rdd/storage-level.ts'
import type { DStream } from '../../streaming/dstream/dstream.ts'
import { ReceiverSource } from '../../streaming/receiver/receiver-source.ts'
import type { StreamingContext } from '../../streaming/streaming-context.ts'
import { checkConnection, type MqttConnection, serverOf } from './connection.ts'
import { MqttReceiver } from './mqtt-receiver.ts'

/** A message of MQTT. */
export interface MqttMessage {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: 0 | 1 | 2
  /** It was there before the subscription. */
  readonly isRetained: boolean
  /** The broker has sent it before: it may be in an earlier batch. */
  readonly isDuplicate: boolean
}

/** What is received, and how. */
export interface MqttStreamOptions extends MqttConnection {
  /** With wildcards: `sensors/+/temperature`, `alarms/#`. */
  readonly topics: readonly string[]
  /** Most that the broker may use: 0 at most once, 1 at least once, 2 as 1, with one message at a time. Default 1. */
  readonly qos?: 0 | 1 | 2
  /** Whether the broker forgets session and messages with the connection. Default: true without a `clientId`, false with one. */
  readonly clean?: boolean
  /** Default `MEMORY_AND_DISK_SER_2`. */
  readonly storageLevel?: StorageLevel
}

/** Streams of MQTT, by Spark's name. */
export const MqttUtils = {
  /**
   * Messages of topics at a broker. Needs the package `mqtt`; the protocol is MQTT 3.1.1.
   *
   * Partitions: one for each block. A message of QoS 1 or 2 is acknowledged once its block is stored; with
   * `spark.streaming.receiver.writeAheadLog.enable`, once it is in the checkpoint directory. With a `clientId` the broker keeps the session
   * while the program is away, and sends what was not acknowledged again: at least once, and nothing is lost.
   *
   * The connection is made again after `spark.streaming.receiverRestartDelay`; why it ended is told to listeners
   * (ENDPOINT_UNREACHABLE, ENDPOINT_ACCESS_DENIED).
   *
   * @throws INVALID_ARGUMENT for options that mean nothing; PACKAGE_MISSING (to listeners)
   * @source Spark MQTTUtils.createStream
   * @example
   * const messages = MqttUtils.createStream(ssc, { url: 'mqtt://localhost', topics: ['sensors/#'], clientId: 'sums' })
   * messages.map(({ topic, payload }) => [topic, Number(new TextDecoder().decode(payload))]) // DStream<[string, number]>
   */
  createStream(ssc: StreamingContext, options: MqttStreamOptions): DStream<MqttMessage> {
    checkConnection(options)
    if (options.topics.length === 0)
      throw new KindlingError('INVALID_ARGUMENT', {
        what: 'topics of an MQTT stream',
        value: options.topics,
        expected: 'one at least',
      })
    if (options.clean === false && options.clientId === undefined)
      throw new KindlingError('INVALID_ARGUMENT', {
        what: 'clean of an MQTT stream',
        value: false,
        expected: 'a clientId with it, by which the broker finds the session again',
      })
    const source = new ReceiverSource<MqttMessage>(
      new MqttReceiver(options),
      `${serverOf(options)}, topics ${options.topics.join(', ')}`,
    )
    return operator('createStream', () => ssc.inputStream(source))
  },
}
