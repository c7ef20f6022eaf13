/** What reads frames of blocks from a TCP connection; see `raw-socket.ts`. */
import type { Socket } from 'node:net'
import { KindlingError } from '../../base/errors.ts'
import type { StorageLevel } from '../../rdd/storage-level.ts'
import { type Address, ConnectingReceiver } from './socket-receiver.ts'

/** Before each block. */
export const LENGTH_BYTES = 4

/** Blocks, each of at most so many bytes. */
export class RawSocketReceiver<T> extends ConnectingReceiver<T> {
  private readonly maxFrameBytes: number

  constructor(address: Address, maxFrameBytes: number, level?: StorageLevel) {
    super(address, level)
    this.maxFrameBytes = maxFrameBytes
  }

  protected async read(socket: Socket): Promise<void> {
    const { host, port } = this.address
    const frames = new FrameReader(`${host}:${port}`, this.maxFrameBytes)
    for await (const bytes of socket as AsyncIterable<Uint8Array>)
      for (const block of frames.push(bytes)) {
        if (this.isStopped()) return
        await this.storeBlock(block)
      }
    frames.end()
  }
}

/** Cuts bytes into the blocks of frames; each in memory of its own. */
export class FrameReader {
  private readonly from: string
  private readonly maxBytes: number
  private readonly head = new Uint8Array(LENGTH_BYTES)
  private headFilled = 0
  private block: Uint8Array | undefined
  private filled = 0

  constructor(from: string, maxBytes: number) {
    this.from = from
    this.maxBytes = maxBytes
  }

  /** The blocks that are complete with these bytes. @throws FRAME_NOT_VALID for a block that is too long */
  *push(bytes: Uint8Array): Generator<Uint8Array> {
    let at = 0
    while (at < bytes.length) {
      if (this.block === undefined) {
        this.head[this.headFilled++] = bytes[at++]!
        if (this.headFilled < LENGTH_BYTES) continue
        this.block = new Uint8Array(this.length())
        this.headFilled = 0
        this.filled = 0
      }
      const part = bytes.subarray(at, at + this.block.length - this.filled)
      this.block.set(part, this.filled)
      this.filled += part.length
      at += part.length
      if (this.filled < this.block.length) continue
      const { block } = this
      this.block = undefined
      yield block
    }
  }

  /** @throws FRAME_NOT_VALID when the bytes ended within a frame */
  end(): void {
    if (this.block === undefined && this.headFilled === 0) return
    throw this.invalid('the connection ended within it')
  }

  private length(): number {
    const length = new DataView(this.head.buffer).getUint32(0)
    if (length <= this.maxBytes) return length
    throw this.invalid(
      `it says that its block has ${length} bytes, and ${this.maxBytes} are the limit (kindling.receiver.maxHeldBytes)`,
    )
  }

  private invalid(reason: string): KindlingError {
    return new KindlingError('FRAME_NOT_VALID', { source: this.from, reason })
  }
}
