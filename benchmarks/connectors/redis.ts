/**
 * Redis: `redisSink` with `toHash` beside HSET by pipelines of a thousand commands by `ioredis`. The pipelines guarantee nothing: a batch
 * that breaks off is there in part. A transaction of the client (MULTI) would have to hold the whole batch at the server, too.
 */
import { Redis } from 'ioredis'
import { SparkContext } from 'kindling'
import { redisSink, toHash } from 'kindling/connectors/redis'
import { service } from '../../test/services/service.ts'
import type { Benchmark } from './harness.ts'

const FIELDS = 100_000
const CHUNK = 1000

/** See the file head. */
export const redisWrite: Benchmark = async master => {
  const { connection } = service('redis')
  const client = new Redis({ ...connection })
  const hash = `bench-${process.pid}`
  const sc = new SparkContext({ master })
  const sink = redisSink<readonly [string, string]>({ connection, commands: toHash(hash), prefix: hash })
  const prepare = async (): Promise<void> => void (await client.unlink(hash))
  const found = async (): Promise<unknown> => [
    await client.hlen(hash),
    await client.hget(hash, `field ${FIELDS - 1}`),
  ]
  return {
    work: `${FIELDS} fields of a hash`,
    expected: [FIELDS, pairOf(FIELDS - 1)[1]],
    ours: { prepare, found, run: time => sc.range(FIELDS).map(pairOf).writeTo(sink, { id: hash, time }) },
    bare: {
      prepare,
      found,
      async run() {
        for (let first = 0; first < FIELDS; first += CHUNK) {
          const pipeline = client.pipeline()
          for (let n = first; n < first + CHUNK; n++) {
            const [field, value] = pairOf(n)
            pipeline.hset(hash, field, value)
          }
          for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error
        }
      },
    },
    async [Symbol.asyncDispose]() {
      await sc.stop()
      const keys = await client.keys(`${hash}*`)
      if (keys.length > 0) await client.unlink(...keys)
      client.disconnect()
    },
  }
}

function pairOf(n: number): [field: string, value: string] {
  return [`field ${n}`, `what is said of ${n} is of no use to anybody here`]
}
