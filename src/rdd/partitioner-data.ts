/** Partitioners as data, for files: those of the engine itself whose meaning no function of the program decides. */
import { HashPartitioner, keyOrder, type Partitioner, RangePartitioner } from './partitioner.ts'

/** `undefined` for partitioners that cannot be written down: the program's own, and ranges by its own comparator. */
export function partitionerToData(partitioner: Partitioner): unknown {
  const { numPartitions } = partitioner
  if (partitioner instanceof HashPartitioner) return { kind: 'hash', numPartitions }
  if (!(partitioner instanceof RangePartitioner) || partitioner.compare !== keyOrder) return undefined
  return { kind: 'range', numPartitions, ascending: partitioner.ascending, bounds: partitioner.sampledBounds }
}

/** The partitioner that {@link partitionerToData} was given; `undefined` for data of another version. */
export function partitionerFromData(data: unknown): Partitioner | undefined {
  const { kind, numPartitions, ascending, bounds } = data as {
    readonly kind: string
    readonly numPartitions: number
    readonly ascending: boolean
    readonly bounds: readonly unknown[]
  }
  if (kind === 'hash') return new HashPartitioner(numPartitions)
  if (kind !== 'range') return undefined
  return RangePartitioner.withBounds(numPartitions, ascending, bounds)
}
