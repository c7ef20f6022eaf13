/**
 * How the pairs of an operator are cut into partitions: as the program says, or, for batches that were planned before a restart, as it
 * was when they were. See decision D167.
 */
import { HashPartitioner, type Partitioner, samePartitioner } from '../../rdd/partitioner.ts'

/** Partition counts as they are logged with a batch, each with the id of its stream. */
export type RecordedCuts = readonly { readonly id: string; readonly partitions: number }[]

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

  /** What is logged: nothing for a partitioner of the user's, which only the program itself can make again. */
  get recorded(): number | undefined {
    return this.current instanceof HashPartitioner ? this.current.numPartitions : undefined
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
