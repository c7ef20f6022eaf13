/** The versions of a stateful operator and how they are cut; both are renewed together when the cut changes. */
import { type Partitioner, samePartitioner } from '../../rdd/partitioner.ts'
import type { Cut } from '../dstream/cut.ts'
import type { VersionedState } from './versions.ts'

/** See the file head. */
export class KeptVersions {
  readonly cut: Cut
  private readonly make: (partitioner: Partitioner) => VersionedState
  private current: { readonly partitioner: Partitioner; readonly versions: VersionedState }
  /** Cut as before: RDDs that are remembered still read them. */
  private older: { readonly versions: VersionedState; readonly upTo: number }[] = []

  constructor(cut: Cut, make: (partitioner: Partitioner) => VersionedState) {
    this.cut = cut
    this.make = make
    this.current = { partitioner: cut.partitioner, versions: make(cut.partitioner) }
  }

  get versions(): VersionedState {
    return this.current.versions
  }

  /** What the versions are partitioned by. */
  get partitioner(): Partitioner {
    return this.current.partitioner
  }

  /** Whether the versions are cut otherwise than later ones shall be. */
  get isOutdated(): boolean {
    return !samePartitioner(this.current.partitioner, this.cut.partitioner)
  }

  /** Begins without any version, cut as the cut says now. @param upTo the latest version so far, in ms, if there are any */
  renew(upTo: number | undefined): void {
    if (upTo !== undefined) this.older.push({ versions: this.current.versions, upTo })
    const { partitioner } = this.cut
    this.current = { partitioner, versions: this.make(partitioner) }
  }

  /** Lets versions go that nothing remembers any more. */
  forget(times: readonly number[]): void {
    this.versions.forget(times)
    for (const { versions } of this.older) versions.forget(times)
    this.older = this.older.filter(({ upTo }) => !times.includes(upTo))
  }
}
