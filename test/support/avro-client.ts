/** The sink of a Flume agent, as far as a receiver sees it: sends batches until they are acknowledged, over connections that break. */
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { wireTypes } from '../../src/connectors/flume/avro-types.ts'
import { batchCall, event, frames, handshake, SINK_PROTOCOL } from './avro-sink.ts'

/** A batch of the sink. */
const BATCH = 10
const PAUSE_MS = 20

/** See the file head. */
export class AvroClient {
  acknowledged = 0
  private readonly port: number
  private socket: Socket | undefined
  private isClosed = false
  private sending: Promise<void> = Promise.resolve()

  constructor(port: number) {
    this.port = port
  }

  /** Resolves once all are acknowledged. */
  send(records: readonly string[]): Promise<void> {
    this.sending = this.sending.then(async () => {
      for (let at = 0; at < records.length; at += BATCH) await this.sendBatch(records.slice(at, at + BATCH))
    })
    return this.sending
  }

  disconnect(): void {
    this.socket?.destroy()
  }

  close(): void {
    this.isClosed = true
    this.disconnect()
  }

  private async sendBatch(records: readonly string[]): Promise<void> {
    while (!this.isClosed) {
      if (await this.isTaken(records)) {
        this.acknowledged += records.length
        return
      }
      await sleep(PAUSE_MS)
    }
  }

  /** Each batch over a connection of its own, so that each begins with a handshake. */
  private async isTaken(records: readonly string[]): Promise<boolean> {
    const types = await wireTypes()
    const socket = connect(this.port, '127.0.0.1')
    this.socket = socket
    try {
      const call = Buffer.concat([
        handshake(types, SINK_PROTOCOL),
        batchCall(
          types,
          records.map(text => event(text)),
        ),
      ])
      socket.write(frames(1, call))
      const answer = await new Promise<Buffer | undefined>(resolve => {
        socket.once('data', resolve)
        socket.once('error', () => resolve(undefined))
        socket.once('close', () => resolve(undefined))
      })
      // The status is the last byte: OK is the first of its names.
      return answer?.at(-1) === 0
    } finally {
      socket.destroy()
    }
  }
}
