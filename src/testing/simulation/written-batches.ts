/** What a reader finds of the batches that a file sink has written: whole ones. */
import { basename, dirname } from 'node:path'
import { KindlingError } from '../../base/errors.ts'

/** Somewhere to read from, at once. */
export interface Readable {
  list(folder: string): readonly string[]
  /** `undefined` when there is none. */
  read(file: string): Uint8Array | undefined
}

/** The lines of each whole batch below a prefix, by batch time. */
export function writtenBatches(from: Readable, prefix: string): Map<number, string[]> {
  const found = new Map<number, string[]>()
  const folder = dirname(prefix)
  for (const name of from.list(folder)) {
    const time = Number(name.slice(basename(prefix).length + 1))
    if (!name.startsWith(`${basename(prefix)}-`) || !Number.isSafeInteger(time)) continue
    const path = folder === '.' ? name : `${folder}/${name}`
    const success = from.read(`${path}/_SUCCESS`)
    if (success === undefined) continue
    const { files } = JSON.parse(Buffer.from(success).toString()) as { readonly files: readonly string[] }
    const texts = files.map(file => {
      const bytes = from.read(`${path}/${file}`)
      if (bytes === undefined)
        throw new KindlingError('FILE_DAMAGED', { path: `${path}/${file}`, reason: 'it is missing' })
      return Buffer.from(bytes).toString()
    })
    found.set(
      time,
      texts.flatMap(text => text.split('\n').filter(line => line !== '')),
    )
  }
  return new Map([...found].sort(([a], [b]) => a - b))
}
