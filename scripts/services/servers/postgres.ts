/** PostgreSQL, with logical replication, and without waiting for the disk. */
import { chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../commands.ts'
import { unprivileged } from '../control.ts'
import { firstBytes } from '../ports.ts'
import { debianPrograms } from '../registries.ts'
import type { Run, Service } from '../service.ts'

const PLACES = ['usr/lib/postgresql/*/bin', 'usr/local/bin', 'usr/bin']

/** A user who needs a password, once somebody makes one of this name. */
const LOCKED = 'locked'

/** A user without password who may do everything. */
export interface PostgresConnection {
  readonly [key: string]: string | number
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
}

/** See the file head. */
export const postgres: Service<PostgresConnection> = {
  name: 'postgres',
  needs: 'PostgreSQL, or Debian to get it from',
  ports: ['sql'],

  async provision() {
    return { ...(await debianPrograms(['postgresql'], 'initdb', PLACES)) }
  },

  async prepare(server) {
    const data = join(server.folder, 'data')
    const user = unprivileged()
    mkdirSync(data, { recursive: true, mode: 0o700 })
    if (user !== undefined) chownSync(data, user, user)
    const locale = ['--encoding=UTF8', '--locale=C.UTF-8']
    const accounts = ['--username=tester', '--auth=trust', '--no-sync']
    await run(join(server.software['bin']!, 'initdb'), [`--pgdata=${data}`, ...locale, ...accounts], {
      cwd: server.folder,
      env: environment(server),
      user,
    })
    // The first line that fits decides.
    const access = join(data, 'pg_hba.conf')
    writeFileSync(access, `host all ${LOCKED} 127.0.0.1/32 scram-sha-256\n${readFileSync(access, 'utf8')}`)
  },

  processes: server => {
    const settings = [
      'listen_addresses=127.0.0.1',
      'unix_socket_directories=',
      'fsync=off',
      'wal_level=logical',
      'shared_buffers=32MB',
    ]
    const args = ['-D', join(server.folder, 'data'), '-p', String(server.ports['sql'])]
    return [
      {
        name: 'server',
        command: join(server.software['bin']!, 'postgres'),
        args: [...args, ...settings.flatMap(setting => ['-c', setting])],
        env: environment(server),
        refusesRoot: true,
      },
    ]
  },

  /** A start-up message of protocol 3.0 is answered by a demand for authentication once log-ins are taken, and by an error before. */
  async isReady({ ports }) {
    const body = '\0\x03\0\0user\0tester\0database\0postgres\0\0'
    const answer = await firstBytes(ports['sql']!, `\0\0\0${String.fromCharCode(body.length + 4)}${body}`)
    return answer.startsWith('R')
  },

  connection: ({ ports }) => ({
    host: '127.0.0.1',
    port: ports['sql']!,
    user: 'tester',
    database: 'postgres',
  }),
}

const environment = ({ software }: Run): Record<string, string> =>
  software['libraries'] === '' ? {} : { LD_LIBRARY_PATH: software['libraries']! }
