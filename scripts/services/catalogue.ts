/** All services by name. */
import { type AWSConnection, aws } from './servers/aws.ts'
import { type AzureConnection, azure } from './servers/azure.ts'
import { type FlumeConnection, flume } from './servers/flume.ts'
import { type HDFSConnection, hdfs } from './servers/hdfs.ts'
import { type KafkaConnection, kafka } from './servers/kafka.ts'
import { type MariaDBConnection, mariadb } from './servers/mariadb.ts'
import { type MQTTConnection, mqtt } from './servers/mqtt.ts'
import { type PostgresConnection, postgres } from './servers/postgres.ts'
import { type RedisConnection, redis } from './servers/redis.ts'
import type { Service } from './service.ts'

interface Connections {
  readonly kafka: KafkaConnection
  readonly hdfs: HDFSConnection
  readonly flume: FlumeConnection
  readonly postgres: PostgresConnection
  readonly mariadb: MariaDBConnection
  readonly redis: RedisConnection
  readonly aws: AWSConnection
  readonly azure: AzureConnection
  readonly mqtt: MQTTConnection
}

export type ServiceName = keyof Connections

/** What a client of a service needs. */
export type ConnectionOf<N extends ServiceName> = Connections[N]

/** In the order in which they are started: the slow ones first. */
export const services: { readonly [N in ServiceName]: Service<ConnectionOf<N>> } = {
  kafka,
  hdfs,
  flume,
  postgres,
  mariadb,
  redis,
  aws,
  azure,
  mqtt,
}

export const names: readonly ServiceName[] = Object.keys(services) as ServiceName[]
