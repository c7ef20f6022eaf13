/** MariaDB, with its log of rows for replication. It is not MySQL, for which Debian has no server. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../commands.ts'
import { firstBytes } from '../ports.ts'
import { debianPrograms } from '../registries.ts'
import type { Run, Service } from '../service.ts'

/** A user who may do everything with the database `test`, and with those called `test_…`. */
export interface MariaDBConnection {
  readonly [key: string]: string | number
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
}

const account = { user: 'tester', password: 'tester-secret', database: 'test' } as const

/** See the file head. */
export const mariadb: Service<MariaDBConnection> = {
  name: 'mariadb',
  needs: 'MariaDB, or Debian to get it from',
  ports: ['sql'],

  async provision() {
    return {
      ...(await debianPrograms(['mariadb-server-core', 'mariadb-client-core'], 'mariadbd', ['usr/sbin'])),
    }
  },

  async prepare(server) {
    const { folder, software } = server
    writeFileSync(
      join(folder, 'init.sql'),
      `CREATE DATABASE IF NOT EXISTS ${account.database};
CREATE USER IF NOT EXISTS '${account.user}'@'127.0.0.1' IDENTIFIED BY '${account.password}';
GRANT ALL ON ${account.database}.* TO '${account.user}'@'127.0.0.1';
GRANT ALL ON \`${account.database}\\_%\`.* TO '${account.user}'@'127.0.0.1';
`,
    )
    const base = join(software['tree']!, 'usr')
    const args = ['--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve']
    await run(
      join(base, 'bin/mariadb-install-db'),
      ['--no-defaults', `--basedir=${base}`, `--datadir=${join(folder, 'data')}`, ...asRoot(), ...args],
      { cwd: folder, env: environment(server) },
    )
  },

  processes: server => {
    const { folder, ports, software } = server
    return [
      {
        name: 'server',
        command: join(software['bin']!, 'mariadbd'),
        args: [
          '--no-defaults',
          `--basedir=${join(software['tree']!, 'usr')}`,
          `--datadir=${join(folder, 'data')}`,
          `--port=${ports['sql']}`,
          '--bind-address=127.0.0.1',
          `--socket=${join(folder, 'socket')}`,
          `--pid-file=${join(folder, 'pid')}`,
          `--init-file=${join(folder, 'init.sql')}`,
          '--skip-name-resolve',
          '--innodb-buffer-pool-size=64M',
          // What it has confirmed outlives the process, if not the machine.
          '--innodb-flush-log-at-trx-commit=2',
          `--log-bin=${join(folder, 'data/log')}`,
          '--binlog-format=ROW',
          '--server-id=1',
          ...asRoot(),
        ],
        env: environment(server),
      },
    ]
  },

  /** Its first packet is a greeting of protocol version 10, or an error while it starts. */
  async isReady({ ports }) {
    return (await firstBytes(ports['sql']!, '')).charCodeAt(4) === 10
  },

  connection: ({ ports }) => ({ host: '127.0.0.1', port: ports['sql']!, ...account }),
}

const asRoot = (): string[] => (process.getuid?.() === 0 ? ['--user=root'] : [])

const environment = ({ software }: Run): Record<string, string> =>
  software['libraries'] === '' ? {} : { LD_LIBRARY_PATH: software['libraries']! }
