/** Connections to Redis by the package `ioredis`, which is loaded when the first one is made. */
import type { Redis } from 'ioredis'
import { isOfTheWay, saidBy } from '../database/database-errors.ts'
import type { DatabaseProblem } from '../database/dialect.ts'
import { loadPackage } from '../database/load-package.ts'
import type { ConnectedServer } from '../database/session.ts'
import type { RedisServer } from './options.ts'

const CONNECT_TIMEOUT_MS = 10_000
/** A server whose machine or network has gone says nothing: the system asks whether it is there after so long without a word. */
const KEEP_ALIVE_MS = 30_000

/** A connection. */
export interface RedisLink {
  readonly client: Redis
  close(): Promise<void>
}

/** A server to which connections are made. They are not mended by the library: who asks does that, as long as it is patient. */
export function redisServer({ connection, name }: RedisServer): ConnectedServer<RedisLink> {
  return {
    server: name,
    explain: explained,
    async connect() {
      const { Redis } = await loadPackage('Redis', 'ioredis', () => import('ioredis'))
      const { tls, ...parts } = connection
      const client = new Redis({
        ...parts,
        ...(tls === undefined || tls === false ? {} : { tls: tls === true ? {} : { ...tls } }),
        lazyConnect: true,
        // A server that still loads is asked again, and not every account may ask how it is.
        enableReadyCheck: false,
        connectTimeout: CONNECT_TIMEOUT_MS,
        keepAlive: KEEP_ALIVE_MS,
        retryStrategy: () => null,
        maxRetriesPerRequest: 0,
        connectionName: 'kindling',
      })
      // Why a connection failed is told by an event; the call only says that it did.
      let told: unknown
      client.on('error', error => {
        told ??= error
      })
      try {
        await client.connect()
        // The library goes on, in database 0, when this is refused. It is also the first command, which finds out a wrong account.
        await client.select(parts.db ?? 0)
        return { client, close: async () => client.disconnect() }
      } catch (error) {
        client.disconnect()
        throw told ?? error
      }
    },
  }
}

/** Wrong user or password, or without the right to do it. */
const DENIED = /^(WRONGPASS|NOAUTH|NOPERM|ERR AUTH|ERR invalid password)/
/** A script of somebody else runs. */
const BUSY = /^BUSY /
/** Out of memory; or the disk is, to which it writes its log. */
const FULL = /^(OOM|MISCONF)/
/** Loading, or about to become another's replica. */
const GONE = /^(LOADING|MASTERDOWN|READONLY|TRYAGAIN|CLUSTERDOWN)|maxclients/
/** What the library says of a connection that has ended. */
const ENDED = /^(Connection is closed|connect ETIMEDOUT|Stream isn't writeable|Socket closed)/

/** What the library throws, which is the server's, the system's or its own. */
export function explained(error: unknown): DatabaseProblem {
  const reason = saidBy(error)
  if (DENIED.test(reason)) return { fault: 'denied', reason }
  if (BUSY.test(reason)) return { fault: 'busy', reason }
  if (FULL.test(reason)) return { fault: 'full', reason }
  const isLibrarys = ENDED.test(reason) || (error as Error).name === 'MaxRetriesPerRequestError'
  return { fault: isLibrarys || GONE.test(reason) || isOfTheWay(error) ? 'unreachable' : 'failed', reason }
}
