/** What follows `kindling checkpoint`, checked. */
import { parseArgs } from 'node:util'
import { confOf, UsageError } from '../usage.ts'

/** What to do with a checkpoint directory. */
export type CheckpointCommand =
  | { readonly action: 'help' }
  | { readonly action: 'show'; readonly directory: string; readonly json: boolean }
  | PlanCommand
  | ExportCommand
  | { readonly action: 'compact'; readonly directory: string; readonly force: boolean }

/** Compare a program with what is saved. */
export interface PlanCommand {
  readonly action: 'plan'
  readonly directory: string
  readonly file: string
  /** The program's own arguments. */
  readonly args: readonly string[]
  readonly master: string | undefined
  readonly conf: Readonly<Record<string, string>>
  readonly allowDrop: boolean
  readonly json: boolean
}

/** Write the state of an operator to a file. */
export interface ExportCommand {
  readonly action: 'export'
  readonly directory: string
  readonly operator: string
  readonly out: string
  /** In ms. */
  readonly at: number | undefined
  readonly format: 'ndjson' | 'parquet'
  /** Modules that register the classes of what is saved. */
  readonly imports: readonly string[]
}

const JSON_OPTION = { json: { type: 'boolean' } } as const
const OPTIONS = {
  show: JSON_OPTION,
  plan: {
    ...JSON_OPTION,
    master: { type: 'string' },
    conf: { type: 'string', multiple: true },
    'allow-drop': { type: 'boolean' },
  },
  export: {
    out: { type: 'string' },
    at: { type: 'string' },
    format: { type: 'string' },
    import: { type: 'string', multiple: true },
  },
  compact: { force: { type: 'boolean' } },
} as const

const USAGE: Readonly<Record<keyof typeof OPTIONS, string>> = {
  show: 'kindling checkpoint show DIR [--json]',
  plan: 'kindling checkpoint plan DIR APP.ts [--allow-drop] [--json] [-- arguments]',
  export: 'kindling checkpoint export DIR OPERATOR --out FILE [--at TIME] [--format ndjson|parquet]',
  compact: 'kindling checkpoint compact DIR [--force]',
}

/** @throws UsageError */
export function parseCheckpoint(args: readonly string[]): CheckpointCommand {
  const [action, ...rest] = args
  // What follows `--` is the program's.
  const end = rest.indexOf('--')
  const own = end < 0 ? rest : rest.slice(0, end)
  const asksForHelp = (arg: string | undefined): boolean => arg === '--help' || arg === '-h'
  if (action === undefined || action === 'help' || asksForHelp(action) || own.some(asksForHelp))
    return { action: 'help' }
  switch (action) {
    case 'show': {
      const { places, values } = parsed('show', own, 1)
      return { action, directory: places[0]!, json: values.json === true }
    }
    case 'plan': {
      const { places, values } = parsed('plan', own, 2)
      return {
        ...{ action, directory: places[0]!, file: places[1]!, master: values.master },
        args: end < 0 ? [] : rest.slice(end + 1),
        conf: confOf(values.conf ?? []),
        allowDrop: values['allow-drop'] === true,
        json: values.json === true,
      }
    }
    case 'export': {
      const { places, values } = parsed('export', own, 2)
      if (values.out === undefined) throw new UsageError(`export needs --out FILE: ${USAGE.export}`)
      return {
        ...{ action, directory: places[0]!, operator: places[1]!, out: values.out },
        at: values.at === undefined ? undefined : timeOf(values.at),
        format: formatOf(values.format, values.out),
        imports: values.import ?? [],
      }
    }
    case 'compact': {
      const { places, values } = parsed('compact', own, 1)
      return { action, directory: places[0]!, force: values.force === true }
    }
    default:
      throw new UsageError(
        `There is no command "checkpoint ${action}". The commands are: ${Object.keys(OPTIONS).join(', ')}.`,
      )
  }
}

function parsed<A extends keyof typeof OPTIONS>(action: A, args: readonly string[], count: number) {
  let result: ReturnType<typeof parseArgs<{ options: (typeof OPTIONS)[A]; allowPositionals: true }>>
  try {
    result = parseArgs({ args: [...args], options: OPTIONS[action], allowPositionals: true })
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n${USAGE[action]}`)
  }
  const { positionals: places, values } = result
  if (places.length !== count)
    throw new UsageError(
      `checkpoint ${action} needs ${count === 1 ? 'a directory' : 'two names'}, but got ${places.length}: ${USAGE[action]}`,
    )
  return { places, values }
}

function timeOf(text: string): number {
  const ms = /^\d+$/.test(text) ? Number(text) : Date.parse(text)
  if (Number.isSafeInteger(ms)) return ms
  throw new UsageError(`--at needs a time in ms, or one such as 2026-03-01T12:00:00Z, but got "${text}".`)
}

function formatOf(format: string | undefined, out: string): ExportCommand['format'] {
  if (format === 'ndjson' || format === 'parquet') return format
  if (format !== undefined) throw new UsageError(`--format is ndjson or parquet, but got "${format}".`)
  return out.endsWith('.parquet') ? 'parquet' : 'ndjson'
}
