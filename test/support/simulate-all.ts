/** Simulations of many seeds that must have met everything that can happen to their programs. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { SIMULATED_FAULTS, type SimulatedFault } from '../../src/testing/simulation/faults.ts'
import { simulate } from '../../src/testing/simulation/simulate.ts'
import { Simulation } from '../../src/testing/simulation/simulation.ts'
import { CIRCUMSTANCES, type Circumstance, type Input, simulated } from './simulated.ts'

/** Of so many seeds each is run once more: its events are the same. */
const REPEATED = 50

/** In so many seeds everything happens. */
const ENOUGH = 60

/** What must be met. */
export interface Expected {
  /** What cannot happen to such programs. */
  readonly faultsWithout: readonly SimulatedFault[]
  /** What so few seeds may not meet. */
  readonly circumstancesWithout: readonly Circumstance[]
}

/** Defines a test that runs `seeds` simulations from `first` on, and sees that nothing was left out. */
export function itSimulates(
  title: string,
  inputs: readonly Input[],
  { first, seeds: total }: { readonly first: number; readonly seeds: number },
  { faultsWithout, circumstancesWithout }: Expected,
): void {
  it(`${title}, and everything happens, from seed ${first}`, async () => {
    const met = new Set<Circumstance>()
    const { seeds, faults } = await simulate(total, seed => simulated(seed, inputs, met), first)
    if (seeds === 1) return
    const missed = SIMULATED_FAULTS.filter(fault => faults[fault] === 0 && !faultsWithout.includes(fault))
    const unmet = CIRCUMSTANCES.filter(each => !met.has(each) && !circumstancesWithout.includes(each))
    // What is rare may be missing in a quick run.
    if (seeds >= ENOUGH) assert.deepEqual([...missed, ...unmet], [])
    else assert.ok(missed.length + unmet.length <= 3, `${missed}; ${unmet}`)
  })

  it(`the same seed gives the same events, from seed ${first}`, async () => {
    for (let seed = first; seed < first + total; seed += REPEATED)
      assert.deepEqual(await eventsOf(seed, inputs), await eventsOf(seed, inputs), `seed ${seed}`)
  })
}

async function eventsOf(seed: number, inputs: readonly Input[]): Promise<readonly string[]> {
  await using s = new Simulation({ ...simulated(seed, inputs), seed })
  await s.run()
  return s.log.map(({ time, what }) => `${time} ${what}`)
}
