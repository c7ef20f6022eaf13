/** Redis, with its log of commands: what it has confirmed outlives the process. */
import { join } from 'node:path'
import { firstBytes } from '../ports.ts'
import { debianPrograms } from '../registries.ts'
import type { Service } from '../service.ts'

/** Without a password. */
export interface RedisConnection {
  readonly [key: string]: string | number
  readonly host: string
  readonly port: number
}

/** See the file head. */
export const redis: Service<RedisConnection> = {
  name: 'redis',
  needs: 'Redis, or Debian to get it from',
  ports: ['redis'],

  async provision() {
    return { ...(await debianPrograms(['redis-server'], 'redis-server', ['usr/bin', 'usr/local/bin'])) }
  },

  processes: ({ folder, ports, software }) => [
    {
      name: 'server',
      command: join(software['bin']!, 'redis-server'),
      args: [
        ...['--port', String(ports['redis']), '--bind', '127.0.0.1', '--dir', folder],
        ...['--save', '', '--appendonly', 'yes'],
      ],
      env: software['libraries'] === '' ? {} : { LD_LIBRARY_PATH: software['libraries']! },
    },
  ],

  async isReady({ ports }) {
    return (await firstBytes(ports['redis']!, 'PING\r\n')).startsWith('+PONG')
  },

  connection: ({ ports }) => ({ host: '127.0.0.1', port: ports['redis']! }),
}
