/**
 * Leaves out what `read_committed` must not see: records of transactions that were aborted.
 *
 * With each answer the broker says which transactions in it were aborted, by producer and first offset, also those that began before
 * it. A producer has one transaction at a time, so from that offset on its transactional records are left out, until the mark that ends
 * the transaction. Records of transactions that are not over are in no answer.
 *
 * The client library has a filter of its own, which lets records of aborted transactions through.
 *
 * Source: Kafka CompletedFetch.
 */
import type { AbortedTransaction, RecordBatch } from './cluster.ts'

/** In the key of a mark, after its version; 1 is a commit. Both have 16 bits. */
const ABORT = 0

/** The batches of an answer whose records are to be read; see the file head. */
export function committedBatches(
  batches: readonly RecordBatch[],
  aborted: readonly AbortedTransaction[],
): RecordBatch[] {
  const waiting = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
  const aborting = new Set<bigint>()
  let next = 0
  return batches.filter(batch => {
    while (next < waiting.length && waiting[next]!.firstOffset <= batch.lastOffset)
      aborting.add(waiting[next++]!.producerId)
    if (!batch.isControl) return !(batch.isTransactional && aborting.has(batch.producerId))
    if (isAbort(batch)) aborting.delete(batch.producerId)
    return false
  })
}

function isAbort({ records }: RecordBatch): boolean {
  const key = records[0]?.key
  if (!key || key.byteLength < 4) return false
  return new DataView(key.buffer, key.byteOffset, key.byteLength).getInt16(2) === ABORT
}
