/**
 * Gathers single records, and lines of text, into one block for each block interval.
 *
 *   initialized ──start──▶ active ──stop──▶ stopped      (what is gathered becomes a last block)
 *
 * I1  Records come out in the order in which they went in; each is in exactly one block.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import { KindlingError } from '../../base/errors.ts'
import { encodeRecords, recordCount } from '../../data/codec.ts'
import { blockOfRows } from '../../storage/block.ts'
import type { BlockContent, FreshBlock } from './received-blocks.ts'

/** What the generator stands on. */
export interface BlockGeneratorParts {
  readonly clock: Clock
  readonly streamId: number
  readonly intervalMs: number
  /** Takes a block over. What it gives settles when that block is stored, or is not. */
  deliver(block: FreshBlock): void | Promise<void>
  /** A block that nobody waits for was not stored. */
  onLost(block: FreshBlock, error: unknown): void
}

/** Every so many records one is encoded, to know how large they are. */
const SAMPLE_EVERY = 64
/** Bytes of a gathered piece of text, so that many small ones do not become many views. */
const PIECE_BYTES = 64 * 1024

/** See the file head. */
export class BlockGenerator {
  private readonly parts: BlockGeneratorParts
  private state: 'initialized' | 'active' | 'stopped' = 'initialized'
  private timer: Timer | undefined
  private records: unknown[] = []
  private pieces: Uint8Array[] = []
  private pieceUsed = 0
  private lines = 0
  private textBytes = 0
  private sampledBytes = 32
  private sampleIn = 1
  private nextId = 0

  constructor(parts: BlockGeneratorParts) {
    this.parts = parts
  }

  start(): void {
    this.state = 'active'
    this.arm()
  }

  /** Bytes gathered that are in no block yet. */
  get gatheredBytes(): number {
    return this.textBytes + this.records.length * this.sampledBytes
  }

  /** @throws ILLEGAL_STATE unless active; RECORD_NOT_ENCODABLE for what is no data */
  add(record: unknown): void {
    this.assertActive()
    this.sampleIn--
    if (this.sampleIn === 0) {
      this.sampledBytes = encodeRecords([record]).length
      this.sampleIn = SAMPLE_EVERY
    }
    this.records.push(record)
  }

  /** Whole lines; the bytes are copied. */
  addLines(bytes: Uint8Array, lines: number): void {
    this.assertActive()
    const last = this.pieces.at(-1)
    if (last !== undefined && last.length - this.pieceUsed >= bytes.length) {
      last.set(bytes, this.pieceUsed)
      this.pieceUsed += bytes.length
    } else {
      this.closePiece()
      const piece = new Uint8Array(Math.max(PIECE_BYTES, bytes.length))
      piece.set(bytes)
      this.pieces.push(piece)
      this.pieceUsed = bytes.length
    }
    this.lines += lines
    this.textBytes += bytes.length
  }

  /** A block of its own, after what was gathered so far; settles when it is stored, or is not. */
  addBlock(records: readonly unknown[], metadata: unknown): void | Promise<void> {
    this.assertActive()
    this.cut()
    return this.parts.deliver(
      this.block({ block: blockOfRows(records) }, records.length, metadata, encodedSize(records)),
    )
  }

  /** The same, of records that are encoded already. @throws BLOCK_DAMAGED */
  addEncoded(bytes: Uint8Array, metadata: unknown): void | Promise<void> {
    this.assertActive()
    const count = recordCount(bytes)
    this.cut()
    const content = { block: { kind: 'encoded', bytes, pairs: false, count } } as const
    return this.parts.deliver(this.block(content, count, metadata, bytes.length))
  }

  stop(): void {
    if (this.state === 'stopped') return
    this.timer?.cancel()
    this.cut()
    this.state = 'stopped'
  }

  private assertActive(): void {
    if (this.state === 'active') return
    const reason = this.state === 'stopped' ? 'the receiver has stopped' : 'the receiver has not been started'
    throw new KindlingError('ILLEGAL_STATE', { what: 'Storing records', reason })
  }

  private arm(): void {
    const { clock, intervalMs } = this.parts
    const next = (Math.floor(clock.now() / intervalMs) + 1) * intervalMs
    this.timer = clock.schedule(next, () => {
      this.cut()
      if (this.state === 'active') this.arm()
    })
  }

  private cut(): void {
    if (this.records.length > 0) {
      const { records } = this
      const bytes = records.length * this.sampledBytes
      this.records = []
      this.handOver(this.block({ block: blockOfRows(records) }, records.length, undefined, bytes))
    }
    if (this.lines > 0) {
      this.closePiece()
      const { pieces, lines, textBytes } = this
      this.pieces = []
      this.pieceUsed = 0
      this.lines = 0
      this.textBytes = 0
      this.handOver(this.block({ lines: pieces }, lines, undefined, textBytes))
    }
  }

  private closePiece(): void {
    const last = this.pieces.pop()
    if (last !== undefined) this.pieces.push(last.subarray(0, this.pieceUsed))
  }

  private handOver(block: FreshBlock): void {
    const stored = this.parts.deliver(block)
    if (stored !== undefined) stored.catch(error => this.parts.onLost(block, error))
  }

  private block(content: BlockContent, records: number, metadata: unknown, bytes: number): FreshBlock {
    const n = this.nextId++
    return { id: `input-${this.parts.streamId}-${n}`, n, records, bytes, content, metadata }
  }
}

/** About how many bytes records have: the size of the first, times their number. */
function encodedSize(records: readonly unknown[]): number {
  return records.length === 0 ? 0 : encodeRecords([records[0]]).length * records.length
}
