/** Saved partitions as the partitions of a table: as they are, or by key when they are spread in another way now. */
import { HashPartitioner, type Partitioner, partitionOf } from '../../rdd/partitioner.ts'
import type { Pane } from '../state/pane-window.ts'
import type { SlotRows } from '../state/slots.ts'
import { StateTable } from '../state/state-table.ts'
import type { Before } from '../state/table-partition.ts'
import type { LoadedImage } from './image-file.ts'

/** @param images by partition */
export function spread(images: readonly LoadedImage[], partitioner: Partitioner): Before[] {
  const isSame =
    images.length === partitioner.numPartitions &&
    partitioner instanceof HashPartitioner &&
    images.every(({ head }) => head.byHash)
  return Array.from({ length: partitioner.numPartitions }, (_, partition) =>
    isSame
      ? joined([images[partition]!], undefined)
      : joined(images, key => partitionOf(partitioner, key) === partition),
  )
}

/** The slots whose keys are chosen, those of the first image first. */
function joined(images: readonly LoadedImage[], chosen: ((key: unknown) => boolean) | undefined): Before {
  const table = new StateTable()
  // Increments repeat keys of their bases, so it may be room for more than there are.
  if (chosen === undefined)
    table.index.expect(
      images.reduce((sum, { rows }) => sum + rows.reduce((keys, one) => keys + one.keys.length, 0), 0),
    )
  const panes = new Map<number, { readonly slots: number[]; readonly values: unknown[] }>()
  for (const image of images) {
    // By slot of the image: its slot here, or −1.
    const slotHere: number[] = []
    for (const rows of image.rows) {
      const isChosen = chosen === undefined ? undefined : rows.keys.map(chosen)
      const slots = table.adoptRows(isChosen === undefined ? rows : only(rows, isChosen))
      let next = 0
      for (let row = 0; row < rows.keys.length; row++)
        slotHere[rows.slots[row]!] = isChosen === undefined || isChosen[row] ? slots[next++]! : -1
    }
    for (const pane of image.panes) {
      const into = panes.get(pane.time) ?? { slots: [], values: [] }
      panes.set(pane.time, into)
      pane.slots.forEach((slot, i) => {
        if (slotHere[slot] === -1) return
        into.slots.push(slotHere[slot]!)
        into.values.push(pane.values[i])
      })
    }
  }
  const inOrder = [...panes].sort(([a], [b]) => a - b)
  return {
    table,
    panes: inOrder.map(
      ([time, { slots, values }]): Pane => ({ time, slots: Int32Array.from(slots), values }),
    ),
  }
}

function only({ slots, keys, values, flags, marks }: SlotRows, chosen: readonly boolean[]): SlotRows {
  const isIn = (_: unknown, row: number): boolean => chosen[row]!
  return {
    slots: slots.filter(isIn),
    keys: keys.filter(isIn),
    values: values.filter(isIn),
    flags: flags.filter(isIn),
    marks: marks.filter(isIn),
  }
}
