/** Records that come one by one, as a block: pairs of flat values in two columns at once, all others when it is finished. */
import { isImmutable } from '../data/codec.ts'
import { isPlainArray } from '../data/value-type.ts'
import { type Block, blockOfRows } from './block.ts'

/** See the file head. Used once. */
export class BlockBuilder {
  private keys: unknown[] = []
  private values: unknown[] = []
  private rows: unknown[] | undefined

  add(record: unknown): void {
    if (this.rows === undefined) {
      if (isPlainArray(record) && record.length === 2 && isImmutable(record[0]) && isImmutable(record[1])) {
        this.keys.push(record[0])
        this.values.push(record[1])
        return
      }
      this.rows = this.keys.map((key, i) => [key, this.values[i]])
    }
    this.rows.push(record)
  }

  /** @throws RECORD_NOT_ENCODABLE */
  finish(): Block {
    const { rows, keys, values } = this
    if (rows !== undefined) return blockOfRows(rows)
    return keys.length === 0 ? blockOfRows([]) : { kind: 'pairs', keys, values }
  }
}
