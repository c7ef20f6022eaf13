/**
 * SIGINT and SIGTERM for contexts that ask for it (`spark.streaming.stopGracefullyOnShutdown`): the first one stops them gracefully
 * and then ends the process as it would have without us, a second one ends it at once.
 *
 * Where somebody else owns the signals, as the command line does, nothing is done here.
 */
import { processDefaults } from '../context/defaults.ts'

/** What is stopped. */
export interface Stoppable {
  stop(options: { readonly graceful: true; readonly stopSparkContext: true }): Promise<unknown>
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const
const waiting = new Set<Stoppable>()

/** Stops `context` gracefully at a signal, until it has ended. */
export function stopAtSignals(context: Stoppable): void {
  if (processDefaults().ownsSignals === true) return
  if (waiting.size === 0) for (const signal of SIGNALS) process.on(signal, stopAll)
  waiting.add(context)
}

/** It has stopped. */
export function endStopAtSignals(context: Stoppable): void {
  if (!waiting.delete(context) || waiting.size > 0) return
  for (const signal of SIGNALS) process.off(signal, stopAll)
}

function stopAll(signal: NodeJS.Signals): void {
  // From here on the signal does again what it does without a listener.
  for (const name of SIGNALS) process.off(name, stopAll)
  const stops = [...waiting].map(context => context.stop({ graceful: true, stopSparkContext: true }))
  void Promise.allSettled(stops).then(() => process.kill(process.pid, signal))
}
