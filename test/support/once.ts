/** Something that happens once in all threads and processes: the name of a folder that nobody has made yet. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'

/** Whether this is the first call with this path, of any thread. */
export function isFirst(path: string): boolean {
  try {
    mkdirSync(path)
    return true
  } catch {
    return false
  }
}

/** Gives a new path at each call; what lies there goes when the tests have ended. */
export function freshPaths(): () => string {
  const root = mkdtempSync(join(tmpdir(), 'kindling-once-'))
  after(() => rmSync(root, { recursive: true, force: true }))
  let n = 0
  return () => join(root, String(n++))
}
