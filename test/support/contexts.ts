import { after, describe } from 'node:test'
import { SparkContext, type SparkContextOptions } from '../../src/context/spark-context.ts'

/** The same suite on each master and with both forms of segments. */
export function onEachContext(
  title: string,
  suite: (make: (options?: SparkContextOptions) => SparkContext) => void,
): void {
  for (const master of ['local', 'local[2]'])
    for (const segments of ['compiled', 'interpreted'])
      describe(`${title} on ${master}, ${segments}`, () => {
        const made: SparkContext[] = []
        after(() => Promise.all(made.map(sc => sc.stop())))
        suite(options => {
          const conf = { 'kindling.task.segments': segments, ...(options?.conf as object) }
          const sc = new SparkContext({ master, ...options, conf })
          made.push(sc)
          return sc
        })
      })
}
