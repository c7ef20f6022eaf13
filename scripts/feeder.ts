/**
 * Sends real text as lines to whoever connects, at a steady rate: the README, licence and change files found under node_modules,
 * again and again. Prints the port it listens on as its first line.
 *
 *   node scripts/feeder.ts [--rate LINES_PER_SECOND] [--port PORT] [--text FILE] [--raw]
 *
 * With --text the lines of that file instead; with --raw blocks of lines, as ssc.rawSocketStream reads them.
 */
import { globSync, readFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { parseArgs } from 'node:util'

/** Lines are sent in small portions, so that the rate is even. */
const PORTION_MS = 20

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '20000' },
    port: { type: 'string', default: '0' },
    text: { type: 'string' },
    raw: { type: 'boolean', default: false },
  },
})
const rate = Number(values.rate)
if (!(rate > 0)) throw new Error(`--rate must be a number of lines a second, but is ${values.rate}`)

const found = globSync('node_modules/**/{README,LICENSE,LICENCE,CHANGELOG,NOTICE}*', {
  cwd: new URL('..', import.meta.url).pathname,
})
const files = found
  .filter(file => !/\.(js|ts|json)$/.test(file))
  .map(file => new URL(`../${file}`, import.meta.url))
const lines = (values.text === undefined ? files : [values.text])
  .flatMap(file => readFileSync(file, 'utf8').split('\n'))
  .filter(line => line.trim() !== '')
if (lines.length === 0) throw new Error('no text found under node_modules: run npm ci first')

// Only where it is asked for: the plain feeder starts without the engine.
const { rawFrame } = values.raw ? await import('kindling') : {}
const encode = (portion: string[]): string | Uint8Array => rawFrame?.(portion) ?? `${portion.join('\n')}\n`

function feed(socket: Socket): void {
  const startedAt = performance.now()
  let sent = 0
  const timer = setInterval(() => {
    // A reader that does not keep up gets less, never a growing pile in our memory.
    if (socket.writableNeedDrain) return
    const due = Math.floor(((performance.now() - startedAt) / 1000) * rate)
    const portion: string[] = []
    const most = Math.min(due, sent + rate)
    for (; sent < most; sent++) portion.push(lines[sent % lines.length]!)
    if (portion.length > 0) socket.write(encode(portion))
  }, PORTION_MS)
  socket.on('error', () => {})
  socket.on('close', () => clearInterval(timer))
}

const server = createServer(feed)
server.listen(Number(values.port), '127.0.0.1', () => {
  const address = server.address()
  console.log(typeof address === 'object' && address !== null ? address.port : address)
})
// The parent is gone when its end of the pipe is.
process.stdin.resume().on('end', () => process.exit(0))
