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
/** What shells give for a program ended by Ctrl-C. */
const EXIT_INTERRUPTED = 130

/** The exit code: 0, or 1 when the program failed, or 130 after a second Ctrl-C. */
export async function run(command: RunCommand): Promise<number> {
  const file = resolve(command.file)
  if (!existsSync(file)) throw new UsageError(`There is no file ${command.file}.`)
  const { master, conf } = command
  const logger = consoleLogger(command.verbose ? 'info' : 'warn')
  const ownsSignals = true
  setProcessDefaults(
    master === undefined ? { conf, logger, ownsSignals } : { master, conf, logger, ownsSignals },
  )
  const ending = new Ending(command.verbose)
  process.argv = [process.argv[0]!, file, ...command.args]
  process.on('SIGINT', () => ending.interrupt())
  process.on('SIGTERM', () => ending.interrupt())
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
  private streamed = false
  private interrupts = 0
  private concluded = false
  private timer: NodeJS.Timeout | undefined

  constructor(isVerbose: boolean) {
    observeContexts(context => {
      this.streamed = true
      // With the log they are in there.
      if (!isVerbose)
        for (const guarantee of context.guarantees())
          process.stderr.write(`${describeGuarantee(guarantee)}\n`)
      context.addStreamingListener(this.progress)
    })
  }

  after(ms: number): void {
    // A program that has nothing left to do ends before.
    this.timer = setTimeout(() => void this.stop(), ms).unref()
  }

  interrupt(): void {
    this.interrupts++
    if (this.interrupts > 1 || activeContexts().length === 0) process.exit(EXIT_INTERRUPTED)
    process.stderr.write(
      '\nstopping: what has been received is processed first (Ctrl-C again stops at once)\n',
    )
    void this.stop()
  }

  /** Stops every context, gracefully unless that is switched off, then says what was done. */
  private async stop(): Promise<void> {
    clearTimeout(this.timer)
    const stops = activeContexts().map(context =>
      context.stop({ graceful: stopsGracefully(context), stopSparkContext: true }),
    )
    const results = await Promise.allSettled(stops)
    for (const result of results) if (result.status === 'rejected') await this.fail(result.reason)
    this.conclude()
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
    if (this.streamed)
      process.stderr.write(summaryOf(this.progress.snapshot(), performance.now() - this.startedAt))
  }
}
