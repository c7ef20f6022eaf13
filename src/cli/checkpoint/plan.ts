/**
 * `kindling checkpoint plan`: what a changed program would make of what is saved.
 *
 * The program is loaded as `kindling run` does it, but its `start()` gives its streams to the planner instead of starting them, and
 * then the process ends, whatever else the program has begun.
 */
import { existsSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { configEntries } from '../../base/config.ts'
import { KindlingError } from '../../base/errors.ts'
import { consoleLogger } from '../../base/logger.ts'
import { setProcessDefaults } from '../../context/defaults.ts'
import { describeScope } from '../../rdd/scope.ts'
import type { LocalStorage } from '../../streaming/checkpoint/local-storage.ts'
import { droppedBy, planRestart } from '../../streaming/checkpoint/plan.ts'
import { openExisting } from '../../streaming/checkpoint/stored-files.ts'
import { type DefinedProgram, interceptStarts } from '../../streaming/intercepted-start.ts'
import { describeFailure } from '../failure.ts'
import { UsageError } from '../usage.ts'
import type { PlanCommand } from './command.ts'
import { drawPlan } from './draw-plan.ts'

const EXIT_FAILED = 1
/** Something would be dropped, or the program is refused. */
const EXIT_NOT_ALL = 3

/** Ends the process, unless there is nothing to plan. @throws CHECKPOINT_NOT_FOUND; UsageError */
export async function plan(command: PlanCommand): Promise<number> {
  const storage = await openExisting(command.directory)
  const file = resolve(command.file)
  if (!existsSync(file)) throw new UsageError(`There is no file ${command.file}.`)
  try {
    const program = await definedBy(file, command)
    const { text, code } = await planned(command, storage, program)
    return await end(process.stdout, text, code)
  } catch (error) {
    return await end(process.stderr, `${describeFailure(error)}\n`, EXIT_FAILED)
  }
}

/** Loads the program up to its first start. @throws PLAN_INTERRUPTED; what the program throws */
async function definedBy(file: string, { master, conf, args }: PlanCommand): Promise<DefinedProgram> {
  const interrupted = (reason: string): KindlingError =>
    new KindlingError('PLAN_INTERRUPTED', { file: basename(file), reason })
  const started = Promise.withResolvers<DefinedProgram>()
  const refuseJob: Parameters<typeof setProcessDefaults>[0]['refuseJob'] = action => {
    const error = interrupted(`it runs a job before start(): ${describeScope(action)}`)
    // The program may well catch it; there is nothing to plan all the same.
    started.reject(error)
    return error
  }
  const logger = consoleLogger('error')
  setProcessDefaults({
    ...(master === undefined ? {} : { master }),
    ...{ conf, logger, ownsSignals: true, refuseJob },
  })
  interceptStarts(program => started.resolve(program))
  process.argv = [process.argv[0]!, file, ...args]
  process.on('uncaughtException', started.reject)
  process.on('unhandledRejection', started.reject)
  process.once('beforeExit', () => started.reject(interrupted('it ends without start()')))
  import(pathToFileURL(file).href).catch(started.reject)
  try {
    return await started.promise
  } finally {
    // What the program does from here on is nobody's concern.
    process.removeAllListeners('uncaughtException').on('uncaughtException', () => {})
    process.removeAllListeners('unhandledRejection').on('unhandledRejection', () => {})
  }
}

async function planned(
  { allowDrop, json }: PlanCommand,
  storage: LocalStorage,
  program: DefinedProgram,
): Promise<{ readonly text: string; readonly code: number }> {
  const { graph, batchDuration, sc } = program
  const plan = await planRestart({ storage, graph, batchMs: batchDuration.milliseconds })
  const mayDrop = allowDrop || sc.conf.get(configEntries.checkpointAllowDrop)
  const drops = droppedBy(plan).length > 0
  const isRefused = plan.refused.length > 0 || (drops && !mayDrop)
  const own = program.storage?.name
  const notes = [
    ...(own === undefined ? ['The program itself sets no checkpoint directory.'] : []),
    ...(own === undefined || own === storage.name ? [] : [`The program itself saves in ${own}.`]),
    ...(plan.refused.length > 0 && program.createOnError
      ? ['With createOnError it begins anew where saved data cannot be read.']
      : []),
  ]
  const text = json
    ? `${JSON.stringify({ ...plan, isRefused }, null, 2)}\n`
    : drawPlan(plan, { mayDrop, notes })
  return { text, code: isRefused || drops ? EXIT_NOT_ALL : 0 }
}

/** Whatever the program has begun ends with the process. */
function end(stream: NodeJS.WriteStream, text: string, code: number): Promise<never> {
  return new Promise(() => {
    stream.write(text, () => process.exit(code))
  })
}
