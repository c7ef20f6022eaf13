/** File systems under output, in which every step is a place for a fault: before it, after it, or with half of it done. */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { FileStorage } from '../../src/rdd/sink/file-storage.ts'
import { localOutputFiles, type OutputFiles } from '../../src/rdd/sink/output-files.ts'
import { LocalStorage } from '../../src/streaming/checkpoint/local-storage.ts'
import type { StreamTest } from '../../src/testing/stream-test.ts'

/** Steps that change something, in order, of all lives. */
export type Steps = string[]

type Step = <R>(name: string, run: () => Promise<R>, half?: () => void) => Promise<R>

function stepper(t: StreamTest, steps: Steps): Step {
  const arrive = t.places()
  return async (name, run, half) => {
    await arrive('file', `${name} before`)
    await arrive('file', `${name} half`, half)
    const result = await run()
    steps.push(name)
    await arrive('file', `${name} after`)
    return result
  }
}

/** The local file system. Called in `build`. */
export function faultyFiles(t: StreamTest, steps: Steps): OutputFiles {
  const files = localOutputFiles
  const step = stepper(t, steps)
  return {
    ...files,
    makeDirectory: path => step('make', () => files.makeDirectory(path)),
    write: (path, text) =>
      step(
        'success',
        () => files.write(path, text),
        () => appendFileSync(path, text.slice(0, 3)),
      ),
    rename: (from, to) => step(`rename ${to}`, () => files.rename(from, to)),
    remove: path => step('remove', () => files.remove(path)),
    // Nothing stays open: whoever dies closes nothing.
    async create(path) {
      await step('create', async () => writeFileSync(path, ''))
      return {
        write: bytes =>
          step(
            'write',
            () => appendFile(path, bytes),
            () => appendFileSync(path, bytes.subarray(0, 1)),
          ),
        // Whether the machine would survive is not what is tested.
        sync: async () => {},
        close: async () => {},
      }
    },
    sync: async () => {},
  }
}

/** A storage without a rename. Called in `build`. */
export function faultyStorage(t: StreamTest, directory: string, steps: Steps): FileStorage {
  const files = new LocalStorage(directory, { durable: false })
  const step = stepper(t, steps)
  return {
    name: files.name,
    createIfAbsent: (file, bytes) => step(`create ${file}`, () => files.createIfAbsent(file, bytes)),
    write: (file, bytes) =>
      step(
        'write',
        () => files.write(file, bytes),
        () => {
          const path = `${directory}/${file}`
          mkdirSync(dirname(path), { recursive: true })
          appendFileSync(path, bytes.subarray(0, bytes.length >> 1))
        },
      ),
    read: file => files.read(file),
    list: folder => files.list(folder),
    delete: file => step('delete', () => files.delete(file)),
  }
}
