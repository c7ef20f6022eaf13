/** Runs a suite on every combination of what must not make a difference: the master, and the form of segments. */
import { after, describe } from 'node:test'
import { SparkContext } from '../../src/context/spark-context.ts'

export interface BackendCase {
  readonly sc: SparkContext
  /** For file names. */
  readonly id: string
  readonly master: string
}

/** Defines `suite` once for each backend, each with a context of its own. */
export function onEveryBackend(title: string, suite: (backend: BackendCase) => void): void {
  for (const master of ['local', 'local[3]'])
    for (const segments of ['compiled', 'interpreted'])
      describe(`${title} on ${master}, ${segments}`, () => {
        const sc = new SparkContext({ master, conf: { 'kindling.task.segments': segments } })
        after(() => sc.stop())
        suite({ sc, id: `${master}-${segments}`, master })
      })
}
