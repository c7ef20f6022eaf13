/** Processes that outlive the one that started them. They are known by id and time of start, since ids are used again. */
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** A process, also after its id went to another. */
export interface ProcessId {
  readonly pid: number
  readonly started: string
}

/** How a process is started. */
export interface Detached {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly user?: number | undefined
  readonly folder: string
  /** What it writes is added to this file. */
  readonly log: string
}

/** @throws Error when the program cannot be run */
export async function startDetached({ command, args, env, user, folder, log }: Detached): Promise<ProcessId> {
  const out = openSync(log, 'a')
  const child = spawn(command, args, {
    cwd: folder,
    ...(user === undefined ? {} : { uid: user, gid: user }),
    env: { ...process.env, ...env },
    stdio: ['ignore', out, out],
    detached: true,
  })
  closeSync(out)
  await new Promise<void>((resolve, reject) => {
    child.on('spawn', resolve)
    child.on('error', error => reject(new Error(`${command} could not be run: ${error.message}`)))
  })
  child.unref()
  return { pid: child.pid!, started: startTime(child.pid!) ?? '' }
}

/** Whether it still runs. A process that has ended and that nobody has asked about counts as ended. */
export function isRunning(id: ProcessId): boolean {
  return startTime(id.pid) === id.started && id.started !== ''
}

/** Ends a process and resolves when it is gone. Nothing happens to another one that has its id now. */
export async function end(
  id: ProcessId,
  {
    signal = 'SIGTERM',
    limitMs = 20_000,
  }: { readonly signal?: NodeJS.Signals; readonly limitMs?: number } = {},
): Promise<void> {
  if (!isRunning(id)) return
  process.kill(id.pid, signal)
  const gone = await within(limitMs, async () => !isRunning(id))
  if (gone) return
  if (signal === 'SIGKILL') throw new Error(`process ${id.pid} does not end`)
  await end(id, { signal: 'SIGKILL', limitMs })
}

/** Asks until the answer is yes, or the time is over: then false. */
export async function within(limitMs: number, holds: () => Promise<boolean>): Promise<boolean> {
  const until = performance.now() + limitMs
  for (let pause = 10; ; pause = Math.min(pause * 1.5, 200)) {
    if (await holds()) return true
    if (performance.now() > until) return false
    await sleep(pause)
  }
}

/** In the system's own words; `undefined` when there is no such process. */
function startTime(pid: number): string | undefined {
  try {
    if (process.platform !== 'linux')
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim()
    // pid (name) state ppid … with the start as the 22nd; the name may hold anything but ends with the last parenthesis.
    const [state, ...rest] = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)!.split(' ')
    return state === 'Z' ? undefined : rest[18]
  } catch {
    return undefined // There is none.
  }
}
