/** Stores offsets for a group. Requests follow each other; what is asked for meanwhile goes into the next one together. */
import { KindlingError } from '../../base/errors.ts'
import type { Lease } from './cluster-pool.ts'
import { type Patience, patiently } from './retry.ts'
import { nameOf, type OffsetRange, type TopicPartitionOffset } from './topic-partition.ts'

/** See the file head. */
export class OffsetCommits {
  private readonly groupId: string | undefined
  private readonly patience: Patience
  private readonly lease: () => Lease
  private readonly stored = new Map<string, number>()
  private waiting = new Map<string, TopicPartitionOffset>()
  private next: Promise<void> | undefined
  private running: Promise<void> = Promise.resolve()

  constructor(groupId: string | undefined, patience: Patience, lease: () => Lease) {
    this.groupId = groupId
    this.patience = patience
    this.lease = lease
  }

  /** Resolves when they are stored, or higher ones. */
  async commit(ranges: readonly OffsetRange[]): Promise<void> {
    if (this.groupId === undefined)
      throw new KindlingError('INVALID_ARGUMENT', {
        what: 'the Kafka parameter groupId',
        value: undefined,
        expected: 'the name of a group, to store offsets for',
      })
    for (const range of ranges) {
      const { topic, partition, untilOffset } = range
      const name = nameOf(range)
      const highest = Math.max(this.stored.get(name) ?? -1, this.waiting.get(name)?.offset ?? -1)
      if (untilOffset > highest) this.waiting.set(name, { topic, partition, offset: untilOffset })
    }
    this.next ??= this.afterRunning(this.groupId)
    await this.next
  }

  private async afterRunning(groupId: string): Promise<void> {
    await this.running.catch(() => {}) // Those who asked for it were told.
    const offsets = [...this.waiting.values()]
    this.waiting = new Map()
    this.next = undefined
    this.running = this.store(groupId, offsets)
    await this.running
  }

  private async store(groupId: string, offsets: readonly TopicPartitionOffset[]): Promise<void> {
    if (offsets.length === 0) return
    const { cluster, release } = this.lease()
    try {
      await patiently(() => cluster.commit(groupId, offsets), this.patience)
    } finally {
      release()
    }
    for (const one of offsets) this.stored.set(nameOf(one), one.offset)
  }
}
