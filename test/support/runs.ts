/**
 * How many random inputs each property test tries: KINDLING_TEST_RUNS, which scripts/test.ts sets (50, in CI 300).
 * Pass it as fast-check's `numRuns`; use `Math.ceil(runs / 5)` and the like where a single run is slow.
 */
export const runs: number = positive(process.env['KINDLING_TEST_RUNS'] ?? '50')

function positive(text: string): number {
  const n = Number(text)
  if (Number.isSafeInteger(n) && n > 0) return n
  throw new Error(`KINDLING_TEST_RUNS is ${text}, but must be a whole number from 1 up`)
}
