import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { RecordBatch } from '../../../src/connectors/kafka/cluster.ts'
import { committedBatches } from '../../../src/connectors/kafka/committed-batches.ts'
import { FakeKafka } from '../../support/fake-kafka.ts'
import { runs } from '../../support/runs.ts'

/** All that `read_committed` gives, from an offset on. */
async function committed(kafka: FakeKafka, from = 0): Promise<string[]> {
  const values: string[] = []
  for (let offset = from; ; ) {
    const answer = await kafka.cluster.fetch({ topic: 't', partition: 0, topicId: undefined, offset })
    assert.ok(answer.kind === 'batches')
    if (answer.batches.length === 0) return values
    for (const batch of committedBatches(answer.batches, answer.aborted)) values.push(...texts(batch, from))
    offset = answer.batches.at(-1)!.lastOffset + 1
  }
}

function texts({ firstOffset, records }: RecordBatch, from: number): string[] {
  return records
    .filter(({ offsetDelta }) => firstOffset + offsetDelta >= from)
    .map(({ value }) => new TextDecoder().decode(value!))
}

const newLog = () => new FakeKafka({ isReadCommitted: true }).createTopic('t')

describe('read_committed', () => {
  it('leaves out all of several aborted transactions of one producer', async () => {
    const kafka = newLog()
    for (const [values, how] of [
      ['ab', 'commit'],
      ['XY', 'abort'],
      ['c', 'commit'],
      ['Z', 'abort'],
      ['d', 'commit'],
    ] as const) {
      kafka.transact('t', 0, 7n, [...values])
      kafka.end('t', 0, 7n, how)
    }
    assert.deepEqual(await committed(kafka), ['a', 'b', 'c', 'd'])
  })

  it('leaves out an aborted transaction of which the reader sees only the end', async () => {
    const kafka = newLog()
    kafka.transact('t', 0, 7n, ['X', 'Y', 'Z'])
    kafka.transact('t', 0, 7n, ['W'])
    kafka.end('t', 0, 7n, 'abort')
    kafka.append('t', 0, ['a'])
    assert.deepEqual(await committed(kafka, 3), ['a'])
  })

  it('leaves out nothing of others that write meanwhile', async () => {
    const kafka = newLog()
    kafka.transact('t', 0, 7n, ['X'])
    kafka.transact('t', 0, 8n, ['a'])
    kafka.append('t', 0, ['b'])
    kafka.end('t', 0, 8n, 'commit')
    kafka.append('t', 0, ['c'], { producerId: 7n })
    kafka.end('t', 0, 7n, 'abort')
    kafka.transact('t', 0, 7n, ['d'])
    kafka.end('t', 0, 7n, 'commit')
    assert.deepEqual(await committed(kafka), ['a', 'b', 'c', 'd'])
  })

  it('ends before a transaction that is not over', async () => {
    const kafka = newLog()
    kafka.append('t', 0, ['a'])
    kafka.transact('t', 0, 7n, ['?'])
    kafka.append('t', 0, ['b'])
    assert.deepEqual(await committed(kafka), ['a'])
  })

  it('gives what was committed, in any interleaving, from any offset', async () => {
    const producer = fc.constantFrom(1n, 2n, 3n)
    const step = fc.oneof(
      fc.record({ do: fc.constant('write' as const), producer, n: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ do: fc.constantFrom('commit' as const, 'abort' as const), producer, n: fc.constant(0) }),
      fc.record({ do: fc.constant('plain' as const), producer, n: fc.integer({ min: 1, max: 2 }) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.nat(40), async (steps, start) => {
        const kafka = newLog()
        const written: { offset: number; value: string; by: bigint | undefined }[] = []
        const kept = new Set<string>()
        const open = new Map<bigint, string[]>()
        let end = 0
        const write = (by: bigint | undefined, n: number): string[] => {
          const values = Array.from({ length: n }, (_, i) => `v${end + i}`)
          for (const value of values) written.push({ offset: end++, value, by })
          return values
        }
        const finish = (by: bigint, how: 'commit' | 'abort'): void => {
          const values = open.get(by)
          if (values === undefined) return
          kafka.end('t', 0, by, how)
          end++
          if (how === 'commit') for (const value of values) kept.add(value)
          open.delete(by)
        }
        for (const { do: what, producer: by, n } of steps) {
          if (what === 'write') {
            const values = write(by, n)
            kafka.transact('t', 0, by, values)
            open.set(by, [...(open.get(by) ?? []), ...values])
          } else if (what === 'plain') {
            const values = write(undefined, n)
            kafka.append('t', 0, values)
            for (const value of values) kept.add(value)
          } else finish(by, what)
        }
        for (const by of [...open.keys()]) finish(by, 'abort')
        const from = Math.min(start, end)
        const expected = written
          .filter(one => one.offset >= from && kept.has(one.value))
          .map(one => one.value)
        assert.deepEqual(await committed(kafka, from), expected)
      }),
      { numRuns: runs },
    )
  })
})
