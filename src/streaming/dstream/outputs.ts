/** Output operations: what is done with each batch. */
import type { Time } from '../../base/time.ts'
import type { TextOutputOptions } from '../../rdd/file-actions.ts'
import type { ParquetOutputOptions } from '../../rdd/parquet-output.ts'
import type { RDD } from '../../rdd/rdd.ts'
import { currentScope, operator } from '../../rdd/scope.ts'
import { textOf } from '../../rdd/text-output.ts'
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

export function saveAsTextFiles<T>(
  stream: DStream<T>,
  prefix: string,
  suffix: string,
  opts: TextOutputOptions,
): void {
  operator('saveAsTextFiles', () =>
    foreachRDD(stream, (rdd, time) => rdd.saveAsTextFile(batchPath(prefix, suffix, time), opts)),
  )
}

export function saveAsObjectFiles<T>(stream: DStream<T>, prefix: string, suffix: string): void {
  operator('saveAsObjectFiles', () =>
    foreachRDD(stream, (rdd, time) => rdd.saveAsObjectFile(batchPath(prefix, suffix, time))),
  )
}

export function saveAsNDJSONFiles<T>(
  stream: DStream<T>,
  prefix: string,
  suffix: string,
  opts: TextOutputOptions,
): void {
  operator('saveAsNDJSONFiles', () =>
    foreachRDD(stream, (rdd, time) => rdd.saveAsNDJSONFile(batchPath(prefix, suffix, time), opts)),
  )
}

export function saveAsParquetFiles<T>(
  stream: DStream<T>,
  prefix: string,
  suffix: string,
  opts: ParquetOutputOptions,
): void {
  operator('saveAsParquetFiles', () =>
    foreachRDD(stream, (rdd, time) => rdd.saveAsParquetFile(batchPath(prefix, suffix, time), opts)),
  )
}

/** `prefix-TIMEMS.suffix`; an empty prefix or suffix is left out. @source Spark StreamingContext.rddToFileName */
export function batchPath(prefix: string, suffix: string, time: Time): string {
  const name = prefix === '' ? String(time.milliseconds) : `${prefix}-${time.milliseconds}`
  return suffix === '' ? name : `${name}.${suffix}`
}
