import { after, describe } from 'node:test'
import { SparkContext, type SparkContextOptions } from '../../src/context/spark-context.ts'
import { formsOn, type ItHere, itHereOf, places } from './backends.ts'

/** The same suite on each backend and with both forms of segments. */
export function onEachContext(
  title: string,
  suite: (make: (options?: SparkContextOptions) => SparkContext, itHere: ItHere) => void,
): void {
  for (const place of places)
    for (const segments of formsOn(place))
      describe(`${title} on ${place.title}, ${segments}`, () => {
        const made: SparkContext[] = []
        after(() => Promise.all(made.map(sc => sc.stop())))
        suite(options => {
          const conf = { 'kindling.task.segments': segments, ...place.conf, ...(options?.conf as object) }
          const sc = new SparkContext({ master: place.master, ...options, conf })
          made.push(sc)
          return sc
        }, itHereOf(place))
      })
}
