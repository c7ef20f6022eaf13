/**
 * Batches that were planned before a restart run as they were cut then; state is spread anew before the first batch that is cut otherwise.
 *
 * All batches before have ended then: the newest version of each state becomes the first one in its new partitions. RDDs that are
 * remembered keep the partitions that they have. See decision D167.
 */
import { HashPartitioner } from '../../rdd/partitioner.ts'
import type { RecordedCuts } from '../dstream/cut.ts'
import type { AnyStream } from '../dstream/recipe.ts'
import type { SlotRows } from '../state/slots.ts'
import { type KeptState, stateRDD } from '../state/state-rdd.ts'
import type { LoadedImage } from './image-file.ts'
import type { OperatorIds } from './operator-ids.ts'
import { spread } from './spread-image.ts'

/** How pairs are cut now; `undefined` in a program where none are. */
export function cutsOf({ streams, of }: OperatorIds): RecordedCuts | undefined {
  const recorded = streams.flatMap((stream): RecordedCuts => {
    const { cut } = stream
    return cut === undefined ? [] : [{ id: of(stream), ...cut.recorded }]
  })
  return recorded.length === 0 ? undefined : recorded
}

/** The streams whose batches were cut by what the program does not have any more. */
export function lostCuts({ streams, of }: OperatorIds, cuts: RecordedCuts = []): AnyStream[] {
  const recorded = new Map(cuts.map(cut => [cut.id, cut]))
  return streams.filter(stream => {
    const was = recorded.get(of(stream))
    return was !== undefined && stream.cut?.isLost(was) === true
  })
}

/** Whether operators that are cut as recorded are cut otherwise than now. */
export function cutsDiffer({ streams, of }: OperatorIds, cuts: RecordedCuts | undefined): boolean {
  const recorded = byId(cuts)
  return streams.some(stream => stream.cut?.differs(recorded.get(of(stream))) === true)
}

/** Cuts the batches to come as recorded, or, with `undefined`, as the program says; before there are versions of state. */
export function useCuts(ids: OperatorIds, cuts: RecordedCuts | undefined): void {
  setCuts(ids, cuts)
  for (const { state } of ids.streams) if (state?.kept.isOutdated) state.kept.renew(undefined)
}

/** See the file head. Nothing may run meanwhile. @throws what fails when a version that no output has asked for is made */
export async function recut(ids: OperatorIds, cuts: RecordedCuts | undefined): Promise<void> {
  setCuts(ids, cuts)
  for (const stream of ids.streams) {
    const { state, newestKnown: time } = stream
    if (state === undefined || !state.kept.isOutdated) continue
    if (time === undefined) {
      state.kept.renew(undefined)
      continue
    }
    // A version that no output has asked for yet is made as its batch was cut.
    await stream.known(time)!.foreachPartition(() => {})
    const images = imagesOf(state, time.milliseconds)
    state.kept.renew(time.milliseconds)
    state.kept.versions.restore(time.milliseconds, spread(images, state.kept.partitioner))
    stream.replace(time, stateRDD(stream, { state, time, previous: undefined, inputs: [] }))
  }
}

function setCuts({ streams, of }: OperatorIds, cuts: RecordedCuts | undefined): void {
  const recorded = byId(cuts)
  for (const stream of streams) stream.cut?.use(recorded.get(of(stream)))
}

function byId(cuts: RecordedCuts = []): ReadonlyMap<string, number> {
  return new Map(cuts.filter(({ own }) => own !== true).map(({ id, partitions }) => [id, partitions]))
}

/** A version, partition by partition, as if it had been saved and read. */
function imagesOf({ kept, layout }: KeptState, time: number): LoadedImage[] {
  const { partitioner, versions } = kept
  const partitions = partitioner.numPartitions
  const byHash = partitioner instanceof HashPartitioner
  return Array.from({ length: partitions }, (_, partition) => {
    const { rows, hasSlots, panes, panesFrom } = versions.image(time, partition, true)
    const runs: SlotRows[] = []
    let slots = 0
    for (let run = rows.next(); run !== undefined; run = rows.next()) {
      const first = slots
      slots += run.keys.length
      runs.push(hasSlots ? run : { ...run, slots: run.keys.map((_, i) => first + i) })
    }
    rows.close()
    const operator = String(layout['operator'])
    const head = { operator, time, partition, partitions, byHash, base: undefined, hasSlots, panesFrom }
    return { head, rows: runs, panes }
  })
}
