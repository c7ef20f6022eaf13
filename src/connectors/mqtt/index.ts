/** The public names of `kindling/connectors/mqtt`. */

export type { MqttConnection } from './connection.ts'
export { type MqttSinkOptions, mqttSink, type OutMessage } from './mqtt-sink.ts'
export { type MqttMessage, type MqttStreamOptions, MqttUtils } from './mqtt-utils.ts'
