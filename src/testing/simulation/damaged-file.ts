/** What may become of a file of a task: those for what does not fit into memory are real ones, in a folder of the machine that runs the test. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { Random } from '../../base/random.ts'

/** Cuts a file off, changes a byte of it, or removes it. It must be there. */
export function damageFile(path: string, random: Random): void {
  const bytes = readFileSync(path)
  const kind = random.int(3)
  // Drawn in any case, so that what comes after it is the same.
  const at = random.int(Math.max(1, bytes.length))
  if (kind === 0 || bytes.length === 0) {
    rmSync(path)
    return
  }
  if (kind === 1) {
    writeFileSync(path, bytes.subarray(0, at))
    return
  }
  bytes[at] = bytes[at]! ^ 0xff
  writeFileSync(path, bytes)
}
