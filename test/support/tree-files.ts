/** The disk of a simulated machine as a file system that takes no time. */
import { isMissing, type OutputFile, type OutputFiles } from '../../src/rdd/sink/output-files.ts'
import type { FileTree, SimulatedFile } from '../../src/testing/simulation/file-tree.ts'

export function treeFiles(tree: FileTree): OutputFiles {
  const opened = (file: SimulatedFile): OutputFile => ({
    async write(bytes) {
      file.bytes = new Uint8Array([...file.bytes, ...bytes])
    },
    async sync() {
      file.synced = file.bytes
    },
    async close() {},
  })
  const orNone = <R, N>(run: () => R, none: N): R | N => {
    try {
      return run()
    } catch (error) {
      if (isMissing(error)) return none
      throw error
    }
  }
  return {
    makeDirectory: async path => tree.makeDirectory(path),
    create: async path => opened(tree.create(path, false)),
    createNew: async path => opened(tree.create(path, true)),
    append: async path => opened(tree.file(path)),
    async write(path, text) {
      const file = tree.create(path, false)
      file.bytes = new Uint8Array(Buffer.from(text))
      file.synced = file.bytes
    },
    read: async path => orNone(() => tree.file(path).bytes, undefined),
    exists: async path => tree.exists(path),
    list: async path => orNone(() => tree.list(path), []),
    link: async (from, to) => tree.link(from, to),
    rename: async (from, to) => tree.rename(from, to),
    remove: async path => tree.remove(path),
    removeEmpty: async path => tree.removeEmpty(path),
    sync: async path => tree.sync(path),
  }
}
