/** Programs with every stateful operator, in worlds where everything fails: nobody can tell from what they give. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { SIMULATED_FAULTS } from '../../src/testing/simulation/faults.ts'
import { simulate } from '../../src/testing/simulation/simulate.ts'
import { runs } from '../support/runs.ts'
import { simulated } from '../support/simulated.ts'

// In CI 600, and 400 of receivers.
const total = runs * 2
const part = Math.min(total, 100)

for (let first = 1; first <= total; first += part)
  it(`each record counts once, whatever happens, and every fault happens, from seed ${first}`, async () => {
    const { seeds, faults } = await simulate(part, seed => simulated(seed, ['script', 'log']), first)
    if (seeds === 1) return
    // Connections are those of receivers.
    const missed = SIMULATED_FAULTS.filter(fault => faults[fault] === 0 && fault !== 'disconnect')
    assert.deepEqual(missed, [])
  })
