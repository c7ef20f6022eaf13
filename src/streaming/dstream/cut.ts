/**
 * How the pairs of an operator are cut into partitions: as the program says, or, for batches that were planned before a restart, as it
 * was when they were. See decision D167.
 */
import { HashPartitioner, type Partitioner, samePartitioner } from '../../rdd/partitioner.ts'

/** Partition counts as they are logged with a batch, each with the id of its stream. */
export type RecordedCuts = readonly RecordedCut[]

export interface RecordedCut {
  readonly id: string
  readonly partitions: number
  /** Set for a partitioner of the program's own: only the program can make it again. */
  readonly own?: true
}

/** See the file head. Read `partitioner` when the RDD of a batch is made, not before. */
export class Cut {
  private readonly own: Partitioner
  private current: Partitioner

  constructor(own: Partitioner) {
    this.own = own
    this.current = own
  }

  get partitioner(): Partitioner {
    return this.current
  }

  /** What is logged, but for the id. */
  get recorded(): Omit<RecordedCut, 'id'> {
    const { numPartitions: partitions } = this.current
    return this.current instanceof HashPartitioner ? { partitions } : { partitions, own: true }
  }

  /** Whether batches that were cut so cannot be cut so again. Of two partitioners of the user's only the counts are known. */
  isLost({ partitions, own }: Omit<RecordedCut, 'id'>): boolean {
    const wasOwn = own === true
    const isOwn = !(this.own instanceof HashPartitioner)
    return isOwn ? !wasOwn || partitions !== this.own.numPartitions : wasOwn
  }

  /** Cuts later RDDs as recorded, or, with `undefined`, as the program says. */
  use(recorded: number | undefined): void {
    if (this.differs(recorded)) this.current = this.for(recorded)
  }

  /** Whether `use` would change anything. */
  differs(recorded: number | undefined): boolean {
    return !samePartitioner(this.for(recorded), this.current)
  }

  private for(recorded: number | undefined): Partitioner {
    const isOwn = recorded === undefined || !(this.own instanceof HashPartitioner)
    return isOwn || recorded === this.own.numPartitions ? this.own : new HashPartitioner(recorded)
  }
}
