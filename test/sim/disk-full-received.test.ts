/**
 * A disk that is full when a received block is logged: whoever sent it is told, and nothing of it counts, also after a crash; what was
 * acknowledged does; and when there is space again, the same program goes on.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { describe, it } from 'node:test'
import type { KindlingError } from '../../src/base/errors.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import type { TestReceiver } from '../../src/testing/test-receiver.ts'
import { INLINE } from '../support/backends.ts'
import { FullDisk, type Space } from '../support/full-disk.ts'
import { onSmallDisk } from '../support/small-disk.ts'

const BLOCKS = 6
const words = (n: number): string[] => [`first of ${n}`, `second of ${n}`]

interface Setting {
  readonly t: StreamTest
  readonly receiver: () => TestReceiver<string>
  readonly space: Space
  readonly errors: string[]
}

/** @param saved where the program is saved; default: on a disk that is full when `space` says so */
function setting(reliable: boolean, saved?: string): Setting {
  const space: Space = { left: Number.POSITIVE_INFINITY, refused: [], files: /^receivedData\// }
  const errors: string[] = []
  let receiver!: TestReceiver<string>
  const t = new StreamTest({
    conf: { ...INLINE, 'spark.streaming.receiver.writeAheadLog.enable': true },
    build: t => {
      t.ssc.checkpoint(saved ?? new FullDisk(`${t.dir}/saved`, space))
      receiver = t.receiver<string>({ reliable })
      t.collect('out', t.ssc.receiverStream(receiver).uid('words'))
      t.ssc.addStreamingListener({
        onReceiverError: ({ receiverInfo }) => void errors.push(receiverInfo.lastErrorMessage),
      })
    },
  })
  return { t, receiver: () => receiver, space, errors }
}

/** What the output has of each batch, the latest run of it. */
const given = (t: StreamTest): string[] => t.out<string>('out').batches.flat()

const failed = (push: Promise<void>): Promise<KindlingError> =>
  push.then(
    () => assert.fail('it was acknowledged'),
    (error: unknown) => error as KindlingError,
  )

describe('a disk that is full when a received block is logged', () => {
  for (const dies of [false, true])
    for (let full = 1; full <= BLOCKS; full++)
      it(`at block ${full}${dies ? ', and the program dies' : ''}: it is not acknowledged, and counts once it is sent again`, async () => {
        const { t, receiver, space } = setting(true)
        await using _ = t
        await t.ssc.start()
        const sent: string[] = []
        for (let n = 1; n <= BLOCKS; n++) {
          if (n === full) {
            space.left = 0
            const error = await failed(receiver().push(...words(n)))
            assert.equal(error.code, 'BLOCK_NOT_LOGGED')
            assert.match(error.message, /2 .*words.*ENOSPC/s)
            assert.ok(space.refused.every(file => /^receivedData\/words\/.*\.blocks$/.test(file)))
            assert.ok(space.refused.length > 0)
            // To the segment that is there the first half was added.
            if (full > 1) assert.ok(existsSync(`${t.dir}/saved/${space.refused[0]}`))
            // The program itself goes on: other files have space.
            await t.run(1)
            assert.equal(t.ssc.getState(), 'active')
            if (dies) await t.crashAndRestart()
            space.left = Number.POSITIVE_INFINITY
            assert.ok(!given(t).some(word => words(n).includes(word)), `${given(t)}`)
          }
          await receiver().push(...words(n))
          sent.push(...words(n))
          // Two blocks to a batch, so that segments are added to.
          if (n % 2 === 0) await t.run(1)
        }
        await t.run(1)
        assert.deepEqual(given(t), sent)
        await t.crashAndRestart()
        await t.run(2)
        assert.deepEqual(given(t), sent)
        assert.deepEqual(t.errors, [])
      })

  it('loses the block of a receiver that waits for nothing, and counts it: others go on', async () => {
    const { t, receiver, space, errors } = setting(false)
    await using _ = t
    await t.ssc.start()
    await receiver().push('before')
    await t.run(1)
    space.left = 0
    await receiver().push('lost', 'lost too')
    await t.run(1)
    assert.match(errors.join(), /^2 received records are lost, since they could not be stored/)
    space.left = Number.POSITIVE_INFINITY
    await receiver().push('after')
    await t.run(1)
    await t.crashAndRestart()
    await t.run(1)
    assert.deepEqual(given(t), ['before', 'after'])
    assert.equal(errors.length, 1)
  })

  it('a real one: a small file system that is filled up', t =>
    onSmallDisk(t, async disk => {
      const { t, receiver } = setting(true, `${disk.folder}/saved`)
      await using _ = t
      await t.ssc.start()
      await receiver().push('before')
      await t.run(1)
      await receiver().push('in the segment')
      await disk.fill()
      // Longer than what may be left of the last page.
      const long = 'x'.repeat(64 * 1024)
      const error = await failed(receiver().push(long))
      assert.equal(error.code, 'BLOCK_NOT_LOGGED')
      assert.match(error.message, /ENOSPC/)
      disk.free()
      await receiver().push(long)
      await t.crashAndRestart()
      await t.run(2)
      assert.deepEqual(given(t), ['before', 'in the segment', long])
    }))
})
