/** Simulations of many seeds. */
import { SIMULATED_FAULTS, type SimulatedFault } from './faults.ts'
import { Simulation, type SimulationOptions } from './simulation.ts'

/** What came of them. */
export interface SimulationTotals {
  readonly seeds: number
  /** How many things happened. */
  readonly events: number
  /** How often each fault came: one that never did was not tested. */
  readonly faults: Readonly<Record<SimulatedFault, number>>
}

/**
 * Runs a program with each of many seeds, and checks it. With the environment variable KINDLING_SIM_SEED only with that one: to see again
 * what failed. Cost: some ten ms of computing for a seed; virtual time takes none.
 *
 * @param seeds how many, one after the other
 * @param program what to simulate, and what must hold in the end
 * @param first the first of them. Default 1
 * @throws SIMULATION_FAILED at the first seed that fails, with the seed
 * @example
 * const batches = [['a', 'b'], ['a'], ['c', 'a']]
 * const { faults } = await simulate(20, () => ({
 *   build: s => {
 *     const words = s.source('words', batches).map(word => [word, 1])
 *     s.collect('counts', words.updateStateByKey<number>((ones, n = 0) => n + ones.length))
 *   },
 *   check(s) {
 *     const counts = new Map(s.out<[string, number]>('counts').batches.at(-1))
 *     if (counts.get('a') !== 3) throw new Error(`a was counted ${counts.get('a')} times`)
 *   },
 * }))
 * faults.crash > 0 // => true
 */
export async function simulate(
  seeds: number,
  program: (seed: number | string) => Omit<SimulationOptions, 'seed'>,
  first = 1,
): Promise<SimulationTotals> {
  const only = process.env['KINDLING_SIM_SEED']
  const chosen = only === undefined ? Array.from({ length: seeds }, (_, i) => first + i) : [seedOf(only)]
  const faults = Object.fromEntries(SIMULATED_FAULTS.map(fault => [fault, 0])) as Record<
    SimulatedFault,
    number
  >
  let events = 0
  for (const seed of chosen) {
    await using simulation = new Simulation({ ...program(seed), seed })
    await simulation.run()
    events += simulation.log.length
    for (const fault of SIMULATED_FAULTS) faults[fault] += simulation.faults[fault]
  }
  return { seeds: chosen.length, events, faults }
}

/** A seed from a message: 7 and '7' are not the same. */
function seedOf(text: string): number | string {
  const n = Number(text)
  return text.trim() !== '' && Number.isFinite(n) ? n : text
}
