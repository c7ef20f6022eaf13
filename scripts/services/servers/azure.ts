/** Azurite, Microsoft's own emulator of Azure Blob Storage. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { npmPackages } from '../registries.ts'
import type { Service } from '../service.ts'

const PACKAGES = ['azurite@3.37.0']
const ACCOUNT = 'tester'
const KEY = Buffer.from('tester-secret').toString('base64')

/** One account, by its key. */
export interface AzureConnection {
  readonly [key: string]: string
  readonly endpoint: string
  readonly accountName: string
  readonly accountKey: string
}

/** See the file head. */
export const azure: Service<AzureConnection> = {
  name: 'azure',
  needs: 'npm',
  ports: ['http'],

  async provision() {
    return { packages: await npmPackages('azurite', PACKAGES) }
  },

  async prepare({ folder }) {
    mkdirSync(join(folder, 'data'))
  },

  processes: ({ folder, ports, software }) => [
    {
      name: 'server',
      command: process.execPath,
      args: [
        join(software['packages']!, 'node_modules/azurite/dist/src/blob/main.js'),
        ...['--blobHost', '127.0.0.1', '--blobPort', String(ports['http'])],
        ...['--location', join(folder, 'data'), '--disableTelemetry', '--skipApiVersionCheck'],
      ],
      env: { AZURITE_ACCOUNTS: `${ACCOUNT}:${KEY}` },
    },
  ],

  /** Whoever does not sign is refused, once it listens. */
  async isReady({ ports }) {
    const answer = await fetch(`http://127.0.0.1:${ports['http']}/${ACCOUNT}?comp=list`, {
      signal: AbortSignal.timeout(2000),
    })
    await answer.arrayBuffer()
    return answer.status === 403
  },

  connection: ({ ports }) => ({
    endpoint: `http://127.0.0.1:${ports['http']}/${ACCOUNT}`,
    accountName: ACCOUNT,
    accountKey: KEY,
  }),
}
