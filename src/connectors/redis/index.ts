/** The public names of `kindling/connectors/redis`. */

export { type RedisCommand, toChannel, toHash, toKeys, toStream } from './commands.ts'
export type { RedisConnection, RedisSinkOptions } from './options.ts'
export { redisSink } from './redis-sink.ts'
