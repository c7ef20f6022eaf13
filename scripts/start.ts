/**
 * `npm start`: the main job on real text. A feeder process sends lines over a TCP socket, the example program counts them.
 *
 *   npm start [-- --for 10s] [--rate LINES_PER_SECOND] [--connect HOST:PORT] [--master local[2]]
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'

const USAGE = 'npm start [-- --for 10s] [--rate LINES_PER_SECOND] [--connect HOST:PORT] [--master MASTER]'
const root = new URL('..', import.meta.url).pathname

function options() {
  try {
    const { values } = parseArgs({
      options: {
        for: { type: 'string' },
        rate: { type: 'string' },
        connect: { type: 'string' },
        master: { type: 'string' },
      },
    })
    return values
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`)
    return process.exit(2)
  }
}

const given = options()
let feeder: ChildProcess | undefined

async function startFeeder(): Promise<string> {
  const args = [`${root}scripts/feeder.ts`, ...(given.rate === undefined ? [] : ['--rate', given.rate])]
  // In a group of its own: Ctrl-C is for the job, which stops gracefully while the feeder still runs.
  feeder = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true })
  const stopped = once(feeder, 'exit').then(() => undefined)
  const line = once(createInterface({ input: feeder.stdout! }), 'line').then(([text]) => text as string)
  const port = await Promise.race([line, stopped])
  if (port === undefined) process.exit(1)
  return `127.0.0.1:${port}`
}

const address = given.connect ?? (await startFeeder())
const [, host, port] = /^\[?(.+?)\]?:(\d+)$/.exec(address) ?? []
if (host === undefined || port === undefined) {
  console.error(`--connect needs HOST:PORT, but got ${address}\n\n${USAGE}`)
  process.exit(2)
}
const job = spawn(
  process.execPath,
  [
    '--conditions=source',
    `${root}src/cli/main.ts`,
    'run',
    ...(given.master === undefined ? [] : ['--master', given.master]),
    ...(given.for === undefined ? [] : ['--for', given.for]),
    `${root}examples/01-network-word-count.ts`,
    host,
    port,
  ],
  { stdio: 'inherit' },
)
// The terminal tells the job itself; we only wait for it.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => job.kill('SIGTERM'))
const [code] = (await once(job, 'exit')) as [number | null]
feeder?.stdin?.end()
process.exitCode = code ?? 1
