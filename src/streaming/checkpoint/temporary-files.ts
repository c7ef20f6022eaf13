/** Names of files that are being written, and whether those who write them still run. */
import { hostname } from 'node:os'
import type { CheckpointWriter } from './storage.ts'

/** `batches/7-1.plan` → `.7-1.plan.HOST-PID-N`: hidden, so that listings leave it out. */
export function temporaryName(base: string, { host, pid }: CheckpointWriter, n: number): string {
  return `.${base}.${host}-${pid}-${n}`
}

/** As `temporaryName` makes them; other hidden files are somebody else's. */
const TEMPORARY = /(?:^|\/)\.(?:manifest-\d+|\d+-\d+\.[a-z]+)\.(.+)-(\d+)-\d+$/

/** Who was writing a file that is not finished; `undefined` for all others. */
export function writerOfTemporary(file: string): CheckpointWriter | undefined {
  const match = TEMPORARY.exec(file)
  return match === null ? undefined : { host: match[1]!, pid: Number(match[2]) }
}

/** Whether it is a process of this machine. */
export function isHere({ host }: CheckpointWriter): boolean {
  return host === hostname()
}

/** Whether there is a process of a number on this machine. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // It is there, and belongs to another user.
    return (error as { readonly code?: unknown }).code === 'EPERM'
  }
}
