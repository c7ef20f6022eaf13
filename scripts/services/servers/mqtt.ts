/** Mosquitto, an MQTT broker: one port for everybody, one with a password; nothing kept on disk, and no bound on what waits. */
import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { firstBytes } from '../ports.ts'
import { debianPrograms } from '../registries.ts'
import type { Run, Service } from '../service.ts'

/** Without a password at `url`, with it at `secureUrl`. */
export interface MQTTConnection {
  readonly [key: string]: string | number
  readonly url: string
  readonly port: number
  readonly secureUrl: string
  readonly user: string
  readonly password: string
}

const USER = { user: 'alice', password: 'alice-secret' }

/** See the file head. */
export const mqtt: Service<MQTTConnection> = {
  name: 'mqtt',
  needs: 'Mosquitto, or Debian to get it from',
  ports: ['mqtt', 'secure'],

  async provision() {
    return { ...(await debianPrograms(['mosquitto'], 'mosquitto', ['usr/sbin', 'usr/local/sbin'])) }
  },

  async prepare(server) {
    const passwords = join(server.folder, 'passwords')
    writeFileSync(passwords, `${USER.user}:${hashed(USER.password)}\n`, { mode: 0o600 })
    const settings = [
      'per_listener_settings true',
      `listener ${server.ports['mqtt']} 127.0.0.1`,
      'allow_anonymous true',
      `listener ${server.ports['secure']} 127.0.0.1`,
      'allow_anonymous false',
      `password_file ${passwords}`,
      'persistence false',
      // By default a burst of more than 1000 messages is cut without a word.
      'max_queued_messages 0',
      'user root',
    ]
    writeFileSync(settingsOf(server), `${settings.join('\n')}\n`)
  },

  processes: server => [
    {
      name: 'broker',
      command: join(server.software['bin']!, 'mosquitto'),
      args: ['-c', settingsOf(server)],
      env: server.software['libraries'] === '' ? {} : { LD_LIBRARY_PATH: server.software['libraries']! },
    },
  ],

  async isReady({ ports }) {
    // CONNECT of MQTT 3.1.1 as client "ready", with a clean session; the answer is CONNACK.
    const answer = await firstBytes(ports['mqtt']!, '\x10\x11\0\x04MQTT\x04\x02\0\x0a\0\x05ready')
    return answer.charCodeAt(0) === 0x20
  },

  connection: ({ ports }) => ({
    url: `mqtt://127.0.0.1:${ports['mqtt']}`,
    port: ports['mqtt']!,
    secureUrl: `mqtt://127.0.0.1:${ports['secure']}`,
    ...USER,
  }),
}

const settingsOf = ({ folder }: Run): string => join(folder, 'mosquitto.conf')

/** As `mosquitto_passwd` writes it: PBKDF2 with SHA-512. */
function hashed(password: string): string {
  const [salt, rounds] = [randomBytes(12), 101]
  const hash = pbkdf2Sync(password, salt, rounds, 64, 'sha512')
  return `$7$${rounds}$${salt.toString('base64')}$${hash.toString('base64')}`
}
