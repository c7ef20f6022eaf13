/** The stores that tests run on: emulators of S3 and Azure, and our own of Google Cloud Storage, in a prefix of its own for each test. */
import { createHmac, randomBytes } from 'node:crypto'
import type { ObjectStoreOptions } from 'kindling/connectors/object-store'
import type { AzureConnection } from '../../../scripts/services/servers/azure.ts'
import { service } from '../../services/service.ts'
import { FakeGcs } from '../../support/fake-gcs.ts'

/** A kind of store. */
export interface TestedStore {
  readonly name: string
  readonly skip: string | false
  /** Options for a fresh prefix. */
  fresh(): Promise<ObjectStoreOptions>
}

const aws = service('aws')
const azure = service('azure')

/** See the file head. */
export const stores: readonly TestedStore[] = [
  {
    name: 'S3 (moto)',
    skip: aws.skip,
    async fresh() {
      const { endpoint, region, accessKeyId, secretAccessKey } = aws.connection
      await fetch(`${endpoint}/kindling`, { method: 'PUT', headers: MOTO_HEADERS })
      const credentials = { accessKeyId, secretAccessKey }
      return { url: `s3://kindling/${freshName()}`, endpoint, region, credentials }
    },
  },
  {
    name: 'Azure (Azurite)',
    skip: azure.skip,
    fresh: () => azureOptions(azure.connection),
  },
  {
    name: 'Google Cloud Storage (our own fake)',
    skip: false,
    async fresh() {
      const endpoint = await new FakeGcs().start()
      return { url: `gs://bucket/${freshName()}`, endpoint, credentials: { token: 'right' } }
    },
  },
]

/** Moto reads the kind of service from the signature, and does not check it. */
const MOTO_HEADERS = {
  authorization:
    'AWS4-HMAC-SHA256 Credential=tester/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=x',
}

/** A fresh prefix in a container that is made if it is not there. */
export async function azureOptions(connection: AzureConnection): Promise<ObjectStoreOptions> {
  const { endpoint, accountName, accountKey } = connection
  await makeContainer(connection, 'kindling')
  return { url: `az://kindling/${freshName()}`, endpoint, credentials: { accountName, accountKey } }
}

async function makeContainer(
  { endpoint, accountName, accountKey }: AzureConnection,
  name: string,
): Promise<void> {
  const [date, version] = [new Date().toUTCString(), '2021-08-06']
  const signed = [
    'PUT',
    ...Array.from({ length: 11 }, () => ''),
    `x-ms-date:${date}`,
    `x-ms-version:${version}`,
    `/${accountName}/${accountName}/${name}`,
    'restype:container',
  ].join('\n')
  const signature = createHmac('sha256', Buffer.from(accountKey, 'base64')).update(signed).digest('base64')
  const answer = await fetch(`${endpoint}/${name}?restype=container`, {
    method: 'PUT',
    headers: {
      'x-ms-date': date,
      'x-ms-version': version,
      authorization: `SharedKey ${accountName}:${signature}`,
    },
  })
  // It may be there.
  if (answer.status !== 201 && answer.status !== 409) throw new Error(`no container: ${await answer.text()}`)
}

export function freshName(): string {
  return `test-${randomBytes(5).toString('hex')}`
}
