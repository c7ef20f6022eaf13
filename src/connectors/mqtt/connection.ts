/** Connections to MQTT brokers by the package `mqtt`, which is loaded with the first one. */
import type { IClientOptions, MqttClient } from 'mqtt'
import { isKindlingError, KindlingError } from '../../base/errors.ts'

/** How a broker is reached. */
export interface MqttConnection {
  /** `mqtt://host:1883`, `mqtts://host:8883`, `ws://` or `wss://`. No user and password in it. */
  readonly url: string
  readonly username?: string
  /** In no message and in no checkpoint. */
  readonly password?: string
  /** Names the session. Brokers let one connection of a name in at a time. */
  readonly clientId?: string
  /** As Node takes them; the certificate of the broker is checked. */
  readonly tls?: {
    readonly ca?: string | Uint8Array
    readonly cert?: string | Uint8Array
    readonly key?: string | Uint8Array
    readonly servername?: string
  }
}

/** Answers to CONNECT, of MQTT 3.1.1: a wrong user or password, and no right to connect. */
const DENIED = [4, 5, 134, 135]
const CONNECT_TIMEOUT_MS = 10_000

/** @throws INVALID_ARGUMENT */
export function checkConnection({ url }: MqttConnection): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (
    parsed !== undefined &&
    /^(mqtts?|wss?):$/.test(parsed.protocol) &&
    parsed.username === '' &&
    parsed.password === ''
  )
    return
  throw new KindlingError('INVALID_ARGUMENT', {
    what: 'url of an MQTT broker',
    // It may have a password in it.
    value: parsed === undefined ? 'not a URL' : `${parsed.protocol}//${parsed.host}`,
    expected:
      'mqtt://, mqtts://, ws:// or wss:// with a host, and without user and password: these are options',
  })
}

/** For messages. */
export function serverOf({ url }: MqttConnection): string {
  return `MQTT broker ${url}`
}

/** A client that connects, once: whoever made it decides what comes after its end. @throws PACKAGE_MISSING */
export async function clientOf(connection: MqttConnection, more: IClientOptions): Promise<MqttClient> {
  const { url, username, password, clientId, tls } = connection
  const { connect } = await load()
  return connect(url, {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(clientId === undefined ? {} : { clientId }),
    ...(tls as IClientOptions | undefined),
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectPeriod: 0,
    ...more,
  })
}

/** @param what what was asked of the broker, for people */
export function mqttError(connection: MqttConnection, what: string, error: unknown): KindlingError {
  if (isKindlingError(error)) return error
  const { message = '', code } = (error ?? {}) as {
    readonly message?: string
    readonly code?: number | string
  }
  const reason = (message || String(code ?? 'the connection was closed')).replace(/\.$/, '')
  const said = { server: serverOf(connection), what, reason }
  if (typeof code === 'number' && DENIED.includes(code))
    return new KindlingError('ENDPOINT_ACCESS_DENIED', said)
  return new KindlingError('ENDPOINT_UNREACHABLE', said)
}

async function load(): Promise<typeof import('mqtt')> {
  try {
    return await import('mqtt')
  } catch (error) {
    throw new KindlingError('PACKAGE_MISSING', { feature: 'MQTT', package: 'mqtt' }, { cause: error })
  }
}
