/**
 * Real servers for tests, which `npm run services -- start` has started. Tests of a server that does not run are skipped and say how
 * to get it; with KINDLING_REQUIRE_SERVICES=1 they fail.
 *
 *   const kafka = service('kafka')
 *   describe('…', { skip: kafka.skip }, () => { … kafka.connection.brokers … })
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { type ConnectionOf, type ServiceName, services } from '../../scripts/services/catalogue.ts'
import { Server } from '../../scripts/services/control.ts'
import { ownFolder, runsFolder } from '../../scripts/services/folders.ts'
import type { ConnectionData, Run, Service } from '../../scripts/services/service.ts'

/** A server that all tests share: none may stop it, and each works on topics, tables or folders of its own. */
export interface SharedService<C> {
  /** Why its tests cannot run; false when they can. */
  readonly skip: string | false
  /** @throws when it does not run */
  readonly connection: C
}

/** See the file head. @throws when it does not run and KINDLING_REQUIRE_SERVICES is 1 */
export function service<N extends ServiceName>(name: N): SharedService<ConnectionOf<N>> {
  const { needs } = services[name]
  const state = serverIn(name, join(runsFolder(), name)).state()
  if (state.kind === 'running') {
    return { skip: false, connection: state.connection as ConnectionOf<N> }
  }
  const reason = state.kind === 'broken' ? `is broken (${state.reason})` : 'does not run'
  const skip = `${name} ${reason}: npm run services -- start ${name} (it needs ${needs})`
  if (process.env['KINDLING_REQUIRE_SERVICES'] === '1') throw new Error(skip)
  return {
    skip,
    get connection(): never {
      throw new Error(skip)
    },
  }
}

/**
 * A server of one test, which may be stopped, killed and started again. It is not started yet; dispose of it in any case.
 *
 * @param args further arguments of its processes
 * @example
 * await using broker = ownServer('kafka')
 * const { brokers } = await broker.start()
 */
export function ownServer<N extends ServiceName>(
  name: N,
  args: readonly string[] = [],
): Server<ConnectionOf<N>> & AsyncDisposable {
  const server = serverIn(name, join(ownFolder(), `${name}-${randomBytes(4).toString('hex')}`), args)
  return Object.assign(server, { [Symbol.asyncDispose]: () => server.remove() })
}

function serverIn<N extends ServiceName>(
  name: N,
  folder: string,
  args: readonly string[] = [],
): Server<ConnectionOf<N>> {
  // Each entry of the catalogue has the connection of its name.
  const found = services[name] as unknown as Service<ConnectionOf<N> & ConnectionData>
  const service = {
    ...found,
    processes: (run: Run) =>
      found.processes(run).map(wanted => ({ ...wanted, args: [...wanted.args, ...args] })),
  }
  return new Server(service, folder) as unknown as Server<ConnectionOf<N>>
}
