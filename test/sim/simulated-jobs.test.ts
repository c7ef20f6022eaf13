/** Batch jobs on workers that die, hang and are slow, in thousands of schedules: the results are those without. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { runs } from '../support/runs.ts'
import { JOB_FAULTS, jobs, simulatedJob } from '../support/simulated-jobs.ts'

/** A task that loses its worker so often ends its job, since it may be the reason. */
const MOST_LOSSES = 4

it('jobs give the same in any schedule, and every fault happens', async () => {
  const expected = new Map<string, unknown>()
  for (let seed = 1; expected.size < Object.keys(jobs).length; seed++) {
    const { job, outcome } = await simulatedJob(seed, [])
    expected.set(job, outcome)
  }
  const total = { copiesWon: 0, given: 0, faults: Object.fromEntries(JOB_FAULTS.map(fault => [fault, 0])) }
  const seeds = runs * 7
  for (let seed = 1; seed <= seeds; seed++) {
    const { job, outcome, faults, copiesWon } = await simulatedJob(seed)
    total.copiesWon += copiesWon
    for (const fault of JOB_FAULTS) total.faults[fault]! += faults[fault]
    if (typeof outcome === 'object' && outcome !== null && 'code' in outcome) {
      assert.equal(outcome.code, 'WORKER_LOST', `seed ${seed}`)
      assert.ok(faults['worker-death'] + faults['worker-hang'] >= MOST_LOSSES, `seed ${seed}`)
      continue
    }
    total.given++
    assert.deepEqual(outcome, expected.get(job), `seed ${seed}: ${job}`)
  }
  for (const fault of JOB_FAULTS) assert.ok(total.faults[fault]! > 0, fault)
  assert.ok(total.copiesWon > 0)
  assert.ok(total.given > 0.95 * seeds)
})

it('the same seed gives the same schedule', async () => {
  for (let seed = 1; seed <= Math.ceil(runs / 2); seed++) {
    const [one, two] = [await simulatedJob(seed), await simulatedJob(seed)]
    assert.deepEqual(one.log, two.log, `seed ${seed}`)
  }
})
