/** A disk of a few megabytes that a test can fill: a file system in memory, mounted where a server keeps its files. */
import { execFileSync } from 'node:child_process'
import { chownSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs'
import { open, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

const PIECE = Buffer.alloc(1 << 16, 1)

/** See the file head. Dispose of it once nobody has files open there. */
export class SmallDisk implements AsyncDisposable {
  readonly folder: string
  private readonly ballast: string

  /** @param folder that is there, and that nothing may be in; where `owner` is a user's id, it is theirs */
  constructor(
    folder: string,
    { bytes, owner }: { readonly bytes: number; readonly owner?: number | undefined },
  ) {
    this.folder = folder
    this.ballast = join(folder, 'ballast')
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder], { stdio: 'pipe' })
    if (owner !== undefined) chownSync(folder, owner, owner)
  }

  /** Takes all the room that there is. */
  async fill(): Promise<void> {
    const file = await open(this.ballast, 'a')
    try {
      for (let size = PIECE.length; size > 0; ) {
        const isWritten = await file.write(PIECE.subarray(0, size)).then(
          ({ bytesWritten }) => bytesWritten > 0,
          () => false,
        )
        if (!isWritten) size >>= 1
      }
    } finally {
      await file.close()
    }
    const { bavail } = await statfs(this.folder)
    if (bavail > 0) throw new Error(`${this.folder} is not full`)
  }

  /** Gives it back. */
  free(): void {
    rmSync(this.ballast)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Lazily: a server that has just been ended may not be gone from it.
    execFileSync('umount', ['-l', this.folder], { stdio: 'pipe' })
  }
}

/** Runs a test on a small disk of its own; where there is none it is skipped, and says why. */
export async function onSmallDisk(
  test: TestContext,
  body: (disk: SmallDisk) => Promise<void>,
): Promise<void> {
  if (noSmallDisks !== false) {
    test.skip(noSmallDisks)
    return
  }
  const folder = mkdtempSync(join(tmpdir(), 'kindling-full-'))
  try {
    await using disk = new SmallDisk(folder, { bytes: 512 * 1024 })
    await body(disk)
  } finally {
    rmdirSync(folder)
  }
}

/** Why there are no such disks here; false where there are. */
export const noSmallDisks: string | false = whyNone()

function whyNone(): string | false {
  const folder = mkdtempSync(join(tmpdir(), 'kindling-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4096', 'tmpfs', folder], { stdio: 'pipe' })
    execFileSync('umount', [folder], { stdio: 'pipe' })
    return false
  } catch {
    return 'no disk can be mounted here: on Linux that takes root, and the right to mount'
  } finally {
    rmdirSync(folder)
  }
}
