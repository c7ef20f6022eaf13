/**
 * S3 (moto) and Azure (Azurite) by `opendal`: 64 MiB of text.
 *
 * write   `fileSink` over `ObjectStore` beside one `write` of the library, in parts of 8 MiB, four at once, as the sink does it; the lines
 *         are made, joined and encoded by both.
 * read    `sc.filesIn(store).textFile` beside one `read` of the library, which holds the whole object, cut into lines a MiB at a time.
 */

import { fileSink, SparkContext } from 'kindling'
import { ObjectStore, type ObjectStoreOptions } from 'kindling/connectors/object-store'
import { Operator } from 'opendal'
import { settingsOf } from '../../src/connectors/object-store/options.ts'
import { stores } from '../../test/integration/object-store/stores.ts'
import type { Benchmark, Comparison } from './harness.ts'
import { joined, LINES, LineLengths, lineOf, TEXT_BYTES, TEXT_LENGTH } from './text.ts'

const PART_BYTES = 8n << 20n
const PARTS_AT_ONCE = 4
const PIECE_BYTES = 1 << 20

/** See the file head. */
export const s3Write: Benchmark = master => write('S3 (moto)', master)
/** See the file head. */
export const s3Read: Benchmark = master => read('S3 (moto)', master)
/** See the file head. */
export const azureWrite: Benchmark = master => write('Azure (Azurite)', master)
/** See the file head. */
export const azureRead: Benchmark = master => read('Azure (Azurite)', master)

async function write(name: string, master: string): Promise<Comparison> {
  const { options, operator } = await opened(name)
  const store = new ObjectStore(options)
  const sc = new SparkContext({ master })
  const sink = fileSink<string>('ours', { storage: store, format: 'text' })
  const bytesIn = async (folder: string): Promise<number> => {
    const files = (await store.listFiles(folder)) ?? []
    return files.reduce((sum, { path, bytes }) => sum + (/_SUCCESS$/.test(path) ? 0 : bytes), 0)
  }
  return {
    work: '64 MiB of lines',
    expected: TEXT_BYTES,
    ours: {
      run: time => sc.range(LINES).map(lineOf).writeTo(sink, { id: 'text', time }),
      found: round => bytesIn(`ours-${round}`),
    },
    bare: {
      run: round =>
        operator.write(`bare-${round}/part`, joined(), { chunk: PART_BYTES, concurrent: PARTS_AT_ONCE }),
      found: round => bytesIn(`bare-${round}`),
    },
    [Symbol.asyncDispose]: () => sc.stop(),
  }
}

async function read(name: string, master: string): Promise<Comparison> {
  const { options, operator } = await opened(name)
  const store = new ObjectStore(options)
  await store.write('text', joined())
  const sc = new SparkContext({ master })
  return {
    work: '64 MiB of lines',
    expected: TEXT_LENGTH,
    ours: {
      async run() {
        const lines = await sc.filesIn(store).textFile('text')
        return lines.map(line => line.length).fold(0, (a, b) => a + b)
      },
    },
    bare: {
      async run() {
        const lengths = new LineLengths()
        const bytes = await operator.read('text')
        for (let at = 0; at < bytes.length; at += PIECE_BYTES)
          lengths.add(bytes.subarray(at, at + PIECE_BYTES))
        return lengths.sum
      },
    },
    [Symbol.asyncDispose]: () => sc.stop(),
  }
}

async function opened(
  name: string,
): Promise<{ readonly options: ObjectStoreOptions; readonly operator: Operator }> {
  const store = stores.find(one => one.name === name)!
  if (store.skip !== false) throw new Error(store.skip)
  const options = await store.fresh()
  const { scheme, settings } = settingsOf(options)
  return { options, operator: new Operator(scheme, settings) }
}
