/** Moto, which answers as S3, Kinesis and DynamoDB do. */
import { findOrFail } from '../commands.ts'
import { pythonPackages } from '../registries.ts'
import type { Service } from '../service.ts'

const REQUIREMENTS = ['moto[server,s3,kinesis,dynamodb]==5.2.5']
const START = 'import sys; from moto.server import main; main(sys.argv[1:])'

/** One endpoint for all of them; any key and secret are right. */
export interface AWSConnection {
  readonly [key: string]: string
  readonly endpoint: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** See the file head. */
export const aws: Service<AWSConnection> = {
  name: 'aws',
  needs: 'Python 3.9 or newer with pip',
  ports: ['http'],

  async provision() {
    return { packages: await pythonPackages('moto', REQUIREMENTS) }
  },

  processes: ({ ports, software }) => [
    {
      name: 'server',
      command: findOrFail('python3', 'Python 3.9 or newer'),
      args: ['-c', START, '-H', '127.0.0.1', '-p', String(ports['http'])],
      env: { PYTHONPATH: software['packages']!, PYTHONDONTWRITEBYTECODE: '1' },
    },
  ],

  async isReady({ ports }) {
    const answer = await fetch(`http://127.0.0.1:${ports['http']}/moto-api/data.json`, {
      signal: AbortSignal.timeout(2000),
    })
    await answer.arrayBuffer()
    return answer.ok
  },

  connection: ({ ports }) => ({
    endpoint: `http://127.0.0.1:${ports['http']}`,
    region: 'us-east-1',
    accessKeyId: 'tester',
    secretAccessKey: 'tester-secret',
  }),
}
