/**
 * How far back a restart has to look: which saved version each stateful stream starts from, and from when on plans are needed.
 *
 * When all batches up to `ended` have ended, the next ones ask a stream for RDDs later than `ended` less what it remembers. A
 * stateful stream starts from the newest image that is not later than all of these; what comes after it is computed again, as if the
 * batches up to the image had ended and no others. So its parents are asked from the time of the image on, and so on up to the inputs.
 */

import type { AnyStream } from '../dstream/recipe.ts'
import type { DStreamGraph } from '../graph.ts'

/** What a restart needs. Times in ms. */
export interface Reach {
  /** For stateful streams: the version to start from; nothing, when it is the time after which it began. */
  readonly start: ReadonlyMap<AnyStream, number>
  /** Plans of batches later than this are needed. */
  readonly logFrom: number
}

/**
 * @param streams each after those that it is computed from
 * @param imagesOf for stateful streams: the time after which it began, and those of its images, ascending
 */
export function reach(
  program: {
    readonly graph: DStreamGraph
    readonly streams: readonly AnyStream[]
  },
  ended: number,
  imagesOf: (stream: AnyStream) => readonly number[],
): Reach {
  const { graph, streams } = program
  /** Up to when batches have ended, as a stream sees it. */
  const endedFor = new Map<AnyStream, number>()
  for (const { stream } of graph.outputs) endedFor.set(stream, ended)
  const start = new Map<AnyStream, number>()
  for (const stream of streams.toReversed()) {
    let seen = endedFor.get(stream)!
    if (stream.state !== undefined) {
      const images = imagesOf(stream)
      const latest = seen - remembered(stream)
      seen = images.findLast(time => time <= latest) ?? images[0]!
      start.set(stream, seen)
    }
    for (const parent of stream.dependencies)
      endedFor.set(parent, Math.min(seen, endedFor.get(parent) ?? Number.POSITIVE_INFINITY))
  }
  let logFrom = ended
  for (const input of graph.inputs) {
    const seen = endedFor.get(input as AnyStream) ?? ended
    logFrom = Math.min(
      logFrom,
      seen - remembered(input as AnyStream),
      ended - (input.source.remembersMs ?? 0),
    )
  }
  return { start, logFrom: Math.max(logFrom, graph.grid.zeroTime) }
}

/** What a stream remembers beyond the one version that the next one is made of. */
function remembered(stream: AnyStream): number {
  const least = stream.leastRemembered.milliseconds
  const all = stream.rememberDuration?.milliseconds ?? least
  return stream.state !== undefined && all <= least ? 0 : all
}
