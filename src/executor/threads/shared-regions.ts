/**
 * Shared memory of a worker: regions that it writes and others read.
 *
 * Memory that is shared is given back to the system late or never when it is only collected, so regions are used again: the driver
 * says when nobody reads one any more. Sizes are powers of two, from 64 KiB up, so that freed regions fit what comes next.
 */

/** A region, and what was written to it. */
export interface Region {
  readonly id: number
  readonly bytes: Uint8Array
}

const SMALLEST_BITS = 16

/** See the file head. */
export class SharedRegions {
  private readonly memory = new Map<number, SharedArrayBuffer>()
  /** Free regions by the logarithm of their size. */
  private readonly free: number[][] = []
  private nextId = 0

  /** A region of at least `length` bytes. */
  take(length: number): Region {
    const bits = Math.max(SMALLEST_BITS, Math.ceil(Math.log2(Math.max(1, length))))
    let id = this.free[bits]?.pop()
    if (id === undefined) {
      id = this.nextId++
      this.memory.set(id, new SharedArrayBuffer(2 ** bits))
    }
    return { id, bytes: new Uint8Array(this.memory.get(id)!, 0, length) }
  }

  /** The region may be written again. */
  release(id: number): void {
    const buffer = this.memory.get(id)
    if (buffer === undefined) return
    const bits = Math.log2(buffer.byteLength)
    this.free[bits] ??= []
    this.free[bits].push(id)
  }

  /** Bytes of all regions, used or free. */
  get totalBytes(): number {
    let sum = 0
    for (const { byteLength } of this.memory.values()) sum += byteLength
    return sum
  }
}
