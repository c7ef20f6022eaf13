/**
 * The output of a map task: pairs by reduce partition, within a budget. What is more goes to a file, a part for each partition at
 * a time; once anything is in the file, all of it goes there.
 */
import { encodePairs } from '../data/codec.ts'
import { blockOfPairs } from '../storage/block.ts'
import type { FiledBlock } from '../storage/filed-block.ts'
import { roughPairBytes } from '../storage/rough-size.ts'
import type { FilePart, SpillFile } from '../storage/spill-file.ts'
import { keptFile } from '../storage/spill-folder.ts'
import { recordsOfFrame } from './run.ts'
import type { MapOutput } from './shuffle-store.ts'
import { nextLook, type ShuffleDriver } from './task-memory.ts'

/** See the file head. */
export class SpillingScatter {
  /** Pairs in memory by partition. */
  readonly keys: unknown[][]
  readonly values: unknown[][]
  private readonly driver: ShuffleDriver
  private readonly parts: FilePart[][]
  private readonly counts: number[]
  private file: SpillFile | undefined
  /** So many records are worth an estimate. */
  private lookAt = 1

  constructor(numPartitions: number, driver: ShuffleDriver) {
    const lists = (): never[][] => Array.from({ length: numPartitions }, () => [])
    this.keys = lists()
    this.values = lists()
    this.parts = lists()
    this.counts = new Array(numPartitions).fill(0)
    this.driver = driver
    driver.memory.take()
  }

  /** To be called now and then: writes what is there when it is too much. */
  relieve(): Promise<void> | undefined {
    let count = 0
    for (const { length } of this.keys) count += length
    if (count < this.lookAt) return undefined
    let bytes = 0
    for (let p = 0; p < this.keys.length; p++) bytes += roughPairBytes(this.keys[p]!, this.values[p]!)
    const { share } = this.driver.memory
    this.lookAt = nextLook(count, bytes, share)
    return bytes > share ? this.spill(bytes) : undefined
  }

  /** One block for each partition. */
  async finish(): Promise<MapOutput> {
    const { file, driver } = this
    driver.memory.release()
    if (file === undefined) return this.inMemory()
    await this.spill(0)
    driver.memory.finishOutput()
    const kept = keptFile(file.path)
    return this.parts.map(
      (parts, p): FiledBlock => ({
        kind: 'filed',
        file: kept,
        parts,
        count: this.counts[p]!,
      }),
    )
  }

  private async inMemory(): Promise<MapOutput> {
    const blocks = []
    for (let p = 0; p < this.keys.length; p++) {
      blocks.push(blockOfPairs(this.keys[p]!, this.values[p]!))
      const pause = this.driver.breathe()
      if (pause !== undefined) await pause
    }
    return blocks
  }

  private async spill(memoryBytes: number): Promise<void> {
    const { memory } = this.driver
    this.file ??= memory.beginOutput()
    const before = this.file.length
    for (let p = 0; p < this.keys.length; p++) {
      const keys = this.keys[p]!
      const values = this.values[p]!
      const size = recordsOfFrame(keys, values)
      for (let at = 0; at < keys.length; at += size) {
        const bytes = encodePairs(keys.slice(at, at + size), values.slice(at, at + size))
        this.parts[p]!.push(this.file.append(bytes))
        const pause = this.driver.breathe()
        if (pause !== undefined) await pause
      }
      this.counts[p]! += keys.length
      keys.length = 0
      values.length = 0
    }
    this.lookAt = 1
    memory.spilled(memoryBytes, this.file.length - before)
  }
}
