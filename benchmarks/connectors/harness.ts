/**
 * Two programs that do the same, in turn: a connector, and its client library by hand.
 *
 *   round   prepare ─▶ run (timed) ─▶ found      of the one, then of the other; the next round begins with the other
 *
 * A first round warms up. The figure is the median over rounds of the ratio of times in one round; above 1 the connector is faster. What
 * both found must be equal in every round, and what it has to be.
 */
import assert from 'node:assert/strict'
import { median } from '../floors.ts'

/** One of the two programs. */
export interface Side {
  /** Before each run, without being timed. */
  readonly prepare?: (round: number) => Promise<void>
  readonly run: (round: number) => Promise<unknown>
  /** What there is after a run, without being timed. Default: what `run` gave. */
  readonly found?: (round: number) => Promise<unknown>
}

/** What is compared. It is disposed of in the end. */
export interface Comparison extends AsyncDisposable {
  /** For people: `200 000 rows`. */
  readonly work: string
  /** What each side has to find. */
  readonly expected: unknown
  readonly ours: Side
  readonly bare: Side
}

/** Makes a comparison, given where tasks of the engine run. */
export type Benchmark = (master: string) => Promise<Comparison>

/** See the file head. Prints a line. */
export async function measure(
  name: string,
  benchmark: Benchmark,
  master: string,
  rounds: number,
): Promise<void> {
  await using comparison = await benchmark(master)
  const { ours, bare, expected, work } = comparison
  const ratios: number[] = []
  const times: { readonly ours: number; readonly bare: number }[] = []
  for (let round = 0; round <= rounds; round++) {
    const ms = { ours: 0, bare: 0 }
    const order = round % 2 === 0 ? (['bare', 'ours'] as const) : (['ours', 'bare'] as const)
    for (const which of order) ms[which] = await timed(which === 'ours' ? ours : bare, round, expected)
    if (round === 0) continue
    times.push(ms)
    ratios.push(ms.bare / ms.ours)
  }
  const sorted = [...ratios].sort((a, b) => a - b)
  const range = `${sorted[0]!.toFixed(2)} – ${sorted.at(-1)!.toFixed(2)}`
  const [oursMs, bareMs] = [median(times.map(t => t.ours)), median(times.map(t => t.bare))].map(Math.round)
  console.log(
    `${name.padEnd(16)} ${median(ratios).toFixed(2)} (${range}) × bare; ${oursMs} ms and ${bareMs} ms, ${work}, ${master}`,
  )
}

async function timed({ prepare, run, found }: Side, round: number, expected: unknown): Promise<number> {
  await prepare?.(round)
  const start = performance.now()
  const given = await run(round)
  const ms = performance.now() - start
  assert.deepEqual(found === undefined ? given : await found(round), expected)
  return ms
}
