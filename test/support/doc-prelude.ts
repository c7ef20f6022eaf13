/** What the examples in doc comments find without defining it; scripts/docs/examples.ts lists it. */
import assert from 'node:assert/strict'
import { DStream, RDD, type RemoteFiles, type SparkContext, type StreamingContext } from 'kindling'
import type { ObjectStoreOptions } from 'kindling/connectors/object-store'
import { StreamTest } from 'kindling/testing'
import { bytesOf } from './bytes-of.ts'
import { fakeHdfs } from './fake-hdfs.ts'
import { FakeS3 } from './fake-s3.ts'
import { placeOf } from './place-of.ts'

type Pair = [string, number]

const nameNode = await fakeHdfs()
const endpoint = await new FakeS3().start()

const place = placeOf({
  'in/a': Buffer.from('one\ntwo\n'),
  'parquet/a': await bytesOf([{ who: 'ann', times: 2 }], { format: 'parquet' }),
  'avro/a': await bytesOf(['one', 'two'], { format: 'avro', schema: 'string' }),
})

/** Compares what an expression gives with what stands behind `// =>`. */
export type Check = (actual: unknown, expected: unknown, line: string) => Promise<void>

/** See the file head. Streams are made when an example asks for them. */
export class Prelude {
  readonly t: StreamTest
  private readonly expected: { readonly name: string; readonly batches: unknown; readonly line: string }[] =
    []

  constructor() {
    this.t = new StreamTest({ build: () => {} })
  }

  get ssc(): StreamingContext {
    return this.t.ssc
  }
  get sc(): SparkContext {
    return this.t.sc
  }
  get nameNode(): string {
    return nameNode
  }
  get bucket(): Omit<ObjectStoreOptions, 'url'> {
    return { endpoint, credentials: { accessKeyId: 'key', secretAccessKey: 'secret' } }
  }
  get place(): RemoteFiles {
    return place
  }
  get dir(): string {
    return this.t.dir
  }
  get lines(): DStream<string> {
    return this.t.input('lines', [['to be or'], ['not to be']])
  }
  get words(): DStream<string> {
    return this.t.input('words', [['a', 'b', 'a'], ['b']])
  }
  get numbers(): DStream<number> {
    return this.t.input('numbers', [
      [1, 2, 3],
      [4, 5],
    ])
  }
  get pairs(): DStream<Pair> {
    return this.t.input<Pair>('pairs', [
      [
        ['a', 1],
        ['b', 2],
      ],
      [['a', 3]],
    ])
  }
  get visits(): RDD<Pair> {
    return this.sc.parallelize<Pair>([
      ['ann', 1],
      ['bob', 2],
      ['ann', 3],
    ])
  }

  readonly check: Check = async (given, expected, line) => {
    const actual = await given
    if (actual instanceof DStream) {
      const name = `example ${this.expected.length}`
      this.t.collect(name, actual)
      this.expected.push({ name, batches: expected, line })
    } else assert.deepEqual(actual instanceof RDD ? await actual.collect() : actual, expected, line)
  }

  /** Runs the streams that were checked, and compares their batches. */
  async finish(): Promise<void> {
    try {
      if (this.expected.length === 0) return
      const n = Math.max(...this.expected.map(({ batches }) => (batches as unknown[]).length))
      await this.t.run(n)
      for (const { name, batches, line } of this.expected)
        assert.deepEqual(this.t.out(name).batches.slice(0, (batches as unknown[]).length), batches, line)
    } finally {
      await this.t[Symbol.asyncDispose]()
    }
  }
}
