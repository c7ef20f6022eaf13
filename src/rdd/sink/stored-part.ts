/** A partition as whole files of a storage. */
import { type FileFormatOptions, fileFormat } from './file-format.ts'
import type { FileStorage } from './file-storage.ts'
import type { SinkWriter } from './sink.ts'

/** Bytes after which a file is full, unless a sink is told otherwise. */
export const MAX_FILE_BYTES: number = 64 * 1024 * 1024

/** A file that was written. */
export interface StoredFile {
  /** Its name in the folder. */
  readonly file: string
  readonly bytes: number
}

/** What a writer tells. */
export type StoredFiles = readonly StoredFile[]

/** Where a partition goes: data, so that it travels to tasks. */
export interface StoredPartOptions {
  readonly storage: FileStorage
  readonly format: FileFormatOptions
  readonly maxFileBytes: number
  /** '' for the uppermost. */
  readonly folder: string
  /** @param n from 0 @param suffix of the format */
  nameOf(n: number, suffix: string): string
}

/** Gathers a file and writes it whole; a new one begins after the records with which it is full. */
export function storedPartWriter<T>(parts: StoredPartOptions): SinkWriter<T, StoredFiles> {
  const { storage, maxFileBytes, folder, nameOf } = parts
  const { open, suffix, leavesOutEmpty = false } = fileFormat(parts.format)
  const pathOf = (file: string): string => (folder === '' ? file : `${folder}/${file}`)
  const written: StoredFile[] = []
  let pieces: Uint8Array[] = []
  let bytes = 0
  const begin = () =>
    open(async piece => {
      pieces.push(piece)
      bytes += piece.length
    })
  let encoder = begin()
  const finish = async (): Promise<void> => {
    await encoder.end()
    if (pieces.length === 0 && (leavesOutEmpty || written.length > 0)) return
    const file = nameOf(written.length, suffix)
    written.push({ file, bytes })
    await storage.write(pathOf(file), Buffer.concat(pieces))
    pieces = []
    bytes = 0
  }
  return {
    async write(records) {
      await encoder.add(records)
      if (bytes < maxFileBytes) return
      await finish()
      encoder = begin()
    },
    async prepare() {
      await finish()
      return written
    },
    async abort() {
      for (const { file } of written) await storage.delete(pathOf(file))
    },
  }
}
