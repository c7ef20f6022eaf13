/**
 * Runs a suite on every combination of what must not make a difference: where tasks run, and the form of segments.
 *
 * Functions on worker threads work on copies: a test that counts calls or gathers values in a variable of its own runs only where
 * tasks share the test's memory. It is defined by `itHere`.
 */
import assert from 'node:assert/strict'
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

/** No task may hold anything for a shuffle: all of it goes through files. */
export const SPILLS: Readonly<Record<string, string>> = { 'kindling.shuffle.maxBytes': '0' }
const SPILLING: Place = {
  title: 'local[3] inline, spilling',
  master: 'local[3]',
  conf: { ...INLINE, ...SPILLS },
  sharesMemory: true,
}
const SPILLING_ON_THREADS: Place = {
  title: 'local[4] on threads, spilling',
  master: 'local[4]',
  conf: { ...ON_THREADS.conf, ...SPILLS },
  sharesMemory: false,
}
/** What the others leave out of all combinations; for these the tests take half as long again. */
const REST: readonly Place[] = [
  { ...ON_THREADS, title: 'local[4] on threads', master: 'local[4]' },
  { ...SPILLING_ON_THREADS, title: 'local[2] on threads, spilling', master: 'local[2]' },
]
const wantsAll = process.env['KINDLING_TEST_PLACES'] === 'all'

/**
 * One task at a time, several in turns on one thread, two and four worker threads; in memory and through files. All combinations of
 * these with KINDLING_TEST_PLACES=all.
 */
export const places: readonly Place[] = wantsAll
  ? [LOCAL, IN_TURNS, ON_THREADS, SPILLING, SPILLING_ON_THREADS, ...REST]
  : thorough
    ? [LOCAL, IN_TURNS, ON_THREADS, SPILLING, SPILLING_ON_THREADS]
    : [LOCAL, ON_THREADS, SPILLING]

/** The forms of segments to run on a place. */
export function formsOn(place: Place): readonly string[] {
  if (place === SPILLING_ON_THREADS && !wantsAll) return ['compiled']
  return place === LOCAL || thorough ? ['compiled', 'interpreted'] : ['compiled']
}

export function itHereOf({ sharesMemory }: Place): ItHere {
  return (name, test) => {
    if (sharesMemory) it(name, test)
  }
}

/** Whether nothing may be held in memory. */
export function spills(conf: Readonly<Record<string, string>>): boolean {
  return conf['kindling.shuffle.maxBytes'] !== undefined
}

/** Counts what the tasks of a context wrote to files of their own. */
export function spilledBytes(sc: SparkContext): () => number {
  let bytes = 0
  sc.addSparkListener({
    onStageCompleted: ({ taskMetrics }) => {
      bytes += taskMetrics.diskBytesSpilled
    },
  })
  return () => bytes
}

/**
 * Defines `suite` once for each backend, each with a context of its own.
 *
 * @param shuffles false: no test of it does, so there is nothing to spill
 */
export function onEveryBackend(
  title: string,
  suite: (backend: BackendCase) => void,
  { shuffles = true }: { readonly shuffles?: boolean } = {},
): void {
  for (const place of places.filter(({ conf }) => shuffles || !spills(conf)))
    for (const segments of formsOn(place))
      describe(`${title} on ${place.title}, ${segments}`, () => {
        const { master } = place
        const conf = { 'kindling.task.segments': segments, ...place.conf }
        const sc = new SparkContext({ master, conf })
        const spilled = spilledBytes(sc)
        after(async () => {
          await sc.stop()
          if (spills(conf)) assert.ok(spilled() > 0, 'nothing was spilled')
          else assert.equal(spilled(), 0)
        })
        const id = `${place.title.replaceAll(/[^\w]+/g, '-')}-${segments}`
        suite({ sc, id, master, conf, itHere: itHereOf(place) })
      })
}
