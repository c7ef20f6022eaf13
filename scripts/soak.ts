/** `npm run soak [-- BATCHES]`: 100,000 batches of virtual time, and what the process holds in between. */
import { soak } from '../test/support/soak.ts'

const batches = Number(process.argv[2] ?? 100_000)
const start = performance.now()
const { measures, committed, letters } = await soak(batches, 20)
const elapsed = (performance.now() - start) / 1000
for (const { batch, heapMiB, files, openFiles, resources } of measures)
  console.log(
    `${String(batch).padStart(8)} batches: ${heapMiB.toFixed(1)} MiB alive, ${files} files, ${openFiles} open, ${resources} resources`,
  )
console.log(
  `${committed} batches committed, ${letters} dead letters, ${elapsed.toFixed(0)} s, ${((elapsed * 1000) / batches).toFixed(2)} ms a batch`,
)
