/**
 * Where the partitions of a persisted RDD are kept: Spark's five flags, and its names for the usual combinations.
 *
 * @source Spark StorageLevel
 * @example
 * const { useDisk, deserialized, replication } = StorageLevel.MEMORY_AND_DISK_SER_2
 * useDisk // => true
 * deserialized // => false
 * replication // => 2
 */
export class StorageLevel {
  readonly name: string
  readonly useDisk: boolean
  readonly useMemory: boolean
  readonly useOffHeap: boolean
  readonly deserialized: boolean
  readonly replication: number

  private constructor(name: string, flags: string, replication = 1) {
    this.name = name
    this.useDisk = flags.includes('d')
    this.useMemory = flags.includes('m')
    this.useOffHeap = flags.includes('o')
    this.deserialized = flags.includes('v')
    this.replication = replication
  }

  toString(): string {
    return this.name
  }

  static readonly NONE: StorageLevel = new StorageLevel('NONE', '')
  static readonly DISK_ONLY: StorageLevel = new StorageLevel('DISK_ONLY', 'd')
  static readonly DISK_ONLY_2: StorageLevel = new StorageLevel('DISK_ONLY_2', 'd', 2)
  static readonly DISK_ONLY_3: StorageLevel = new StorageLevel('DISK_ONLY_3', 'd', 3)
  static readonly MEMORY_ONLY: StorageLevel = new StorageLevel('MEMORY_ONLY', 'mv')
  static readonly MEMORY_ONLY_2: StorageLevel = new StorageLevel('MEMORY_ONLY_2', 'mv', 2)
  static readonly MEMORY_ONLY_SER: StorageLevel = new StorageLevel('MEMORY_ONLY_SER', 'm')
  static readonly MEMORY_ONLY_SER_2: StorageLevel = new StorageLevel('MEMORY_ONLY_SER_2', 'm', 2)
  static readonly MEMORY_AND_DISK: StorageLevel = new StorageLevel('MEMORY_AND_DISK', 'dmv')
  static readonly MEMORY_AND_DISK_2: StorageLevel = new StorageLevel('MEMORY_AND_DISK_2', 'dmv', 2)
  static readonly MEMORY_AND_DISK_SER: StorageLevel = new StorageLevel('MEMORY_AND_DISK_SER', 'dm')
  static readonly MEMORY_AND_DISK_SER_2: StorageLevel = new StorageLevel('MEMORY_AND_DISK_SER_2', 'dm', 2)
  static readonly OFF_HEAP: StorageLevel = new StorageLevel('OFF_HEAP', 'dmo')
}
