/**
 * Batches into Redis, each once:
 *
 *   tasks    commands into a list for each attempt ─▶ (its key)
 *   driver   one script: epoch checked ─▶ token ─▶ the commands of these lists; then they are dropped
 *
 * A batch whose token is there is not written again; an epoch that is not the latest is refused.
 */

import type { Logger } from '../../base/logger.ts'
import { toDuration } from '../../base/time.ts'
import type { AsyncCall } from '../../rdd/async-map.ts'
import type { BatchToken, ExactlyOnceSink, SinkOutput, SinkWriter, WriteToken } from '../../rdd/sink/sink.ts'
import { fenced, outputDigest } from '../../rdd/sink/success-file.ts'
import { databaseError, databaseFailed } from '../database/database-errors.ts'
import { connected, type Patience, patiently, quietlyClosed, Session } from '../database/session.ts'
import { packed, type RedisCommand } from './commands.ts'
import { type RedisServer, type RedisSinkOptions, serverOf } from './options.ts'
import { type RedisLink, redisServer } from './redis-link.ts'
import { ABORT, COMMIT, FORGET, OPEN } from './scripts.ts'

/** Lists of programs that died and never came back go by themselves. */
const STAGE_SECONDS = 24 * 3600
/** Of a list, pushed at a time. */
const PUSH_ITEMS = 1000
/** For people. */
const COMMANDS = 'commands of a batch'

/** What an attempt tells the driver: without a key when it had no commands. */
export interface StagedCommands {
  readonly key?: string
  readonly count: number
}

/** What a writer needs, as it travels. */
interface Settings<T> {
  readonly server: RedisServer
  readonly prefix: string
  readonly patienceMs: number
  readonly commands: (record: T) => readonly RedisCommand[]
}

/**
 * A sink that runs the commands for the records of each batch, all in one script with a token of the batch: once, also across crashes of
 * the program; across those of Redis as far as it keeps what it has confirmed. Every command is sent to Redis twice over, first into a list
 * of its attempt. Nobody else is served while the commands of a batch run.
 *
 * @typeParam T what `commands` takes
 * @throws DATABASE_FAILED when the address is none. At the start: DATABASE_UNREACHABLE after the patience, DATABASE_ACCESS_DENIED,
 * PACKAGE_MISSING without `ioredis`. In batches also: DATABASE_FAILED for a command that is refused, DATABASE_FULL, SINK_FENCED
 * @example
 * const sink = redisSink({ connection: 'redis://:secret@localhost:6379', commands: toHash('counts') })
 * sink.name // => 'Redis at localhost:6379/0'
 */
export function redisSink<T>(options: RedisSinkOptions<T>): ExactlyOnceSink<T, StagedCommands> {
  const { connection, commands, prefix = 'kindling', patience = 60_000 } = options
  const server = serverOf(connection)
  const patienceMs = toDuration(patience, 'The patience with Redis').milliseconds
  const settings: Settings<T> = { server, prefix, patienceMs, commands }
  const link = redisServer(server)
  const outputs = new Set<string>()
  let session: Session<RedisLink> | undefined
  let logger: Logger | undefined
  const onTrouble = (problem: Error): void => logger?.warn(problem.message)
  const run = <R>(what: string, body: (link: RedisLink) => Promise<R>): Promise<R> => {
    session ??= new Session(link, { patienceMs, onTrouble })
    return session.run(what, body)
  }
  const script = (
    what: string,
    text: string,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<string[]> =>
    run(what, async ({ client }) => (await client.eval(text, keys.length, ...keys, ...args)) as string[])
  return {
    name: server.name,
    guarantee: 'exactly-once',
    by: 'transaction',
    patienceMs,
    writer: (token, call) => commandWriter(settings, token, call),
    async open(output) {
      logger = output.logger
      outputs.add(output.operatorId)
      const { epochs, stages, id } = keysOf(prefix, output)
      judge(
        server.name,
        output,
        await script('the epoch of an output', OPEN, [epochs, stages], [id, output.epoch]),
      )
    },
    committed: tokens =>
      run('tokens of batches', async ({ client }) => {
        const found: BatchToken[] = []
        for (const token of tokens) {
          const epoch = await client.hget(keysOf(prefix, token).batches, String(token.batchTime))
          if (epoch === null) continue
          if (Number(epoch) > token.epoch)
            throw fenced(server.name, token, `epoch ${epoch} has written this batch`)
          found.push(token)
        }
        return found
      }),
    async commit(batch, messages) {
      const { epochs, batches, stages, id } = keysOf(prefix, batch)
      const parts = messages.flatMap(({ key, count }) => (key === undefined ? [] : [key, count]))
      const args = [id, batch.epoch, batch.batchTime, partOf(batch), ...parts]
      judge(server.name, batch, await script(COMMANDS, COMMIT, [epochs, batches, stages], args))
    },
    async abort(batch) {
      await script(COMMANDS, ABORT, [keysOf(prefix, batch).stages], [partOf(batch)])
    },
    async forget(output, batchTime) {
      await script('old tokens', FORGET, [keysOf(prefix, output).batches], [batchTime])
    },
    async close({ operatorId }) {
      outputs.delete(operatorId)
      if (outputs.size > 0) return
      const ended = session
      session = undefined
      await ended?.close()
    },
  }
}

/** @throws SINK_FENCED, DATABASE_FAILED for what a script says */
function judge(server: string, output: SinkOutput, [kind, at, said]: readonly string[]): void {
  switch (kind) {
    case 'fenced':
      throw fenced(server, output, `epoch ${at} has begun`)
    case 'missing':
      throw databaseFailed(server, COMMANDS, `${at} has ${said} of them, and not as many as were written`)
    case 'refused':
      throw databaseFailed(server, `the command ${at}`, String(said))
  }
}

function keysOf(
  prefix: string,
  output: SinkOutput,
): { readonly id: string; readonly epochs: string; readonly batches: string; readonly stages: string } {
  const id = outputDigest(output)
  return {
    id,
    epochs: `${prefix}:epochs`,
    batches: `${prefix}:batches:${id}`,
    stages: `${prefix}:stages:${id}`,
  }
}

/** What the names of lists of a batch have in them. */
function partOf({ epoch, batchTime }: BatchToken): string {
  return `:rows:${epoch}:${batchTime}:`
}

/** The task's side: the commands of an attempt into a list of its own. */
function commandWriter<T>(
  { server, prefix, patienceMs, commands }: Settings<T>,
  token: WriteToken,
  call?: AsyncCall,
): SinkWriter<T, StagedCommands> {
  const link = redisServer(server)
  const patience: Patience = { patienceMs, signal: call?.signal }
  const { stages, id } = keysOf(prefix, token)
  const key = `${prefix}:${id}${partOf(token)}${token.partition}:${token.attempt}`
  let open: RedisLink | undefined
  let count = 0
  const push = async (items: readonly Buffer[]): Promise<void> => {
    try {
      const client = open!.client
      if (count === 0) await client.sadd(stages, key)
      for (let from = 0; from < items.length; from += PUSH_ITEMS)
        await client.rpush(key, ...items.slice(from, from + PUSH_ITEMS))
      if (count === 0) await client.expire(key, STAGE_SECONDS)
      count += items.length
    } catch (error) {
      throw databaseError(link, COMMANDS, error)
    }
  }
  const end = async (): Promise<void> => {
    const ended = open
    open = undefined
    await quietlyClosed(ended)
  }
  return {
    async write(records) {
      const items = records.flatMap(record => commands(record).map(packed))
      if (items.length === 0) return
      open ??= await patiently(link, COMMANDS, patience, () => connected(link, patience.signal))
      await push(items)
    },
    prepare: () => (count === 0 ? { count } : { key, count }),
    async abort() {
      try {
        await open?.client.multi().del(key).srem(stages, key).exec()
      } catch {
        // The server has gone. The list goes with the batch, or by itself.
      }
      await end()
    },
    close: end,
  }
}
