/**
 * MQTT (Mosquitto), QoS 1: messages that wait in a session at the broker, received by a stream, until a batch has the last one, beside a
 * subscription by `mqtt.js`. The library acknowledges each message when its handler is called; the stream, when its block is stored.
 */
import { SparkContext } from 'kindling'
import { MqttUtils } from 'kindling/connectors/mqtt'
import { connect, connectAsync } from 'mqtt'
import { service } from '../../test/services/service.ts'
import type { Benchmark } from './harness.ts'
import { received } from './received.ts'

const MESSAGES = 60_000
const PAYLOAD = 'x'.repeat(100)
const expected = MESSAGES * PAYLOAD.length

/** See the file head. */
export const mqttReceive: Benchmark = async master => {
  const { url } = service('mqtt').connection
  const topic = `bench/${process.pid}`
  const clientId = `bench-${process.pid}`
  const session = { clientId, clean: false }
  const publisher = await connectAsync(url)
  /** Nobody is connected while they are sent. */
  const prepare = async (): Promise<void> => {
    const client = await connectAsync(url, session)
    await client.subscribeAsync(topic, { qos: 1 })
    await client.endAsync()
    await Promise.all(
      Array.from({ length: MESSAGES }, () => publisher.publishAsync(topic, PAYLOAD, { qos: 1 })),
    )
  }
  const sc = new SparkContext({ master })
  return {
    work: `${MESSAGES} messages of 100 B`,
    expected,
    ours: received(sc, {
      expected,
      prepare,
      streamOf: ssc =>
        MqttUtils.createStream(ssc, { url, topics: [topic], clientId }).map(({ payload }) => payload.length),
    }),
    bare: {
      prepare,
      async run() {
        const client = connect(url, session)
        let sum = 0
        await new Promise<void>((resolve, reject) => {
          client.on('error', reject)
          client.on('message', (_topic, payload) => {
            sum += payload.length
            if (sum === expected) resolve()
          })
        })
        await client.endAsync()
        return sum
      },
    },
    async [Symbol.asyncDispose]() {
      await sc.stop()
      // The broker forgets the session.
      await (await connectAsync(url, { clientId })).endAsync()
      await publisher.endAsync()
    },
  }
}
