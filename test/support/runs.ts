import fc from 'fast-check'

/**
 * How many random inputs each property test tries: KINDLING_TEST_RUNS, which scripts/test.ts sets (50, in CI 300).
 * Pass it as fast-check's `numRuns`; use `Math.ceil(runs / 5)` and the like where a single run is slow.
 */
export const runs: number = positive(process.env['KINDLING_TEST_RUNS'] ?? '50')

// One seed for all of them, where there is one: scripts/test.ts says when.
const seed = process.env['KINDLING_TEST_SEED']
if (seed !== undefined) fc.configureGlobal({ seed: whole(seed) })

function positive(text: string): number {
  const n = Number(text)
  if (Number.isSafeInteger(n) && n > 0) return n
  throw new Error(`KINDLING_TEST_RUNS is ${text}, but must be a whole number from 1 up`)
}

function whole(text: string): number {
  const n = Number(text)
  if (text !== '' && Number.isSafeInteger(n)) return n
  throw new Error(`KINDLING_TEST_SEED is ${text}, but must be a whole number`)
}
