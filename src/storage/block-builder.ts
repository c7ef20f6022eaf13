/**
 * Records that come one by one, as blocks: pairs of flat values in two columns at once, all others in one block when it is finished.
 *
 * Columns end at a bounded size, for a large array is copied whenever it grows.
 */
import { isImmutable } from '../data/codec.ts'
import { isPlainArray } from '../data/value-type.ts'
import { type Block, blockOfRows } from './block.ts'

/** Pairs of a block. */
const BLOCK_PAIRS = 4096

/** See the file head. Used once. */
export class BlockBuilder {
  private readonly blocks: Block[] = []
  private keys: unknown[] = []
  private values: unknown[] = []
  private rows: unknown[] | undefined

  add(record: unknown): void {
    if (this.rows === undefined) {
      if (isPlainArray(record) && record.length === 2 && isImmutable(record[0]) && isImmutable(record[1])) {
        this.keys.push(record[0])
        if (this.values.push(record[1]) === BLOCK_PAIRS) this.endPairs()
        return
      }
      this.rows = this.keys.map((key, i) => [key, this.values[i]])
    }
    this.rows.push(record)
  }

  /** @throws RECORD_NOT_ENCODABLE */
  finish(): readonly Block[] {
    if (this.rows === undefined) this.endPairs()
    else this.blocks.push(blockOfRows(this.rows))
    return this.blocks
  }

  private endPairs(): void {
    const { keys, values } = this
    if (keys.length > 0) this.blocks.push({ kind: 'pairs', keys, values })
    this.keys = []
    this.values = []
  }
}
