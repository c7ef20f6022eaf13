/**
 * Runs a suite on every combination of what must not make a difference: where tasks run, and the form of segments.
 *
 * Functions on worker threads work on copies: a test that counts calls or gathers values in a variable of its own runs only where
 * tasks share the test's memory. It is defined by `itHere`.
 */
import { after, describe, it } from 'node:test'
import { SparkContext } from '../../src/context/spark-context.ts'
import { runs } from './runs.ts'

export interface BackendCase {
  readonly sc: SparkContext
  /** For file names. */
  readonly id: string
  readonly master: string
  readonly conf: Readonly<Record<string, string>>
  /** `it`, where functions of the test share its memory; else nothing. */
  readonly itHere: ItHere
}

export type ItHere = (name: string, test: () => void | Promise<void>) => void

/** One way to run tasks. */
export interface Place {
  readonly title: string
  readonly master: string
  readonly conf: Readonly<Record<string, string>>
  readonly sharesMemory: boolean
}

/** Several tasks in turns, where functions share the test's memory. */
export const INLINE = { 'kindling.executor': 'inline' }

/** Whether there is time for every combination: not in a quick run. */
export const thorough: boolean = runs >= 50

/** Worker threads, which take long to start, where there is time; else in turns. */
export const THREADS_IF_TIME: Readonly<Record<string, string>> = thorough ? {} : INLINE

export const LOCAL: Place = { title: 'local', master: 'local', conf: INLINE, sharesMemory: true }
const IN_TURNS: Place = { title: 'local[3] inline', master: 'local[3]', conf: INLINE, sharesMemory: true }
export const ON_THREADS: Place = {
  title: 'local[2] on threads',
  master: 'local[2]',
  conf: { 'kindling.executor': 'threads' },
  sharesMemory: false,
}

/** One task at a time, several in turns on one thread, and worker threads. */
export const places: readonly Place[] = thorough ? [LOCAL, IN_TURNS, ON_THREADS] : [LOCAL, ON_THREADS]

/** The forms of segments to run on a place. */
export function formsOn(place: Place): readonly string[] {
  return place === LOCAL || thorough ? ['compiled', 'interpreted'] : ['compiled']
}

export function itHereOf({ sharesMemory }: Place): ItHere {
  return (name, test) => {
    if (sharesMemory) it(name, test)
  }
}

/** Defines `suite` once for each backend, each with a context of its own. */
export function onEveryBackend(title: string, suite: (backend: BackendCase) => void): void {
  for (const place of places)
    for (const segments of formsOn(place))
      describe(`${title} on ${place.title}, ${segments}`, () => {
        const { master } = place
        const conf = { 'kindling.task.segments': segments, ...place.conf }
        const sc = new SparkContext({ master, conf })
        after(() => sc.stop())
        const id = `${place.title.replaceAll(/[^\w]+/g, '-')}-${segments}`
        suite({ sc, id, master, conf, itHere: itHereOf(place) })
      })
}
