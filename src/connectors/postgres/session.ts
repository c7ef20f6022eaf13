/** Connections to PostgreSQL by the package `pg`, which is loaded when the first one is made. */
import type { Client } from 'pg'
import { type Clock, SystemClock } from '../../base/clock.ts'
import { isKindlingError, KindlingError } from '../../base/errors.ts'
import type { PostgresSettings } from './options.ts'
import { postgresError } from './postgres-errors.ts'

const CONNECT_TIMEOUT_MS = 10_000
const FIRST_PAUSE_MS = 50
const MAX_PAUSE_MS = 1000

/** What a table sink needs of the settings to talk to the server. */
export type ServerSettings = Pick<PostgresSettings, 'connection' | 'server' | 'patienceMs'>

/** @throws DATABASE_UNREACHABLE, DATABASE_ACCESS_DENIED, DATABASE_FAILED, PACKAGE_MISSING */
export async function connect({ connection, server }: ServerSettings): Promise<Client> {
  const { default: pg } = await load('pg', () => import('pg'))
  const { connectionString, ...parts } = connection
  const client = new pg.Client({
    ...parts,
    ...(connectionString === undefined ? {} : { connectionString }),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: 'kindling',
  })
  // The end of a connection is found by who asks something over it.
  client.on('error', () => {})
  try {
    await client.connect()
    return client
  } catch (error) {
    await disconnect(client)
    throw postgresError(server, 'a connection', error)
  }
}

/** Also ends what is under way on it. */
export async function disconnect(client: Client): Promise<void> {
  try {
    await client.end()
  } catch {
    // It has ended.
  }
}

/** Loads a package. @throws PACKAGE_MISSING */
export async function load<P>(name: string, imported: () => Promise<P>): Promise<P> {
  try {
    return await imported()
  } catch (error) {
    throw new KindlingError('PACKAGE_MISSING', { feature: 'PostgreSQL', package: name }, { cause: error })
  }
}

/** Asks again while the server does not answer, until the patience is over. */
export async function patiently<R>(
  patienceMs: number,
  ask: () => Promise<R>,
  clock: Clock = new SystemClock(),
): Promise<R> {
  const until = clock.now() + patienceMs
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
    try {
      return await ask()
    } catch (error) {
      if (!isKindlingError(error, 'DATABASE_UNREACHABLE') || clock.now() + pause > until) throw error
      await clock.sleep(pause)
    }
  }
}

/** The driver's connection: made when it is needed, and again when it was lost. One transaction at a time. */
export class Session {
  private readonly settings: ServerSettings
  private client: Client | undefined
  private last: Promise<unknown> = Promise.resolve()

  constructor(settings: ServerSettings) {
    this.settings = settings
  }

  /**
   * What `body` gives, in a transaction. When the connection is lost it is run again, also when it may have been committed: so it has to
   * look what is there.
   */
  transaction<R>(what: string, body: (client: Client) => Promise<R>): Promise<R> {
    const { server, patienceMs } = this.settings
    const attempt = async (): Promise<R> => {
      this.client ??= await connect(this.settings)
      const { client } = this
      try {
        await client.query('BEGIN')
        const result = await body(client)
        await client.query('COMMIT')
        return result
      } catch (error) {
        // The end of the connection takes back what the transaction did, whatever state it is in.
        this.client = undefined
        await disconnect(client)
        throw postgresError(server, what, error)
      }
    }
    const mine = this.last.then(() => patiently(patienceMs, attempt))
    this.last = mine.catch(() => {})
    return mine
  }

  async close(): Promise<void> {
    await this.last
    if (this.client !== undefined) await disconnect(this.client)
    this.client = undefined
  }
}
