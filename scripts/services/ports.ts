/** TCP ports of loopback. */
import { randomInt } from 'node:crypto'
import { connect, createServer, type Socket } from 'node:net'

// Below those that systems give to outgoing connections, so that nothing takes one between the choice and the start.
const FIRST = 20_000
const END = 32_000
const TRIES = 200
/** For an answer. */
const LIMIT_MS = 2000

/** Different free ports, one for each name. */
export async function freePorts(names: readonly string[]): Promise<Record<string, number>> {
  const ports: Record<string, number> = {}
  for (const name of names) {
    let port = randomInt(FIRST, END)
    for (let n = 0; Object.values(ports).includes(port) || !(await isFree(port)); n++) {
      if (n === TRIES) throw new Error(`no free port between ${FIRST} and ${END} in ${TRIES} tries`)
      port = randomInt(FIRST, END)
    }
    ports[name] = port
  }
  return ports
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.on('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/**
 * The first bytes that a server sends, each as a character, after it was sent some; or by itself, when these are none.
 *
 * Rejects when nobody listens, or nothing comes.
 */
export function firstBytes(port: number, sent: string): Promise<string> {
  return connected(port, (socket, resolve) => {
    socket.on('data', bytes => resolve(bytes.toString('latin1')))
    socket.write(sent, 'latin1')
  })
}

/** Whether connections are taken. Rejects when they are refused. */
export function accepts(port: number): Promise<boolean> {
  return connected(port, (_, resolve) => resolve(true))
}

function connected<T>(port: number, then: (socket: Socket, resolve: (value: T) => void) => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', reject)
    socket.on('close', () => reject(new Error(`port ${port} was closed without an answer`)))
    socket.setTimeout(LIMIT_MS, () => socket.destroy(new Error(`no answer at port ${port}`)))
    socket.on('connect', () =>
      then(socket, value => {
        resolve(value)
        socket.destroy()
      }),
    )
  })
}
