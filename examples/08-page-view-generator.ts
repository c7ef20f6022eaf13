/**
 * Serves made-up page views as lines of text, for 09-page-view-stream.ts: PageViewGenerator. Prints its port first.
 *
 *   node examples/08-page-view-generator.ts [PORT [VIEWS_PER_SECOND]]
 *
 * A view is `url status zipCode userId`, with tabs between.
 */
import { createServer } from 'node:net'

const [port = '0', rate = '100'] = process.argv.slice(2)

/** One of the keys, as often as its weight says. */
function pick<T>(weights: readonly (readonly [T, number])[]): T {
  let at = Math.random() * weights.reduce((sum, [, weight]) => sum + weight, 0)
  for (const [value, weight] of weights) if ((at -= weight) < 0) return value
  return weights[0]![0]
}

const pages = [
  ['http://foo.com/', 0.7],
  ['http://foo.com/news', 0.2],
  ['http://foo.com/contact', 0.1],
] as const
const users = [
  [1, 0.4],
  [2, 0.3],
  [3, 0.2],
  [4, 0.1],
] as const
const zipCodes = [
  ['94709', 0.5],
  ['94117', 0.5],
] as const
/** One of the two has a bad connection. */
const errorRates = { '94709': 0.01, '94117': 0.12 }

function view(): string {
  const zipCode = pick(zipCodes)
  const status = Math.random() < errorRates[zipCode] ? 404 : 200
  return `${pick(pages)}\t${status}\t${zipCode}\t${pick(users)}\n`
}

const server = createServer(socket => {
  const timer = setInterval(() => {
    // A reader that does not keep up gets less.
    if (!socket.writableNeedDrain) for (let i = 0; i < Number(rate) / 20; i++) socket.write(view())
  }, 50)
  socket.on('error', () => {})
  socket.on('close', () => clearInterval(timer))
})
server.listen(Number(port), '127.0.0.1', () => {
  const address = server.address()
  console.log(typeof address === 'object' && address !== null ? address.port : address)
})
