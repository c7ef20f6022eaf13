/** Who sends to a program that listens: on a thread of its own, so that it takes little time from the one that is measured. */
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'

/** What is sent: over each connection so many messages, each after the answer to the one before. */
export interface Sending {
  readonly port: number
  readonly connections: number
  readonly messages: number
  /** A request to POST, or frames of Avro's calls: those of the first call have a handshake. */
  readonly content:
    | { readonly kind: 'json'; readonly body: string }
    | { readonly kind: 'avro'; readonly first: Uint8Array; readonly others: Uint8Array }
}

/** See the file head. */
export class Sender implements AsyncDisposable {
  private readonly worker = new Worker(new URL(import.meta.url))

  /** Resolves once all is acknowledged. */
  async send(sending: Sending): Promise<void> {
    const done = once(this.worker, 'message')
    this.worker.postMessage(sending)
    await done
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.worker.terminate()
  }
}

if (!isMainThread)
  parentPort?.on('message', async (sending: Sending) => {
    const over = Array.from({ length: sending.connections }, () => sent(sending))
    await Promise.all(over)
    parentPort?.postMessage('done')
  })

async function sent({ port, messages, content }: Sending): Promise<void> {
  if (content.kind === 'json') await posted(port, content.body, messages)
  else await called(port, content, messages)
}

async function posted(port: number, body: string, messages: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const headers = { 'content-type': 'application/json', 'content-length': body.length }
  for (let n = 0; n < messages; n++) {
    const call = request({ port, host: '127.0.0.1', method: 'POST', agent, headers })
    call.end(body)
    const [answer] = await once(call, 'response')
    if (answer.statusCode !== 200) throw new Error(`the answer to a request is ${answer.statusCode}`)
    await once(answer.resume(), 'end')
  }
  agent.destroy()
}

async function called(
  port: number,
  { first, others }: { readonly first: Uint8Array; readonly others: Uint8Array },
  messages: number,
): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  for (let n = 0; n < messages; n++) {
    socket.write(n === 0 ? first : others)
    // Answers are short, and come one at a time. The last byte is the status: 0 is OK.
    const [answer] = await once(socket, 'data')
    if (answer.at(-1) !== 0) throw new Error('a call was refused')
  }
  socket.destroy()
}
