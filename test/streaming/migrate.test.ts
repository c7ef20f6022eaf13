import assert from 'node:assert/strict'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { seconds } from '../../src/base/time.ts'
import { drawPlan } from '../../src/cli/checkpoint/draw-plan.ts'
import { inspect } from '../../src/streaming/checkpoint/inspect.ts'
import { planRestart, type RestartPlan } from '../../src/streaming/checkpoint/plan.ts'
import { openExisting } from '../../src/streaming/checkpoint/stored-files.ts'
import { type DefinedProgram, interceptStarts } from '../../src/streaming/intercepted-start.ts'
import type { Migrate } from '../../src/streaming/state/state-schema.ts'
import { type State, StateSpec } from '../../src/streaming/state/state-spec.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { rejected } from '../support/rejected.ts'

const script = Array.from({ length: 30 }, (_, i): [string, number][] => [[`k${i % 3}`, 1]])

interface Counted {
  readonly n: number
}

/** A program of the first version, that keeps numbers. */
const KINDS = {
  updateStateByKey: {
    before: (t: StreamTest) =>
      t
        .input('in', script)
        .uid('in')
        .updateStateByKey<number>((ones, n = 0) => n + ones.length, 2),
    after: (t: StreamTest, version: number, migrate?: Migrate<Counted>, partitions = 2) =>
      t
        .input('in', script)
        .uid('in')
        .updateStateByKey<Counted>((ones, { n } = { n: 0 }) => ({ n: n + ones.length }), {
          partitions,
          version,
          ...(migrate === undefined ? {} : { migrate }),
        }),
  },
  mapWithState: {
    before: (t: StreamTest) => {
      const count = (_: string, n: number | undefined, state: State<number>) =>
        state.update((state.getOption() ?? 0) + (n ?? 0))
      return t
        .input('in', script)
        .uid('in')
        .mapWithState(StateSpec.function(count).numPartitions(2))
        .stateSnapshots()
    },
    after: (t: StreamTest, version: number, migrate?: Migrate<Counted>, partitions = 2) => {
      const count = (_: string, n: number | undefined, state: State<Counted>) =>
        state.update({ n: (state.getOption()?.n ?? 0) + (n ?? 0) })
      const spec = StateSpec.function(count).numPartitions(partitions).version(version, migrate)
      return t.input('in', script).uid('in').mapWithState(spec).stateSnapshots()
    },
  },
}

const toObject: Migrate<Counted> = (old, version) => ({ n: version === 1 ? (old as number) : -1 })

async function planned(directory: string, build: (t: StreamTest) => void): Promise<RestartPlan> {
  const started = Promise.withResolvers<DefinedProgram>()
  interceptStarts(started.resolve)
  try {
    await using t = new StreamTest({ build })
    void t.ssc.start()
    const { graph } = await started.promise
    return await planRestart({ storage: await openExisting(directory), graph, batchMs: 1000 })
  } finally {
    interceptStarts(undefined)
  }
}

for (const [kind, { before, after }] of Object.entries(KINDS))
  describe(`state of another version, ${kind}`, () => {
    const old = (t: StreamTest): void =>
      void t.collect(
        'out',
        (before(t) as ReturnType<typeof KINDS.updateStateByKey.before>).uid('n').checkpoint(seconds(2)),
      )
    const now =
      (version: number, migrate?: Migrate<Counted>, partitions = 2) =>
      (t: StreamTest): void =>
        void t.collect('out', after(t, version, migrate, partitions).uid('n').checkpoint(seconds(2)))

    it('is migrated key by key, then saved as it is now; also spread anew, and when the newest image is damaged', async () => {
      for (const [partitions, damaged] of [
        [2, false],
        [3, false],
        [2, true],
      ] as const) {
        await using t = new StreamTest({ checkpointDir: true, build: old })
        await t.run(6)
        const folder = join(t.checkpointDir!, 'state/n/0')
        if (damaged) rmSync(join(folder, readdirSync(folder).sort().at(-1)!))
        const plan = await planned(t.checkpointDir!, now(2, toObject, partitions))
        assert.deepEqual(
          plan.operators.map(({ id, fate, versions }) => [id, fate, versions]),
          [['n', 'migrated', { saved: 1, now: 2 }]],
        )
        assert.match(drawPlan(plan, { mayDrop: false, notes: [] }), /^migrated +n: .* from version 1 to 2/m)
        await t.crashAndRestart({ build: now(2, toObject, partitions) })
        await t.run(3)
        assert.deepEqual(
          new Map(t.out<[string, Counted]>('out').batches.at(-1)),
          new Map(['k0', 'k1', 'k2'].map(k => [k, { n: 3 }])),
        )
        const { saved } = await inspect(await openExisting(t.checkpointDir!))
        assert.equal(saved!.operators[0]!.version, 2)
        // The next start finds values of its own version.
        const migrate = (): never => assert.fail('called again')
        await t.run(3)
        await t.crashAndRestart({ build: now(2, migrate, partitions) })
        await t.run(1)
        assert.deepEqual(new Map(t.out<[string, Counted]>('out').batches.at(-1)).get('k0'), { n: 5 })
      }
    })

    it('without migrate is no state of this program: refused, or given up', async () => {
      await using t = new StreamTest({ checkpointDir: true, build: old })
      await t.run(6)
      const { operators } = await planned(t.checkpointDir!, now(2))
      assert.deepEqual(
        operators.map(({ fate }) => fate),
        ['new', 'dropped'],
      )
      assert.match(
        operators[1]!.reason!,
        /values of version 1, the program those of version 2, and no migrate/,
      )
      const error = await rejected('CHECKPOINT_MISMATCH', () => t.crashAndRestart({ build: now(2) }))
      assert.match(error.message, /no migrate/)
    })

    it('a migration that fails names operator and key and changes nothing', async () => {
      const failures: [Migrate<Counted>, RegExp][] = [
        [
          old => {
            if (old === 2) throw new Error('unforeseen')
            return { n: 0 }
          },
          /state of n cannot be taken over from version 1 to version 2: migrate failed for the key "?k\d"?: unforeseen/,
        ],
        [() => undefined as unknown as Counted, /gave undefined/],
        [() => new Promise(() => {}) as unknown as Counted, /migrate failed for the key/],
      ]
      for (const [migrate, message] of failures) {
        await using t = new StreamTest({ checkpointDir: true, build: old })
        await t.run(6)
        const files = readdirSync(t.checkpointDir!, { recursive: true }).sort()
        const { refused } = await planned(t.checkpointDir!, now(2, migrate))
        assert.match(refused.join(), message)
        const error = await rejected('STATE_MIGRATION_FAILED', () =>
          t.crashAndRestart({ build: now(2, migrate) }),
        )
        assert.match(error.message, message)
        assert.deepEqual(readdirSync(t.checkpointDir!, { recursive: true }).sort(), files)
        await t.crashAndRestart({ build: old })
        await t.run(3)
        assert.deepEqual(new Map(t.out<[string, number]>('out').batches.at(-1)).get('k0'), 3)
      }
    })
  })

it('a version is a whole number of at least 1', async () => {
  for (const version of [0, 1.5, Number.NaN])
    assert.throws(
      () => StateSpec.function((_: string, n: number | undefined, _s: State<number>) => n).version(version),
      {
        code: 'INVALID_ARGUMENT',
      },
    )
  await using t = new StreamTest({ build: t => void t.collect('out', t.input('in', script)) })
  assert.throws(() => t.input('other', script).updateStateByKey<number>((_, n) => n, { migrate: () => 1 }), {
    code: 'INVALID_ARGUMENT',
  })
})
