/** Programs that are run to their end, such as Maven, and where programs are. */
import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Longer than any download takes that will still come. */
const LIMIT_MS = 10 * 60_000
const TAIL_CHARS = 2000

/** What a command may be given. */
export interface CommandOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly user?: number | undefined
}

/** What it wrote to its standard output. @throws Error with the end of all that it wrote, unless it ended well */
export function run(command: string, args: readonly string[], opts: CommandOptions = {}): Promise<string> {
  const child = spawn(command, args, {
    ...(opts.cwd === undefined ? {} : { cwd: opts.cwd }),
    ...(opts.user === undefined ? {} : { uid: opts.user, gid: opts.user }),
    env: { ...process.env, ...opts.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
  })
  const out: Buffer[] = []
  const all: Buffer[] = []
  child.stdout.on('data', bytes => {
    out.push(bytes)
    all.push(bytes)
  })
  child.stderr.on('data', bytes => all.push(bytes))
  return new Promise((resolve, reject) => {
    child.on('error', error => reject(new Error(`${command} could not be run: ${error.message}`)))
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(Buffer.concat(out).toString())
      const text = Buffer.concat(all).toString().trim().slice(-TAIL_CHARS)
      reject(new Error(`${[command, ...args].join(' ')} ended with ${signal ?? code}:\n${text}`))
    })
  })
}

/** The file of a program on PATH. */
export function find(program: string): string | undefined {
  for (const place of (process.env['PATH'] ?? '').split(delimiter)) {
    const file = join(place, program)
    try {
      accessSync(file, constants.X_OK)
      return file
    } catch {
      // Not there: the next place.
    }
  }
  return undefined
}

/** @throws Error that says what to install */
export function findOrFail(program: string, install: string): string {
  const file = find(program)
  if (file === undefined) throw new Error(`there is no ${program} on PATH; install ${install}`)
  return file
}
