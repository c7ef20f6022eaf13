/** Which images of the state are due after a batch. */
import type { Time } from '../../base/time.ts'
import { HashPartitioner } from '../../rdd/partitioner.ts'
import type { AnyStream } from '../dstream/recipe.ts'
import type { StateImage } from '../state/versions.ts'
import type { SavedOperator } from './manifest.ts'

/** A version that is about to be saved; it stays as it is while later ones are made. */
export interface Snapshot {
  readonly stream: AnyStream
  readonly time: number
  /** By partition; none when the stream has no state yet. */
  readonly images: readonly StateImage[]
  readonly byHash: boolean
}

/**
 * Takes hold of the versions of `time` of all streams for which a checkpoint interval, counted from the zero time, has passed since
 * their last image. A version that no output has asked for yet is left for a later batch.
 */
export function dueImages(
  streams: readonly AnyStream[],
  time: Time,
  saved: ReadonlyMap<AnyStream, SavedOperator>,
): Snapshot[] {
  const snapshots: Snapshot[] = []
  for (const stream of streams) {
    const { state } = stream
    if (state === undefined || !stream.isTimeValid(time)) continue
    const { since, images } = saved.get(stream)!
    const zero = stream.zeroTime.milliseconds
    const interval = stream.checkpointDuration.milliseconds
    const at = time.milliseconds
    const period = (ms: number): number => Math.floor((ms - zero) / interval)
    if (period(at) <= period(images.at(-1)?.time ?? since)) continue
    const { versions, partitioner } = state.kept
    const byHash = partitioner instanceof HashPartitioner
    if (stream.getOrCompute(time) === undefined) snapshots.push({ stream, time: at, images: [], byHash })
    else if (versions.complete(at))
      snapshots.push({
        stream,
        time: at,
        images: Array.from({ length: partitioner.numPartitions }, (_, i) => versions.image(at, i)),
        byHash,
      })
  }
  return snapshots
}
