/**
 * Map outputs that lie in the shared memory of workers, as blocks; and the way back of that memory.
 *
 * A region is free once nothing refers to any block in it: no shuffle, no task that reads it. That is found by garbage collection,
 * which a driver with little garbage of its own rarely does. So when more lies there than twice what was left after the last
 * collection, one is asked for, and looked at what it has found: V8 tells of that much later, when as much again has come.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { MapOutput } from '../../shuffle/shuffle-store.ts'
import type { Block } from '../../storage/block.ts'
import type { RegionData } from './messages.ts'
import type { WorkerThread } from './worker-thread.ts'

/** What is known of a region that was given out. */
interface Held {
  /** What the blocks refer to. */
  readonly keeper: WeakRef<object>
  readonly worker: WorkerThread
  readonly id: number
  readonly length: number
}

/** Less than this is left to lie. */
const COLLECT_FROM = 64 * 1024 * 1024

/** See the file head. */
export class OutputRegions {
  private readonly held = new Set<Held>()
  /** Finds what a collection has found that nobody asked for. */
  private readonly collected = new FinalizationRegistry<Held>(held => this.free(held))
  private bytes = 0
  private collectAt = COLLECT_FROM
  private collecting = false

  /** Bytes of all regions that something refers to, or that nobody has looked at yet. */
  get heldBytes(): number {
    return this.bytes
  }

  /** The blocks of a map output, which keep its memory. */
  adopt(worker: WorkerThread, { region, bytes, starts, lengths, counts, pairs }: RegionData): MapOutput {
    const keeper = region < 0 ? undefined : this.keeper({ worker, id: region, length: bytes.length })
    return counts.map((count, i): Block => {
      const part = bytes.subarray(starts[i], starts[i]! + lengths[i]!)
      const block: Block = { kind: 'encoded', bytes: part, pairs: pairs[i]!, count }
      return keeper === undefined ? block : { ...block, keeper }
    })
  }

  private keeper(region: Omit<Held, 'keeper'>): object {
    const keeper = {}
    const held = { ...region, keeper: new WeakRef(keeper) }
    this.held.add(held)
    this.collected.register(keeper, held)
    this.bytes += held.length
    if (this.bytes > this.collectAt) this.collect()
    return keeper
  }

  private free(held: Held): void {
    if (!this.held.delete(held)) return
    const { worker, id, length } = held
    this.bytes -= length
    if (!worker.isEnded) worker.post({ type: 'free', regions: [id] })
  }

  private collect(): void {
    if (this.collecting) return
    this.collecting = true
    // Not in the middle of what the driver is at.
    setImmediate(() => {
      collectGarbage()
      for (const held of this.held) if (held.keeper.deref() === undefined) this.free(held)
      this.collectAt = Math.max(COLLECT_FROM, 2 * this.bytes)
      this.collecting = false
    })
  }
}

let garbageCollection: (() => void) | undefined

/** A whole garbage collection. Cost: some ms, with the size of the driver's heap. */
function collectGarbage(): void {
  if (garbageCollection === undefined) {
    setFlagsFromString('--expose-gc')
    garbageCollection = runInNewContext('gc') as () => void
  }
  garbageCollection()
}
