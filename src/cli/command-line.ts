/** What the user typed, checked. */
import { parseArgs } from 'node:util'
import { KindlingError } from '../base/errors.ts'
import { toDuration } from '../base/time.ts'
import { type CheckpointCommand, parseCheckpoint } from './checkpoint/command.ts'
import { confOf, UsageError } from './usage.ts'

/** A program to run, and how. */
export interface RunCommand {
  readonly name: 'run'
  readonly file: string
  /** What follows the file: the program's own arguments. */
  readonly args: readonly string[]
  readonly master: string | undefined
  readonly conf: Readonly<Record<string, string>>
  /** Stop gracefully after so many ms. */
  readonly forMs: number | undefined
  /** What a graceful stop may take; by default what the settings say. */
  readonly deadlineMs: number | undefined
  readonly verbose: boolean
}

/** What to do. */
export type Command =
  | RunCommand
  | { readonly name: 'help' }
  | { readonly name: 'version' }
  | { readonly name: 'doctor' }
  | { readonly name: 'checkpoint'; readonly command: CheckpointCommand }

const OPTIONS = {
  master: { type: 'string' },
  conf: { type: 'string', multiple: true },
  for: { type: 'string' },
  deadline: { type: 'string' },
  verbose: { type: 'boolean', short: 'v' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const

/** @throws UsageError */
export function parseCommandLine(args: readonly string[]): Command {
  const [name, ...rest] = args
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') return { name: 'help' }
  if (name === '--version') return { name: 'version' }
  if (name === 'doctor') return { name: 'doctor' }
  if (name === 'checkpoint') return { name, command: parseCheckpoint(rest) }
  if (name !== 'run')
    throw new UsageError(`There is no command "${name}". The commands are: run, checkpoint, doctor, help.`)
  return parseRun(rest)
}

function parseRun(args: readonly string[]): Command {
  // Options before the file are ours, what follows it is the program's, so that both may use the same names.
  const at = fileIndex(args)
  let parsed: ReturnType<typeof parseOptions>
  try {
    parsed = parseOptions(args.slice(0, at))
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
  if (parsed.help === true) return { name: 'help' }
  const file = args[at]
  if (file === undefined) throw new UsageError('kindling run needs a program: kindling run app.ts')
  return {
    name: 'run',
    file,
    args: args.slice(at + 1),
    master: parsed.master,
    conf: confOf(parsed.conf ?? []),
    forMs: parsed.for === undefined ? undefined : durationOf('--for', parsed.for),
    deadlineMs: parsed.deadline === undefined ? undefined : durationOf('--deadline', parsed.deadline),
    verbose: parsed.verbose === true,
  }
}

function parseOptions(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, strict: true }).values
}

/** The first argument that is neither an option nor an option's value. */
function fileIndex(args: readonly string[]): number {
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!
    if (!arg.startsWith('-')) return i
    const name = arg.replace(/^--?/, '')
    const takesValue = Object.hasOwn(OPTIONS, name) && OPTIONS[name as keyof typeof OPTIONS].type === 'string'
    if (takesValue) i++
  }
  return args.length
}

function durationOf(option: string, text: string): number {
  try {
    return toDuration(text as '1s', option).milliseconds
  } catch (error) {
    if (error instanceof KindlingError) throw new UsageError(error.message)
    throw error
  }
}
