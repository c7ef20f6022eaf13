/** Programs over receivers, in worlds where everything fails: what was acknowledged is never lost. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { SIMULATED_FAULTS } from '../../src/testing/simulation/faults.ts'
import { simulate } from '../../src/testing/simulation/simulate.ts'
import { runs } from '../support/runs.ts'
import { simulated } from '../support/simulated.ts'

it('each record counts at least once, whatever happens, and every fault happens', async () => {
  const { seeds, faults } = await simulate(Math.ceil((runs * 2) / 3), seed => simulated(seed, ['receiver']))
  if (seeds === 1) return
  // A receiver is not asked for its plans.
  const missed = SIMULATED_FAULTS.filter(fault => faults[fault] === 0 && fault !== 'source-failure')
  assert.deepEqual(missed, [])
})
