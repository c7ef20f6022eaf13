/** What a program holds does not grow with its age. `npm run soak` runs it for 100,000 batches. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { thorough } from '../support/backends.ts'
import { type Held, soak } from '../support/soak.ts'

const BATCHES = thorough ? 5000 : 1500

it(`after ${BATCHES} batches a program holds what it held after a few: bytes, files, handles`, async () => {
  const { measures, committed, letters } = await soak(BATCHES)
  assert.equal(committed, BATCHES)
  assert.equal(letters, Math.floor((BATCHES * 5 + 4) / 97))
  // The first tenth is for the caches and the compiler to fill.
  const first = measures.slice(1, 4)
  const last = measures.slice(-3)
  const most = (held: (one: Held) => number, among: readonly Held[]): number => Math.max(...among.map(held))
  const heap = ({ heapMiB }: Held): number => heapMiB
  assert.ok(
    Math.min(...last.map(heap)) <= most(heap, first) * 1.1 + 1,
    `MiB alive: ${measures.map(one => heap(one).toFixed(1))}`,
  )
  for (const what of ['files', 'openFiles', 'resources'] as const)
    assert.ok(
      Math.min(...last.map(one => one[what])) <= most(one => one[what], first) * 1.1 + 3,
      `${what}: ${measures.map(one => one[what])}`,
    )
})
