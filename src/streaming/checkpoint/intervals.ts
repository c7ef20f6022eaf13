/** Checks the checkpoint intervals of a program that is about to start. @source Spark DStream.validateAtStart */
import { KindlingError } from '../../base/errors.ts'
import { describeScope } from '../../rdd/scope.ts'
import type { AnyStream } from '../dstream/recipe.ts'

/** @throws CHECKPOINT_INTERVAL_WITHOUT_DIRECTORY, INVALID_CHECKPOINT_INTERVAL */
export function checkIntervals(streams: readonly AnyStream[], hasDirectory: boolean): void {
  for (const stream of streams) {
    const interval = stream.checkpointInterval
    if (interval === undefined) continue
    const name = describeScope(stream.scope)
    if (!hasDirectory) throw new KindlingError('CHECKPOINT_INTERVAL_WITHOUT_DIRECTORY', { stream: name })
    const slide = stream.slideDuration
    const refuse = (reason: string): never => {
      throw new KindlingError('INVALID_CHECKPOINT_INTERVAL', {
        stream: name,
        interval: String(interval),
        reason,
      })
    }
    if (interval.less(slide))
      refuse(`is lower than its slide time (${slide}). Please set it to at least ${slide}`)
    if (!interval.isMultipleOf(slide))
      refuse(`is not a multiple of its slide time (${slide}). Please set it to a multiple of ${slide}`)
  }
}
