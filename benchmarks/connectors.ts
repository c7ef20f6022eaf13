/**
 * What each connector does beside the bare client library, over the same server: `connectors/harness.ts` has how it is measured, and the
 * head of each file there what the bare program does. Each comparison runs in a process of its own.
 *
 *   npm run services -- start
 *   node scripts/node24.mjs --conditions=source benchmarks/connectors.ts [names] [--rounds N] [--master local[2]]
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Benchmark, measure } from './connectors/harness.ts'

const benchmarks: Readonly<Record<string, () => Promise<Benchmark>>> = {
  'kafka-write': async () => (await import('./connectors/kafka.ts')).kafkaWrite,
  'kafka-transaction': async () => (await import('./connectors/kafka.ts')).kafkaTransaction,
  'postgres-write': async () => (await import('./connectors/postgres.ts')).postgresWrite,
  'postgres-read': async () => (await import('./connectors/postgres.ts')).postgresRead,
  'mariadb-write': async () => (await import('./connectors/mariadb.ts')).mariadbWrite,
  'sqlite-write': async () => (await import('./connectors/sqlite.ts')).sqliteWrite,
  'hdfs-write': async () => (await import('./connectors/hdfs.ts')).hdfsWrite,
  'hdfs-read': async () => (await import('./connectors/hdfs.ts')).hdfsRead,
  's3-write': async () => (await import('./connectors/object-store.ts')).s3Write,
  's3-read': async () => (await import('./connectors/object-store.ts')).s3Read,
  'azure-write': async () => (await import('./connectors/object-store.ts')).azureWrite,
  'azure-read': async () => (await import('./connectors/object-store.ts')).azureRead,
  'kinesis-read': async () => (await import('./connectors/kinesis.ts')).kinesisRead,
  'mqtt-receive': async () => (await import('./connectors/mqtt.ts')).mqttReceive,
  'flume-receive': async () => (await import('./connectors/flume.ts')).flumeReceive,
  'http-receive': async () => (await import('./connectors/http.ts')).httpReceive,
  'redis-write': async () => (await import('./connectors/redis.ts')).redisWrite,
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    master: { type: 'string', default: 'local' },
  },
})
const { rounds, master } = values
const names = positionals.length > 0 ? positionals : Object.keys(benchmarks)
const unknown = names.find(name => !Object.hasOwn(benchmarks, name))
if (unknown !== undefined)
  throw new Error(`there is no ${unknown}, but ${Object.keys(benchmarks).join(', ')}`)

if (names.length === 1) {
  await measure(names[0]!, await benchmarks[names[0]!]!(), master, Number(rounds))
  // Some clients keep connections for a while.
  process.exit()
}
for (const name of names) {
  const own = [
    ...process.execArgv,
    fileURLToPath(import.meta.url),
    name,
    '--rounds',
    rounds,
    '--master',
    master,
  ]
  const { status } = spawnSync(process.execPath, own, { stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
}
