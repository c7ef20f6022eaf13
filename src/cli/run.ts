/**
 * Runs a user's program, and ends it well: after `--for`, at Ctrl-C or SIGTERM the streaming contexts that it started stop
 * gracefully, and a summary is printed.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { configEntries } from '../base/config.ts'
import { trapFloatingRejections } from '../base/floating.ts'
import { consoleLogger } from '../base/logger.ts'
import { setProcessDefaults } from '../context/defaults.ts'
import { StreamingProgress } from '../status/streaming-progress.ts'
import { activeContexts, observeContexts } from '../streaming/active-contexts.ts'
import { describeGuarantee } from '../streaming/delivery/guarantee.ts'
import type { StreamingContext } from '../streaming/streaming-context.ts'
import type { RunCommand } from './command-line.ts'
import { describeFailure } from './failure.ts'
import { summaryOf } from './summary.ts'
import { UsageError } from './usage.ts'

const EXIT_FAILED = 1
/** The deadline of a graceful stop was over before everything was processed. */
const EXIT_NOT_ALL = 4
/** How long the program may go on after a stop that came to its deadline: for code of its own after the stream. */
const LEFT_MS = 2000
/** What shells give for a program that a signal has ended. */
const EXIT_BY_SIGNAL = { SIGINT: 130, SIGTERM: 143 } as const

/** The exit code as far as it is known; see docs/command-line.md. */
export async function run(command: RunCommand): Promise<number> {
  const file = resolve(command.file)
  if (!existsSync(file)) throw new UsageError(`There is no file ${command.file}.`)
  const { master, conf } = command
  const logger = consoleLogger(command.verbose ? 'info' : 'warn')
  const ownsSignals = true
  setProcessDefaults(
    master === undefined ? { conf, logger, ownsSignals } : { master, conf, logger, ownsSignals },
  )
  const ending = new Ending(command)
  process.argv = [process.argv[0]!, file, ...command.args]
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => ending.interrupt(signal))
  trapFloatingRejections(error => void ending.fail(error))
  process.on('uncaughtException', error => void ending.fail(error))
  if (command.forMs !== undefined) ending.after(command.forMs)
  try {
    await import(pathToFileURL(file).href)
  } catch (error) {
    await ending.fail(error)
  }
  // A program may go on after its module has been evaluated: Node ends it when nothing is left to do.
  process.once('beforeExit', () => ending.conclude())
  return process.exitCode === undefined ? 0 : Number(process.exitCode)
}

/** Yes, unless the program or the user says no. */
function stopsGracefully(context: StreamingContext): boolean {
  const { conf } = context.sc
  const { stopGracefullyOnShutdown } = configEntries
  return !conf.has(stopGracefullyOnShutdown.key) || conf.get(stopGracefullyOnShutdown)
}

/** How the program ends. */
class Ending {
  private readonly progress = new StreamingProgress()
  private readonly startedAt = performance.now()
  private readonly deadlineMs: number | undefined
  private readonly contexts: StreamingContext[] = []
  private streamed = false
  private interrupts = 0
  private concluded = false
  private timer: NodeJS.Timeout | undefined

  constructor({ verbose, deadlineMs }: RunCommand) {
    this.deadlineMs = deadlineMs
    observeContexts(context => {
      this.streamed = true
      this.contexts.push(context)
      // With the log they are in there.
      if (!verbose)
        for (const guarantee of context.guarantees())
          process.stderr.write(`${describeGuarantee(guarantee)}\n`)
      context.addStreamingListener(this.progress)
    })
  }

  after(ms: number): void {
    // A program that has nothing left to do ends before.
    this.timer = setTimeout(() => void this.stop(), ms).unref()
  }

  interrupt(signal: keyof typeof EXIT_BY_SIGNAL): void {
    this.interrupts++
    if (this.interrupts > 1 || activeContexts().length === 0) process.exit(EXIT_BY_SIGNAL[signal])
    process.stderr.write(
      '\nstopping: what has been received is processed first (Ctrl-C again stops at once)\n',
    )
    void this.stop()
  }

  /** Stops every context, gracefully unless that is switched off, then says what was done. */
  private async stop(): Promise<void> {
    clearTimeout(this.timer)
    const { deadlineMs } = this
    const deadline = deadlineMs === undefined ? {} : { deadline: deadlineMs }
    const stops = activeContexts().map(async context => {
      const graceful = stopsGracefully(context)
      const report = await context.stop({ graceful, ...deadline, stopSparkContext: true })
      // Who switched that off wanted no more.
      if (graceful && report?.isComplete === false) process.exitCode ??= EXIT_NOT_ALL
    })
    const results = await Promise.allSettled(stops)
    for (const result of results) if (result.status === 'rejected') await this.fail(result.reason)
    this.conclude()
    // What did not end in time would keep the process for ever.
    if (process.exitCode === EXIT_NOT_ALL) setTimeout(() => process.exit(), LEFT_MS).unref()
  }

  async fail(error: unknown): Promise<void> {
    clearTimeout(this.timer)
    process.exitCode = EXIT_FAILED
    process.stderr.write(`${describeFailure(error)}\n`)
    await Promise.allSettled(activeContexts().map(context => context.stop({ stopSparkContext: true })))
    this.conclude()
  }

  /** Prints the summary once. */
  conclude(): void {
    clearTimeout(this.timer)
    if (this.concluded) return
    this.concluded = true
    // It was logged when it happened; nobody else has looked.
    if (this.contexts.some(({ unseenFailure }) => unseenFailure !== undefined)) process.exitCode = EXIT_FAILED
    if (this.streamed)
      process.stderr.write(summaryOf(this.progress.snapshot(), performance.now() - this.startedAt))
  }
}
