/** Files in memory as a place, in pieces of a length; also for workers. */
import type { RemoteFile, RemoteFiles, RemoteReader } from '../../src/rdd/sources/remote-files.ts'

export function placeOf(
  files: Readonly<Record<string, Uint8Array>>,
  pieceBytes: number = 1 << 16,
): RemoteFiles {
  const found = (path: string): RemoteFile => ({ path, bytes: files[path]!.length, modified: 1 })
  return {
    name: 'place',
    list: async folder => Object.keys(files).map(path => path.slice(folder.length + 1)),
    listFiles: async folder => {
      const inside = Object.keys(files).filter(path => path.startsWith(`${folder}/`))
      return inside.length === 0 ? undefined : inside.map(found)
    },
    findFile: async path => (Object.hasOwn(files, path) ? found(path) : undefined),
    reader: () => readerOf(files, pieceBytes),
  }
}

function readerOf(files: Readonly<Record<string, Uint8Array>>, pieceBytes: number): RemoteReader {
  return {
    read: async (path, offset, length) => files[path]!.subarray(offset, offset + length),
    async *stream(path, offset) {
      const bytes = files[path]!
      for (let at = offset; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes)
    },
  }
}
