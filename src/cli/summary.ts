/** What a run did, in a few lines. */
import type { ProgressSnapshot } from '../status/streaming-progress.ts'
import { grouped } from '../ui/draw-table.ts'

/** @param elapsedMs since the program was started */
export function summaryOf(state: ProgressSnapshot, elapsedMs: number): string {
  const seconds = elapsedMs / 1000
  const lines = [
    `${grouped(state.completedBatches)} batches with ${grouped(state.totalRecords)} records in ${seconds.toFixed(1)} s`,
    `batch time ${ms(state.meanProcessingDelay)} on average; total delay ${ms(state.meanTotalDelay)}, at most ${ms(state.maxTotalDelay)}`,
  ]
  if (state.failedBatches > 0) lines.push(`${grouped(state.failedBatches)} batches failed`)
  if (state.receiverErrors > 0)
    lines.push(`${grouped(state.receiverErrors)} receiver errors, the last: ${state.lastReceiverError}`)
  return `\n${lines.join('\n')}\n`
}

function ms(n: number): string {
  return `${n < 10 ? n.toFixed(1) : Math.round(n)} ms`
}
