import assert from 'node:assert/strict'
import { it } from 'node:test'
import { StreamTest } from '../../src/testing/stream-test.ts'

const numbers = Array.from({ length: 200 }, (_, i) => i)

it('samples without a seed differ from batch to batch, and are the same in every run (D42)', async () => {
  const produced: (readonly (readonly unknown[])[])[] = []
  for (let run = 0; run < 2; run++) {
    await using t = new StreamTest({
      build: t => {
        const input = t.input('in', [numbers, numbers, numbers])
        t.collect(
          'out',
          input.transform(rdd => rdd.sample(false, 0.5)),
        )
        t.collect(
          'indexed',
          input.transform(rdd => rdd.filter(x => x < 3).zipWithIndex()),
        )
      },
    })
    await t.run(3)
    produced.push(t.out('out').batches)
    const indexed = [0, 1, 2].map(x => [x, x])
    assert.deepEqual(t.out('indexed').batches, [indexed, indexed, indexed])
  }
  const [first, second] = produced
  assert.deepEqual(first, second)
  assert.equal(new Set(first!.map(String)).size, 3)
})
