/** A real file system that is small: for tests that fill a disk. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** See the file head. */
export interface SmallDisk {
  readonly dir: string
  /** Takes all space that is left. */
  fill(): void
  /** Gives it back. */
  free(): void
}

/** Runs a test on a small file system of its own. Where none may be mounted (it takes Linux and root) it is skipped, and says why. */
export async function onSmallDisk(
  test: TestContext,
  body: (disk: SmallDisk) => Promise<void>,
): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'kindling-full-'))
  const { status, stderr, error } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', dir], {
    encoding: 'utf8',
  })
  if (status !== 0) {
    rmSync(dir, { recursive: true })
    test.skip(`no file system can be mounted here: ${error?.message ?? stderr.trim()}`)
    return
  }
  const filler = join(dir, 'fill')
  try {
    await body({
      dir,
      fill() {
        const { bavail, bsize } = statfsSync(dir)
        writeFileSync(filler, new Uint8Array(bavail * bsize))
      },
      free: () => rmSync(filler),
    })
  } finally {
    spawnSync('umount', ['-l', dir])
    rmSync(dir, { recursive: true, force: true })
  }
}
