/** The client library, which is loaded when the first connection is made, and how its clients reach a cluster. */
import { KindlingError } from '../../base/errors.ts'
import type { KafkaSettings } from './params.ts'

/** The module `@platformatic/kafka`. */
export type Library = typeof import('@platformatic/kafka')

const CONNECT_TIMEOUT_MS = 10_000

/** @throws PACKAGE_MISSING */
export async function loadLibrary(): Promise<Library> {
  try {
    return await import('@platformatic/kafka')
  } catch (error) {
    throw new KindlingError(
      'PACKAGE_MISSING',
      { feature: 'Kafka', package: '@platformatic/kafka' },
      { cause: error },
    )
  }
}

type ConnectionOptions = ConstructorParameters<Library['Admin']>[0]

/** What all clients are made with. */
export function connectionOptions({
  clientId,
  bootstrapServers,
  requestTimeoutMs,
  tls,
  sasl,
}: KafkaSettings): ConnectionOptions {
  return {
    clientId,
    bootstrapBrokers: [...bootstrapServers],
    // Retries are ours: the library's wait a second each, and hide what they were for.
    retries: 0,
    timeout: requestTimeoutMs,
    requestTimeout: requestTimeoutMs,
    connectTimeout: Math.min(CONNECT_TIMEOUT_MS, requestTimeoutMs),
    ...(tls === undefined ? {} : { tls, tlsServerName: tls.servername ?? true }),
    ...(sasl === undefined ? {} : { sasl }),
  }
}
