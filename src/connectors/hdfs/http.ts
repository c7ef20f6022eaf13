/**
 * Calls over HTTP with the modules of Node: `fetch` refuses the answer of a data node to a body, which begins with an unasked
 * `100 Continue`, although the data was stored.
 */
import { Agent, type IncomingMessage, request } from 'node:http'
import { Agent as SecureAgent, request as secureRequest } from 'node:https'
import { RemoteFailure } from './hdfs-errors.ts'

const agent = new Agent({ keepAlive: true, maxSockets: 16 })
const secureAgent = new SecureAgent({ keepAlive: true, maxSockets: 16 })
/** Without a byte for so long, a connection counts as dead. */
const SILENT_MS = 30_000

/** The head of the answer; redirects are left to the caller. @throws RemoteFailure for what the server refuses */
export async function send(method: string, url: string, body?: Uint8Array): Promise<IncomingMessage> {
  const isSecure = url.startsWith('https:')
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = {
      method,
      agent: isSecure ? secureAgent : agent,
      headers:
        body === undefined
          ? {}
          : { 'Content-Type': 'application/octet-stream', 'Content-Length': body.length },
    }
    const call = (isSecure ? secureRequest : request)(url, options, resolve)
    call.setTimeout(SILENT_MS, () => call.destroy(new Error(`no answer for ${SILENT_MS / 1000} s`)))
    call.on('error', reject)
    call.end(body)
  })
  if (answer.statusCode! < 400) return answer
  throw refusal(answer.statusCode!, await bodyOf(answer))
}

export async function bytesOf(answer: IncomingMessage): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of answer) pieces.push(piece as Uint8Array)
  return Buffer.concat(pieces)
}

export async function bodyOf(answer: IncomingMessage): Promise<string> {
  return Buffer.from(await bytesOf(answer)).toString('utf8')
}

function refusal(status: number, body: string): RemoteFailure {
  try {
    const { exception, message } = (
      JSON.parse(body) as { RemoteException: { exception: string; message: string } }
    ).RemoteException
    // Some messages carry a stack of Java.
    return new RemoteFailure(exception, message.split('\n')[0]!)
  } catch {
    return new RemoteFailure(status >= 500 ? 'IOException' : 'HttpException', `it answered ${status}`)
  }
}
