/**
 * Checkpoints of earlier versions load for ever. `test/fixtures/checkpoint-v1` was written by this program after
 * GOLDEN_BATCHES batches; a new version of the format gets a fixture of its own (see the end), and the old ones stay.
 */
import assert from 'node:assert/strict'
import { cpSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { CHECKPOINT_VERSION } from '../../src/streaming/checkpoint/envelope.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { GOLDEN_BATCHES, goldenProgram } from '../support/golden-program.ts'

const fixtures = join(import.meta.dirname, '../fixtures')
const outputs = ['history', 'sessions', 'counts', 'highest']

describe('a checkpoint of an earlier version', () => {
  for (let version = 1; version <= CHECKPOINT_VERSION; version++)
    it(`of the format ${version} goes on as if nothing had happened`, async () => {
      const fixture = join(fixtures, `checkpoint-v${version}`)
      if (!existsSync(fixture)) await write(fixture)
      await using expected = new StreamTest({ checkpointDir: true, build: goldenProgram })
      await expected.run(GOLDEN_BATCHES + 6)
      await using t = new StreamTest({ checkpointDir: true, build: goldenProgram })
      cpSync(fixture, t.checkpointDir!, { recursive: true })
      await t.clock.advanceTo(GOLDEN_BATCHES * 1000)
      await t.run(6)
      for (const name of outputs) {
        const { times, partitions } = expected.out(name)
        const from = times.findIndex(time => time > GOLDEN_BATCHES * 1000)
        assert.ok(t.out(name).times.length > 2)
        assert.deepEqual(t.out(name).times, times.slice(from))
        assert.deepEqual(t.out(name).partitions, partitions.slice(from))
      }
      assert.deepEqual(t.warnings, [])
    })
})

/** For the first run with a new version. */
async function write(fixture: string): Promise<void> {
  assert.ok(process.env['CI'] === undefined, `${fixture} is missing`)
  await using t = new StreamTest({ checkpointDir: true, build: goldenProgram })
  await t.run(GOLDEN_BATCHES)
  cpSync(t.checkpointDir!, fixture, { recursive: true })
}
