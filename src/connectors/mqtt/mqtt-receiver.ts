/**
 * Messages of a broker as a receiver.
 *
 *   QoS 0   stored one by one; the socket waits while there is no room
 *   QoS 1   gathered while the block before is stored, then stored as one block, then PUBACK for each, in order
 *   QoS 2   stored before PUBREC, one by one: after that the broker forgets the message, whether it was stored or not
 *
 * I1  A message is acknowledged when its block is stored, and not when that fails: then the connection is made again, and the broker sends
 *     it again, if the session outlives the connection.
 */
import type { IPublishPacket, MqttClient } from 'mqtt'
import { KindlingError } from '../../base/errors.ts'
import { Receiver } from '../../streaming/receiver/receiver.ts'
import { clientOf, mqttError, serverOf } from './connection.ts'
import type { MqttMessage, MqttStreamOptions } from './mqtt-utils.ts'

/** Messages of a block, and so many more may wait. */
const MAX_BLOCK = 1000
/** Told to the library for each message, so there is one of it: making an error takes longer than reading a message. */
const LATER = new Error('acknowledged later')

interface Waiting {
  readonly message: MqttMessage
  readonly messageId: number
}

/** See the file head. */
export class MqttReceiver extends Receiver<MqttMessage> {
  private readonly options: MqttStreamOptions
  private client: MqttClient | undefined
  private waiting: Waiting[] = []
  private isStoring = false
  /** Lets the socket go on. */
  private resume: (() => void) | undefined

  constructor(options: MqttStreamOptions) {
    super(options.storageLevel)
    this.options = options
  }

  /** Resolves once it has subscribed, or cannot. */
  override async onStart(): Promise<void> {
    const { clientId, clean = clientId === undefined } = this.options
    const ready = Promise.withResolvers<void>()
    const client = await clientOf(this.options, {
      clean,
      customHandleAcks: (_topic, _payload, packet, done) =>
        packet.cmd === 'publish' && packet.qos === 2 ? this.storeFirst(packet, done) : done(0),
    })
    this.client = client
    this.waiting = []
    client.handleMessage = (packet, done) => this.arrived(client, packet, done)
    let failure: unknown
    client.on('error', error => {
      failure ??= error
      client.end(true)
    })
    client.on('close', () => {
      ready.resolve()
      this.again(client, mqttError(this.options, 'a connection', failure))
    })
    client.on('connect', () => {
      this.subscribe(client).then(ready.resolve, error => {
        failure ??= error
        client.end(true)
      })
    })
    await ready.promise
  }

  override async onStop(): Promise<void> {
    const { client } = this
    this.client = undefined
    this.resume?.()
    if (client !== undefined) await client.endAsync(true)
  }

  private async subscribe(client: MqttClient): Promise<void> {
    const { topics, qos = 1 } = this.options
    const granted = await client.subscribeAsync([...topics], { qos })
    const refused = granted.filter(grant => grant.qos > 2).map(({ topic }) => topic)
    if (refused.length === 0) return
    throw new KindlingError('ENDPOINT_ACCESS_DENIED', {
      server: serverOf(this.options),
      what: `topic ${refused.join(', ')}`,
      reason: 'the subscription was refused',
    })
  }

  private arrived(client: MqttClient, packet: IPublishPacket, done: (error?: Error) => void): void {
    // Of QoS 2 it was stored when it came, before this.
    if (packet.qos === 2) {
      done()
      return
    }
    const message = messageOf(packet)
    if (packet.qos === 0) {
      this.take(() => this.store(message), done)
      return
    }
    this.waiting.push({ message, messageId: packet.messageId! })
    // With an error the library goes on to the next packet and leaves the PUBACK to us.
    const goOn = (): void => done(LATER)
    if (this.waiting.length < MAX_BLOCK) goOn()
    else this.resume = goOn
    if (!this.isStoring) void this.storeWaiting(client)
  }

  /** Never rejects. */
  private async storeWaiting(client: MqttClient): Promise<void> {
    this.isStoring = true
    try {
      while (this.client === client && this.waiting.length > 0) {
        const block = this.waiting
        this.waiting = []
        this.resume?.()
        this.resume = undefined
        await this.storeMany(block.map(({ message }) => message))
        if (this.client !== client) break
        // In the order in which they came, as the protocol wants it.
        for (const { messageId } of block) client['_sendPacket']({ cmd: 'puback', messageId })
      }
    } catch (error) {
      this.again(client, error)
    } finally {
      this.isStoring = false
    }
  }

  private storeFirst(packet: IPublishPacket, done: (code: number) => void): void {
    const { client } = this
    this.storeMany([messageOf(packet)]).then(
      () => done(0),
      error => client !== undefined && this.again(client, error),
    )
  }

  private take(store: () => void | Promise<void>, done: (error?: Error) => void): void {
    try {
      const wait = store()
      if (wait === undefined) done()
      else wait.then(() => done(), done)
    } catch (error) {
      done(error as Error)
    }
  }

  private again(client: MqttClient, error: unknown): void {
    if (this.client !== client || this.isStopped()) return
    this.client = undefined
    this.resume?.()
    client.end(true)
    this.restart((error as Error).message, error)
  }
}

function messageOf({ topic, payload, qos, retain, dup }: IPublishPacket): MqttMessage {
  return { topic, payload: Uint8Array.from(Buffer.from(payload)), qos, isRetained: retain, isDuplicate: dup }
}
