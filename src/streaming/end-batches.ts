/**
 * Ends the batches of a program that runs.
 *
 *   gracefully   sources stop · all that they took in is processed · the rest ends; when the deadline is over, at once
 *   at once      waiting batches are dropped, running ones aborted; callbacks of outputs are waited for a moment
 */
import { configEntries } from '../base/config.ts'
import { KindlingError } from '../base/errors.ts'
import { toDuration } from '../base/time.ts'
import type { StopOptions } from './context-options.ts'
import type { Program } from './start-up.ts'
import { describeStop, type StopReport, stopReporter } from './stop-report.ts'
import { settledInTime } from './termination.ts'

/** See the file head. @throws INVALID_DURATION for the deadline */
export async function endBatches(program: Program, options: StopOptions): Promise<StopReport> {
  const { graph, runner } = program
  const graceful = options.graceful === true
  const stopSources = (): Promise<unknown> =>
    Promise.allSettled(graph.inputs.map(async input => input.source.stop({ graceful })))
  const report = stopReporter(program)
  if (graceful && (await finishedInTime(program, options, { stopSources, report }))) return report()
  const left = report()
  const { generator, scheduler } = runner
  void generator.stop({ drop: true })
  scheduler.abort(new KindlingError('JOB_CANCELLED', { reason: 'the StreamingContext was stopped' }))
  // A batch may wait for a reader that waits for this stop.
  for (const output of graph.outputs) output.stopped?.()
  await settledInTime(Promise.all([stopSources(), generator.stop({ drop: true }), scheduler.idle()]))
  return left
}

/** Whether all data was processed before the deadline. */
async function finishedInTime(
  program: Program,
  options: StopOptions,
  { stopSources, report }: { stopSources(): Promise<unknown>; report(): StopReport },
): Promise<boolean> {
  const { clock, logger } = program.sc
  const ms = deadlineMs(program, options)
  const abort = new AbortController()
  const late = clock.sleep(ms, abort.signal).then(
    () => true,
    () => false,
  )
  const finished = finishBatches(program, stopSources).then(() => false)
  const isLate = await Promise.race([finished, late])
  abort.abort()
  const what = describeStop(report(), program.runner.saved !== undefined)
  if (isLate) logger.warn(`the graceful stop was not done after ${ms} ms and ends now: ${what}`)
  else logger.info(`the graceful stop is done: ${what}`)
  return !isLate
}

/** Ends when all data that sources took in has been processed. */
async function finishBatches({ graph, runner }: Program, stopSources: () => Promise<unknown>): Promise<void> {
  await stopSources()
  while (graph.inputs.some(input => input.source.hasUnplanned?.() === true))
    await runner.generator.nextBatch()
  await runner.generator.stop()
  await runner.scheduler.idle()
}

function deadlineMs({ sc, batchDuration }: Program, { deadline }: StopOptions): number {
  if (deadline !== undefined) return toDuration(deadline, 'The deadline').milliseconds
  return sc.conf.get(configEntries.gracefulStopTimeout) ?? 10 * batchDuration.milliseconds
}
