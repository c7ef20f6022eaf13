/** Programs over receivers, in worlds where everything fails: what was acknowledged is never lost. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { SIMULATED_FAULTS } from '../../src/testing/simulation/faults.ts'
import { simulate } from '../../src/testing/simulation/simulate.ts'
import { runs } from '../support/runs.ts'
import { simulated } from '../support/simulated.ts'

const total = Math.ceil((runs * 4) / 3)
const part = Math.min(total, 100)

for (let first = 1; first <= total; first += part)
  it(`each record counts at least once, whatever happens, and every fault happens, from seed ${first}`, async () => {
    const { seeds, faults } = await simulate(part, seed => simulated(seed, ['receiver']), first)
    if (seeds === 1) return
    // A receiver is not asked for its plans.
    const missed = SIMULATED_FAULTS.filter(fault => faults[fault] === 0 && fault !== 'source-failure')
    assert.deepEqual(missed, [])
  })
