/** What a run did, in a few lines. */
import type { ProgressSnapshot } from '../status/streaming-progress.ts'
import { grouped } from '../ui/draw-table.ts'

/** @param elapsedMs since the program was started */
export function summaryOf(state: ProgressSnapshot, elapsedMs: number): string {
  const seconds = elapsedMs / 1000
  const lines = [
    `${count(state.completedBatches, 'batch', 'batches')} with ${count(state.totalRecords, 'record', 'records')} in ${seconds.toFixed(1)} s`,
    `batch time ${ms(state.meanProcessingDelay)} on average; total delay ${ms(state.meanTotalDelay)}, at most ${ms(state.maxTotalDelay)}`,
  ]
  if (state.failedBatches > 0) lines.push(`${count(state.failedBatches, 'batch', 'batches')} failed`)
  if (state.skippedBatches > 0) lines.push(`${count(state.skippedBatches, 'batch', 'batches')} skipped`)
  if (state.deadLetters > 0)
    lines.push(`${count(state.deadLetters, 'record', 'records')} went to dead letters`)
  if (state.receiverErrors > 0)
    lines.push(
      `${count(state.receiverErrors, 'receiver error', 'receiver errors')}, the last: ${state.lastReceiverError}`,
    )
  return `\n${lines.join('\n')}\n`
}

function count(n: number, one: string, many: string): string {
  return `${grouped(n)} ${n === 1 ? one : many}`
}

function ms(n: number): string {
  return `${n < 10 ? n.toFixed(1) : Math.round(n)} ms`
}
