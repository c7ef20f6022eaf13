/** What a format writes as a file. */
import { type FileFormatOptions, fileFormat } from '../../src/rdd/sink/file-format.ts'

export async function bytesOf(records: readonly unknown[], options: FileFormatOptions): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  const encoder = fileFormat(options).open(async bytes => pieces.push(Uint8Array.from(bytes)))
  await encoder.add(records)
  await encoder.end()
  return Buffer.concat(pieces)
}
