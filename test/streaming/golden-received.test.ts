/**
 * Received data, failures and versions of state of an earlier version load for ever: beside `golden-checkpoint.test.ts`, the kinds of
 * files that a program without a receiver does not write. `test/fixtures/received-v1` is what a process left that died while the input
 * of a batch went to dead letters.
 */
import assert from 'node:assert/strict'
import { cpSync, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { CHECKPOINT_VERSION } from '../../src/streaming/checkpoint/envelope.ts'
import { inspect } from '../../src/streaming/checkpoint/inspect.ts'
import { openExisting } from '../../src/streaming/checkpoint/stored-files.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { GOLDEN_CONF, type GoldenReceived, goldenReceived } from '../support/golden-received-program.ts'

const fixtures = join(import.meta.dirname, '../fixtures')

function program(): { t: StreamTest; letters: unknown[]; receivers: GoldenReceived['receiver'][] } {
  const letters: unknown[] = []
  const receivers: GoldenReceived['receiver'][] = []
  const build = (t: StreamTest): void => goldenReceived(t, letters, one => void receivers.push(one))
  return { t: new StreamTest({ checkpointDir: true, conf: GOLDEN_CONF, build }), letters, receivers }
}

describe('what was received', () => {
  for (let version = 1; version <= CHECKPOINT_VERSION; version++)
    it(`by a program of the format ${version} is there: in a batch, in dead letters, or in the first one after the restart`, async () => {
      const fixture = join(fixtures, `received-v${version}`)
      if (!existsSync(fixture)) await write(fixture)
      const { t, letters } = program()
      await using _ = t
      cpSync(fixture, t.checkpointDir!, { recursive: true })
      const names = readdirSync(t.checkpointDir!, { recursive: true }).map(String)
      for (const kind of ['.plan', '.commit', '.failed', '.image', '.blocks'])
        assert.ok(
          names.some(name => name.endsWith(kind)),
          `there is no ${kind}`,
        )
      const { saved, received, damaged } = await inspect(await openExisting(t.checkpointDir!))
      assert.deepEqual(damaged, [])
      assert.deepEqual(
        saved!.pending.map(({ time }) => time),
        [3000],
      )
      assert.equal(saved!.operators[0]!.version, 2)
      assert.deepEqual(
        received.map(({ id, records, waitingRecords }) => [id, records, waitingRecords]),
        [['received', 10, 2]],
      )
      await t.clock.advanceTo(4000)
      await t.run(2)
      assert.deepEqual(letters, ['bad', 'never counted'])
      assert.deepEqual(
        new Map(t.out<[string, number]>('counts').batches.at(-1)),
        new Map(Object.entries({ a: 2, line: 1, 'zwei Zeilen': 1, '[1,{"b":"c"}]': 1, '7': 1, late: 2 })),
      )
    })
})

/** For the first run with a new version. */
async function write(fixture: string): Promise<void> {
  assert.ok(process.env['CI'] === undefined, `${fixture} is missing`)
  const { t, receivers } = program()
  await using _ = t
  await t.ssc.start()
  const [receiver] = receivers
  await receiver!.records('a', [1, { b: 'c' }], 7)
  await t.run(1)
  receiver!.lines('a\nline\nzwei Zeilen\n')
  await t.clock.advance(500)
  await t.run(1)
  await t.clock.advanceTo(2500)
  await receiver!.records('bad', 'never counted')
  t.ssc.addStreamingListener({
    onBatchStarted: ({ batchInfo }) => {
      if (batchInfo.batchTime.milliseconds === 3000) void receiver!.records('late', 'late').catch(() => {})
    },
  })
  t.crashAt('sink-commit-before')
  await t.run(1, { collectErrors: true })
  assert.ok(t.crashed)
  cpSync(t.checkpointDir!, fixture, { recursive: true })
}
