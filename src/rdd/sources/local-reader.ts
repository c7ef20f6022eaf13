/** Files of this machine, read as those of other places are. */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { KindlingError } from '../../base/errors.ts'
import { notReadable } from './file-listing.ts'
import type { RemoteReader } from './remote-files.ts'

/** @throws INPUT_NOT_READABLE (from its methods) */
export function localReader(): RemoteReader {
  return { stream, read }
}

async function* stream(path: string, offset: number): AsyncGenerator<Uint8Array, undefined> {
  try {
    yield* createReadStream(path, { start: offset })
  } catch (error) {
    throw notReadable(path, error)
  }
  return undefined
}

async function read(path: string, offset: number, length: number): Promise<Uint8Array> {
  try {
    await using file = await open(path, 'r')
    const bytes = Buffer.allocUnsafe(length)
    for (let have = 0; have < length; ) {
      const { bytesRead } = await file.read(bytes, have, length - have, offset + have)
      if (bytesRead === 0) {
        const reason = `it is shorter than ${offset + length} bytes`
        throw new KindlingError('INPUT_NOT_READABLE', { path, reason })
      }
      have += bytesRead
    }
    return bytes
  } catch (error) {
    throw error instanceof KindlingError ? error : notReadable(path, error)
  }
}
