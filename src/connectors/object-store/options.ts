/** Which bucket, where it is, and who asks: as the library's services take it. */
import { KindlingError } from '../../base/errors.ts'
import { type DurationLike, toDuration } from '../../base/time.ts'

/** How a bucket is reached. Plain data: it travels to tasks. What is secret in it is in no message. */
export interface ObjectStoreOptions {
  /** `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`; all names are below the prefix. */
  readonly url: string
  /** Where the service is, such as `http://localhost:9000`. Default: the provider's own address. */
  readonly endpoint?: string
  /** Of S3. Default: that of the environment; `us-east-1` where there is an endpoint. */
  readonly region?: string
  /** Default: what the environment has: variables, files of the provider's tools, the role of the machine. */
  readonly credentials?: ObjectStoreCredentials
  /** For how long a store that does not answer is asked again. Default 60 s. */
  readonly patience?: DurationLike
  /** What else opendal's service takes, by its names: `{ server_side_encryption: 'aws:kms' }`. */
  readonly settings?: Readonly<Record<string, string>>
}

/** Who asks; each kind of store takes its own. */
export type ObjectStoreCredentials = S3Credentials | GcsCredentials | AzureCredentials | 'anonymous'

/** A key of S3. */
export interface S3Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of temporary keys. */
  readonly sessionToken?: string
}

/** Of Google Cloud Storage: one of both. */
export interface GcsCredentials {
  /** The key of a service account: the content of its JSON file. */
  readonly serviceAccount?: string
  /** A token of OAuth, which is good for an hour at most. */
  readonly token?: string
}

/** Of Azure Blob Storage: the account, and a key of it or a signature. */
export interface AzureCredentials {
  readonly accountName: string
  readonly accountKey?: string
  readonly sasToken?: string
}

/** A service of the library, with what it is made with. */
export interface StoreSettings {
  readonly scheme: 's3' | 'gcs' | 'azblob'
  /** `s3://bucket/prefix`, for messages. */
  readonly name: string
  readonly settings: Readonly<Record<string, string>>
  readonly patienceMs: number
}

const SERVICES: Readonly<Record<string, StoreSettings['scheme']>> = {
  s3: 's3',
  s3a: 's3',
  gs: 'gcs',
  gcs: 'gcs',
  az: 'azblob',
  azblob: 'azblob',
}
const PATIENCE_MS = 60_000

/** @throws INVALID_ARGUMENT for what no store can be reached by; UNSUPPORTED_SCHEME */
export function settingsOf(options: ObjectStoreOptions): StoreSettings {
  const { url, patience = PATIENCE_MS } = options
  const parts = /^([a-z0-9]+):\/\/([^/?#]+)(?:\/([^?#]*))?$/i.exec(url)
  if (parts === null) throw invalid('the url of an object store', url, 's3://bucket/prefix')
  const [, given = '', bucket = '', path = ''] = parts
  const scheme = SERVICES[given.toLowerCase()]
  if (scheme === undefined) throw new KindlingError('UNSUPPORTED_SCHEME', { path: url, scheme: given })
  const prefix = path.split('/').filter(part => part !== '')
  return {
    scheme,
    name: [`${given.toLowerCase()}://${bucket}`, ...prefix].join('/'),
    settings: defined({
      [scheme === 'azblob' ? 'container' : 'bucket']: bucket,
      root: `/${prefix.join('/')}`,
      endpoint: options.endpoint,
      ...SPECIFIC[scheme](options),
      ...options.settings,
    }),
    patienceMs: toDuration(patience, 'The patience with an object store').milliseconds,
  }
}

type Given = Readonly<Record<string, string | undefined>>

/** What only this kind of store takes. */
const SPECIFIC: Readonly<Record<StoreSettings['scheme'], (options: ObjectStoreOptions) => Given>> = {
  s3({ endpoint, region, credentials }) {
    const at = { region: region ?? (endpoint === undefined ? undefined : 'us-east-1') }
    if (credentials === undefined) return at
    const alone = { ...at, disable_config_load: 'true', disable_ec2_metadata: 'true' }
    if (credentials === 'anonymous') return { ...alone, allow_anonymous: 'true' }
    const { accessKeyId, secretAccessKey, sessionToken } = credentials as S3Credentials
    checkCredentials('S3', { accessKeyId, secretAccessKey })
    return {
      ...alone,
      access_key_id: accessKeyId,
      secret_access_key: secretAccessKey,
      session_token: sessionToken,
    }
  },
  gcs({ credentials }) {
    if (credentials === undefined) return {}
    const alone = { disable_config_load: 'true', disable_vm_metadata: 'true' }
    if (credentials === 'anonymous') return { ...alone, allow_anonymous: 'true' }
    const { serviceAccount, token } = credentials as GcsCredentials
    if (token === undefined) checkCredentials('Google Cloud Storage', { serviceAccount })
    const credential =
      serviceAccount === undefined ? undefined : Buffer.from(serviceAccount).toString('base64')
    return { ...alone, credential, token }
  },
  azblob({ endpoint, credentials }) {
    if (credentials === undefined || credentials === 'anonymous') {
      if (endpoint === undefined)
        throw invalid('the endpoint of Azure', undefined, 'https://ACCOUNT.blob.core.windows.net')
      return {}
    }
    const { accountName, accountKey, sasToken } = credentials as AzureCredentials
    checkCredentials('Azure', { accountName })
    if (sasToken === undefined) checkCredentials('Azure', { accountKey })
    return {
      endpoint: endpoint ?? `https://${accountName}.blob.core.windows.net`,
      account_name: accountName,
      account_key: accountKey,
      sas_token: sasToken,
    }
  },
}

/** The value itself stays out of the message. */
function checkCredentials(service: string, wanted: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(wanted))
    if (typeof value !== 'string' || value === '')
      throw invalid(`the credentials of ${service}`, typeof value, `a text for ${name}`)
}

function invalid(what: string, value: unknown, expected: string): KindlingError {
  return new KindlingError('INVALID_ARGUMENT', { what, value, expected })
}

function defined(given: Given): Record<string, string> {
  return Object.fromEntries(
    Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
}
