/** Output operations: what is done with each batch. */
import type { Time } from '../../base/time.ts'
import type { TextOutputOptions } from '../../rdd/file-actions.ts'
import type { ParquetOutputOptions } from '../../rdd/parquet-output.ts'
import type { RDD } from '../../rdd/rdd.ts'
import { currentScope, operator } from '../../rdd/scope.ts'
import { type FileSinkOptions, fileSink } from '../../rdd/sink/file-sink.ts'
import type { Sink } from '../../rdd/sink/sink.ts'
import { textOf } from '../../rdd/text-output.ts'
import { SinkOperation, type WriteToOptions } from '../delivery/sink-operation.ts'
import type { DStream } from './dstream.ts'
import type { AnyStream } from './recipe.ts'

const RULE = '-'.repeat(43)

/** Runs `f` for the RDD of each batch that has one. */
export function foreachRDD<T>(stream: DStream<T>, f: (rdd: RDD<T>, time: Time) => unknown): void {
  const scope = currentScope('foreachRDD')
  stream.host.assertDefining(scope.name)
  stream.host.registerOutput({
    stream: stream as AnyStream,
    scope,
    jobFor(time) {
      const rdd = stream.getOrCompute(time)
      if (rdd === undefined) return undefined
      return async () => {
        await f(rdd, time)
      }
    },
  })
}

export function print<T>(stream: DStream<T>, n: number): void {
  operator('print', () =>
    foreachRDD(stream, async (rdd, time) => {
      const first = await rdd.take(n + 1)
      const lines = [RULE, `Time: ${time}`, RULE, ...first.slice(0, n).map(textOf)]
      if (first.length > n) lines.push('...')
      stream.host.write(`${lines.join('\n')}\n\n`)
    }),
  )
}

/** Writes each batch into a sink. */
export function writeTo<T>(stream: DStream<T>, sink: Sink<T>, options: WriteToOptions): void {
  const scope = currentScope('writeTo')
  stream.host.assertDefining(scope.name)
  const operation = new SinkOperation(sink, scope, options)
  stream.host.registerOutput({
    stream: stream as AnyStream,
    scope,
    sink: operation as SinkOperation,
    jobFor(time) {
      const rdd = stream.getOrCompute(time)
      return rdd === undefined ? undefined : () => operation.write(rdd, time)
    },
  })
}

export function saveAsTextFiles<T>(
  stream: DStream<T>,
  prefix: string,
  suffix: string,
  opts: TextOutputOptions,
): void {
  saveFiles(stream, 'saveAsTextFiles', prefix, { ...opts, suffix, format: 'text' })
}

export function saveAsObjectFiles<T>(stream: DStream<T>, prefix: string, suffix: string): void {
  saveFiles(stream, 'saveAsObjectFiles', prefix, { suffix, format: 'object' })
}

export function saveAsNDJSONFiles<T>(
  stream: DStream<T>,
  prefix: string,
  suffix: string,
  opts: TextOutputOptions,
): void {
  saveFiles(stream, 'saveAsNDJSONFiles', prefix, { ...opts, suffix, format: 'ndjson' })
}

export function saveAsParquetFiles<T>(
  stream: DStream<T>,
  prefix: string,
  suffix: string,
  opts: ParquetOutputOptions,
): void {
  saveFiles(stream, 'saveAsParquetFiles', prefix, { ...opts, suffix, format: 'parquet' })
}

function saveFiles<T>(stream: DStream<T>, name: string, prefix: string, options: FileSinkOptions): void {
  operator(name, () => writeTo(stream, fileSink<T>(prefix, options), {}))
}
