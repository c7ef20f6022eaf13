/** Connections that are made when they are needed, and again when they were lost. */
import { type Clock, SystemClock } from '../../base/clock.ts'
import { isKindlingError, KindlingError } from '../../base/errors.ts'
import { patiently as askedAgain } from '../../base/patience.ts'
import { cancellationOf } from '../../rdd/cancellation.ts'
import { databaseError } from './database-errors.ts'
import type { DatabaseFault, DatabaseProblem } from './dialect.ts'

const PAUSES = { firstPauseMs: 10, maxPauseMs: 1000 }

/** A server, as far as asking it again needs to know. */
export interface AskedServer {
  /** For messages. */
  readonly server: string
  explain(error: unknown): DatabaseProblem
}

/** What is to be closed in the end. */
interface Closable {
  close(): Promise<void>
}

/** A server to which connections are made. */
export interface ConnectedServer<C extends Closable> extends AskedServer {
  connect(): Promise<C>
}

/** How long and for what a server is asked again. */
export interface Patience {
  readonly patienceMs: number
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined
  /** What is asked again for. Default: busy, unreachable and full. */
  readonly faults?: readonly DatabaseFault[]
  readonly clock?: Clock
  /** Told once, when it is first asked again. */
  readonly onTrouble?: ((problem: KindlingError) => void) | undefined
}

const PASSING: readonly DatabaseFault[] = ['busy', 'unreachable', 'full']

/**
 * Asks again while the server does not answer, or has no room, until the patience is over.
 *
 * @param ask may throw as the database does
 * @throws JOB_CANCELLED when the signal is aborted meanwhile; what `databaseError` makes of the last error
 */
export async function patiently<R>(
  dialect: AskedServer,
  what: string,
  { patienceMs, signal, faults = PASSING, clock = new SystemClock(), onTrouble }: Patience,
  ask: () => Promise<R>,
): Promise<R> {
  const mayPass = (error: unknown): boolean =>
    !isKindlingError(error) && faults.includes(dialect.explain(error).fault)
  const explained = (error: unknown): KindlingError => databaseError(dialect, what, error)
  const patience = { clock, patienceMs, ...PAUSES, mayPass, signal }
  try {
    return await askedAgain({ ...patience, onTrouble: error => onTrouble?.(explained(error)) }, () =>
      unlessAborted(signal, ask()),
    )
  } catch (error) {
    throwIfAborted(signal)
    throw explained(error)
  }
}

/** A connection. It is closed when it comes after the signal. */
export async function connected<C extends Closable>(
  dialect: ConnectedServer<C>,
  signal: AbortSignal | undefined,
): Promise<C> {
  const connection = await dialect.connect()
  if (signal?.aborted === true) await quietlyClosed(connection)
  throwIfAborted(signal)
  return connection
}

/** Closes it, whatever state it is in. */
export async function quietlyClosed(connection: Closable | undefined): Promise<void> {
  try {
    await connection?.close()
  } catch {
    // It has ended.
  }
}

/** The driver's connection. One thing at a time. */
export class Session<C extends Closable> {
  private readonly dialect: ConnectedServer<C>
  private readonly patienceMs: number
  private readonly onTrouble: Patience['onTrouble']
  private readonly ending = new AbortController()
  private connection: C | undefined
  private last: Promise<unknown> = Promise.resolve()

  constructor(
    dialect: ConnectedServer<C>,
    { patienceMs, onTrouble }: Pick<Patience, 'patienceMs' | 'onTrouble'>,
  ) {
    this.dialect = dialect
    this.patienceMs = patienceMs
    this.onTrouble = onTrouble
  }

  /**
   * What `body` gives. When the connection is lost it is run again, from the beginning, also when it may have been done: so it has to look
   * what is there.
   */
  run<R>(what: string, body: (connection: C) => Promise<R>): Promise<R> {
    const { dialect, patienceMs, onTrouble } = this
    const attempt = async (): Promise<R> => {
      this.connection ??= await connected(dialect, this.ending.signal)
      const { connection } = this
      try {
        return await body(connection)
      } catch (error) {
        // The end of the connection takes back what a transaction did, whatever state it is in.
        this.connection = undefined
        await quietlyClosed(connection)
        throw error
      }
    }
    const patience = { patienceMs, signal: this.ending.signal, onTrouble }
    const mine = this.last.then(() => patiently(dialect, what, patience, attempt))
    this.last = mine.catch(() => {})
    return mine
  }

  /** Ends what is under way, also the waiting for a server. */
  async close(): Promise<void> {
    this.ending.abort(new KindlingError('JOB_CANCELLED', { reason: 'its sink was closed' }))
    await this.last
    await quietlyClosed(this.connection)
    this.connection = undefined
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw cancellationOf(signal)
}

/** What `asked` gives; when the signal is aborted before, nobody waits for it any more. */
function unlessAborted<R>(signal: AbortSignal | undefined, asked: Promise<R>): Promise<R> {
  if (signal === undefined) return asked
  return new Promise<R>((resolve, reject) => {
    const onAbort = (): void => reject(cancellationOf(signal))
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    const end = (): void => signal.removeEventListener('abort', onAbort)
    asked.then(resolve, reject).finally(end)
  })
}
