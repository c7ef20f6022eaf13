import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KindlingError } from '../../../src/base/errors.ts'
import type { DStream } from '../../../src/streaming/dstream/dstream.ts'
import { SIMULATED_FAULTS } from '../../../src/testing/simulation/faults.ts'
import { simulate } from '../../../src/testing/simulation/simulate.ts'
import { Simulation, type SimulationOptions } from '../../../src/testing/simulation/simulation.ts'
import { runs } from '../../support/runs.ts'

const batches = [['a', 'b'], ['a'], [], ['c', 'a', 'b'], ['b']]
const one = (word: string): [string, number] => [word, 1]
const plus = (ones: readonly number[], n = 0): number => n + ones.length
const counted = (words: DStream<string>): DStream<[string, number]> =>
  words.map(one).updateStateByKey<number>(plus)

const program = (s: Simulation): void => {
  const words = s.source('words', batches)
  s.collect('counts', counted(words))
  words.writeTo(s.fileSink('/out/words'))
}

function checkCounts(s: Simulation): void {
  const counts = new Map(s.out<[string, number]>('counts').batches.at(-1))
  assert.deepEqual(
    counts,
    new Map([
      ['a', 3],
      ['b', 3],
      ['c', 1],
    ]),
  )
}

const failure = (run: Promise<unknown>): Promise<KindlingError> =>
  run.then(
    () => assert.fail('it did not fail'),
    (error: unknown) => error as KindlingError,
  )

async function logOf(options: SimulationOptions): Promise<string[]> {
  await using s = new Simulation(options)
  await s.run()
  return s.log.map(({ time, what }) => `${time} ${what}`)
}

describe('a simulation', () => {
  it('gives the same log for the same seed', async () => {
    for (let seed = 1; seed <= Math.ceil(runs / 5); seed++) {
      const one = await logOf({ seed, build: program })
      assert.deepEqual(await logOf({ seed, build: program }), one, `seed ${seed}`)
      assert.notDeepEqual(await logOf({ seed: `${seed}, another`, build: program }), one)
    }
  })

  it('has no faults where none are asked for, and only those', async () => {
    await using calm = new Simulation({ seed: 3, build: program, check: checkCounts, faults: [] })
    await calm.run()
    assert.deepEqual(
      SIMULATED_FAULTS.filter(fault => calm.faults[fault] > 0),
      [],
    )
    const { faults } = await simulate(10, () => ({
      build: program,
      check: checkCounts,
      faults: ['worker-death'],
    }))
    assert.deepEqual(
      SIMULATED_FAULTS.filter(fault => faults[fault] > 0),
      ['worker-death'],
    )
  })

  it('gives files on the disk and in storages as readers find them', async () => {
    await using s = new Simulation({
      seed: 5,
      build(s) {
        const words = s.input('words', [['a', 'b'], ['c']])
        words.writeTo(s.fileSink('/out/words'))
        words.writeTo(s.fileSink('words', { storage: 'bucket' }))
      },
    })
    await s.run()
    for (const written of [s.written('/out/words'), s.written('words', 'bucket')])
      assert.deepEqual([...written].slice(0, 2), [
        [1000, ['a', 'b']],
        [2000, ['c']],
      ])
    assert.equal(s.written('/none/words').size, 0)
  })

  it('finds an invariant that does not hold, and names the seed', async () => {
    const forgetful = new Map<string, number>()
    const error = await failure(
      simulate(50, () => {
        forgetful.clear()
        return {
          // What it adds for a batch that runs again is there twice.
          build: s =>
            s.source('words', batches).foreachRDD(async rdd => {
              for (const word of await rdd.collect()) forgetful.set(word, (forgetful.get(word) ?? 0) + 1)
            }),
          check: () => assert.equal(forgetful.get('a'), 3),
        }
      }),
    )
    assert.equal(error.code, 'SIMULATION_FAILED')
    const [, seed] = /seed (\d+) failed: .*Run the same again with KINDLING_SIM_SEED=\1\. Last events:/s.exec(
      error.message,
    )!
    assert.match(error.message, /fault: (crash|power-loss)|life \d+ is stopped/)
    process.env['KINDLING_SIM_SEED'] = seed
    try {
      const seen: unknown[] = []
      await simulate(50, given => {
        seen.push(given)
        return { build: program, check: checkCounts }
      })
      assert.deepEqual(seen, [Number(seed)])
    } finally {
      delete process.env['KINDLING_SIM_SEED']
    }
  })

  it('fails by an error that no fault explains', async () => {
    const error = await failure(
      simulate(1, () => ({
        faults: [],
        build: s =>
          s.collect(
            'out',
            s.input('words', batches).map(word => word.at(9)!.length),
          ),
      })),
    )
    assert.equal(error.code, 'SIMULATION_FAILED')
    assert.equal((error.cause as KindlingError).code, 'USER_CODE_FAILED')
  })

  it('fails when the program waits for what never comes', async () => {
    const error = await failure(
      simulate(1, () => ({
        faults: [],
        build: s => s.input('words', batches).foreachRDD(() => new Promise(() => {})),
      })),
    )
    assert.match(error.message, /not done after 600000 ms of virtual time/)
  })

  it('loses without a checkpoint of the receiver what a crash interrupts: it would be found', async () => {
    const error = await failure(
      simulate(50, () => ({
        build: s => void s.collect('words', s.receiver('words', batches)),
        check: s => assert.deepEqual(s.out('words').batches.flat().length >= 7, true),
        conf: { 'spark.streaming.receiver.writeAheadLog.enable': false },
      })),
    )
    assert.equal(error.code, 'SIMULATION_FAILED')
  })
})
