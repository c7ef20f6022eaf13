/**
 * What it takes to send functions to other threads: the first capture in a process, the first from a new line, later ones, and
 * making the function again.
 *
 * First captures are timed once each, in a fresh process a round, since they are cheap only the second time; the others are means of
 * 3,000 calls after as many for warm-up. Results are medians over rounds.
 *
 * Run: node scripts/node24.mjs --conditions=source benchmarks/functions.ts
 */
import { execFileSync } from 'node:child_process'
import { captureFunction } from '../src/rdd/functions/capture-function.ts'
import { revive } from '../src/rdd/functions/revive.ts'

const ROUNDS = 7
const CALLS = 3000

const factor = 3
const table = { a: 1, b: 2 }
const weigh = (key: 'a' | 'b'): number => table[key] * factor

type Figures = Record<string, number>

function timed(figures: Figures, name: string, run: () => void): void {
  const start = performance.now()
  run()
  figures[name] = (performance.now() - start) * 1000
}

async function mean(figures: Figures, name: string, run: () => unknown): Promise<void> {
  for (let i = 0; i < CALLS; i++) await run()
  const start = performance.now()
  for (let i = 0; i < CALLS; i++) await run()
  figures[name] = ((performance.now() - start) * 1000) / CALLS
}

async function round(): Promise<Figures> {
  const figures: Figures = {}
  const free = (x: number): number => x + 1
  const simple = (x: number): number => x * factor
  const nested = (key: 'a' | 'b'): number => weigh(key) + 1
  timed(figures, 'first of the process, no variables', () => captureFunction(free))
  timed(figures, 'first of the process, one variable', () => captureFunction(simple))
  // Functions that were read before are no new lines: each of these is one.
  const lines = [
    (x: number) => x - factor,
    (x: number) => x + factor,
    (x: number) => factor / x,
    (x: number) => factor ** x,
    (x: number) => factor % x,
  ]
  const each = lines.map(f => {
    const one: Figures = {}
    timed(one, 'line', () => captureFunction(f))
    return one['line']!
  })
  figures['first of a line'] = median(each)
  await mean(figures, 'again, no variables', () => captureFunction(free))
  await mean(figures, 'again, one variable', () => captureFunction(simple))
  await mean(figures, 'again, through another function', () => captureFunction(nested))
  let n = 0
  await mean(figures, 'another function of the same line', () => {
    const m = n
    n++
    return captureFunction((x: number) => x + m)
  })
  const host = { broadcast: () => undefined, accumulator: () => undefined }
  for (const [name, f] of Object.entries({ 'no variables': free, 'one variable': simple })) {
    const description = captureFunction(f)
    await mean(figures, `revive, ${name}`, () => revive(description, host))
  }
  return figures
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

if (process.argv[2] === 'round') {
  console.log(JSON.stringify(await round()))
} else {
  const rounds: Figures[] = []
  for (let i = 0; i < ROUNDS; i++) {
    const options = ['--conditions=source', import.meta.filename, 'round']
    rounds.push(JSON.parse(execFileSync(process.execPath, options, { encoding: 'utf8' })) as Figures)
  }
  for (const name of Object.keys(rounds[0]!)) {
    const values = rounds.map(figures => figures[name]!)
    const range = `${Math.min(...values).toFixed(1)} – ${Math.max(...values).toFixed(1)}`
    console.log(`${name.padEnd(40)} ${median(values).toFixed(1).padStart(9)} µs   (${range})`)
  }
}
