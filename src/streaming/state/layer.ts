/** Slots and panes of a version as bytes, and back. Slots lie in runs, so that long layers can be read bit by bit. */
import { decodeRecords, encodeRecords } from '../../data/codec.ts'
import type { StateLayer } from '../../rdd/state-port.ts'
import type { Pane } from './pane-window.ts'
import { ABSENT, type SlotRows } from './slots.ts'

/** What a version has besides its slots. */
export interface LayerPanes {
  /** Panes that the layer adds. */
  readonly panes: readonly Pane[]
  /** Older panes have left the window. */
  readonly panesFrom: number
}

/** A layer as it is read. */
export interface LayerContent extends LayerPanes {
  /** Its slots, each run made when it is asked for. */
  runs(): Iterable<SlotRows>
}

interface Run {
  readonly slots: Int32Array
  readonly flags: Uint8Array
  readonly marks: Float64Array
  readonly keys: Uint8Array
  /** Of the slots that hold something. */
  readonly values: Uint8Array
}

interface Packed extends LayerPanes {
  readonly runs: readonly Run[]
}

/** Slots of a run. */
const RUN = 8192

/** @throws RECORD_NOT_ENCODABLE */
export function layerOf(
  { time, isWhole }: Pick<StateLayer, 'time' | 'isWhole'>,
  rows: SlotRows,
  { panes, panesFrom }: LayerPanes,
): StateLayer {
  const count = rows.slots.length
  const runs: Run[] = []
  for (let from = 0; from < count; from += RUN) runs.push(runOf(rows, from, from + RUN))
  const packed: Packed = { runs, panes, panesFrom }
  return { time, isWhole, count, bytes: encodeRecords([packed]) }
}

function runOf(rows: SlotRows, from: number, to: number): Run {
  const flags = rows.flags.slice(from, to)
  const values = rows.values.slice(from, to)
  return {
    slots: Int32Array.from(rows.slots.slice(from, to)),
    flags: Uint8Array.from(flags),
    marks: Float64Array.from(rows.marks.slice(from, to)),
    keys: encodeRecords(rows.keys.slice(from, to)),
    values: encodeRecords(flags.includes(ABSENT) ? values.filter((_, row) => flags[row] !== ABSENT) : values),
  }
}

export function contentOf({ bytes }: StateLayer): LayerContent {
  const { runs, panes, panesFrom } = decodeRecords(bytes)[0] as Packed
  return { panes, panesFrom, runs: () => runs.values().map(rowsOf) }
}

function rowsOf({ slots, flags, marks, keys, values }: Run): SlotRows {
  const present = decodeRecords(values)
  let next = 0
  return {
    slots: Array.from(slots),
    keys: decodeRecords(keys),
    values:
      present.length === flags.length
        ? present
        : Array.from(flags, flag => (flag === ABSENT ? undefined : present[next++])),
    flags: Array.from(flags),
    marks: Array.from(marks),
  }
}
