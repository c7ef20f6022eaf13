/** A storage that is there as long as the test, and takes no time. */
import type { FileStorage } from '../../src/rdd/sink/file-storage.ts'
import { namesIn } from '../../src/testing/simulation/disk.ts'

export function memoryStorage(): FileStorage {
  const files = new Map<string, Uint8Array>()
  return {
    name: 'memory',
    async createIfAbsent(file, bytes) {
      if (files.has(file)) return false
      files.set(file, bytes)
      return true
    },
    async write(file, bytes) {
      files.set(file, bytes)
    },
    read: async file => files.get(file),
    list: async folder => namesIn(files.keys(), folder),
    async delete(file) {
      files.delete(file)
    },
  }
}
