/**
 * The records of a source, gathered so that a synchronous loop can read them, also more than once: in memory, and where that is more
 * than the task may hold, in its file, in the same order. Records that no block can hold stay in memory.
 *
 *   chunk · chunk · chunk     more than the share: all so far go to the file
 *   part · part · part · chunk · chunk …
 */
import { isKindlingError } from '../base/errors.ts'
import { type Chunk, type ChunkSource, chunkLength, chunkRows } from '../data/chunk.ts'
import { decodePairs, decodeRecords, encodePairs, encodeRecords } from '../data/codec.ts'
import { roughBytes, roughPairBytes } from '../storage/rough-size.ts'
import type { FilePart } from '../storage/spill-file.ts'
import type { TaskMemory } from './task-memory.ts'

interface Filed extends FilePart {
  readonly kind: 'filed'
  readonly pairs: boolean
}

/** Records of a part of the file: one is in memory at a time while it is read. */
const PART_RECORDS = 4096

/** See the file head. Holds memory of the task until it is released. */
export class Gathered {
  private readonly memory: TaskMemory
  private readonly parts: (Chunk | Filed)[] = []
  /** Parts from here on have not been looked at for the file. */
  private fresh = 0
  private freshBytes = 0
  private isReleased = false

  private constructor(memory: TaskMemory) {
    this.memory = memory
  }

  /** Reads the source to its end, and closes it. @throws what the source throws; OUTPUT_FAILED */
  static async of(source: ChunkSource, memory: TaskMemory): Promise<Gathered> {
    const gathered = new Gathered(memory)
    memory.take()
    try {
      for (let chunk = await source.next(); chunk !== undefined; chunk = await source.next())
        gathered.add(chunk)
    } catch (error) {
      gathered.release()
      throw error
    } finally {
      await source.close()
    }
    return gathered
  }

  /** Whether some of it is in the file. */
  get isFiled(): boolean {
    return this.parts.some(({ kind }) => kind === 'filed')
  }

  /** All of it, from the beginning. @throws BLOCK_DAMAGED (from `next`) */
  chunks(): ChunkSource & { next(): Chunk | undefined } {
    let at = 0
    return {
      next: () => {
        const part = this.parts[at++]
        return part?.kind === 'filed' ? this.read(part) : part
      },
      close: () => {
        at = this.parts.length
      },
    }
  }

  /** The task may hold other things instead. */
  release(): void {
    if (this.isReleased) return
    this.isReleased = true
    this.parts.length = 0
    this.memory.release()
  }

  private add(chunk: Chunk): void {
    this.parts.push(chunk)
    this.freshBytes += sizeOf(chunk)
    if (this.freshBytes > this.memory.share) this.file()
  }

  private file(): void {
    const { parts, fresh, freshBytes } = this
    let written = 0
    for (const chunk of parts.splice(fresh)) {
      const filed = chunk.kind === 'filed' ? [] : this.filed(chunk)
      parts.push(...(filed ?? [chunk]))
      for (const { length } of filed ?? []) written += length
    }
    this.fresh = parts.length
    this.freshBytes = 0
    this.memory.spilled(freshBytes, written)
  }

  /** `undefined` for records that no block can hold. */
  private filed(chunk: Chunk): readonly Filed[] | undefined {
    try {
      const file = this.memory.runFile
      return encoded(chunk).map(bytes => ({
        kind: 'filed',
        pairs: chunk.kind === 'pairs',
        ...file.append(bytes),
      }))
    } catch (error) {
      if (isKindlingError(error) && error.code === 'RECORD_NOT_ENCODABLE') return undefined
      throw error
    }
  }

  private read(part: Filed): Chunk {
    const bytes = this.memory.runFile.read(part)
    return part.pairs
      ? { kind: 'pairs', ...decodePairs(bytes) }
      : { kind: 'rows', rows: decodeRecords(bytes) }
  }
}

function sizeOf(chunk: Chunk): number {
  if (chunk.kind === 'text') return chunk.text.length
  return chunk.kind === 'rows' ? roughBytes(chunk.rows) : roughPairBytes(chunk.keys, chunk.values)
}

/** @throws RECORD_NOT_ENCODABLE before anything is written */
function encoded(chunk: Chunk): Uint8Array[] {
  const starts = Array.from(
    { length: Math.ceil(chunkLength(chunk) / PART_RECORDS) },
    (_, i) => i * PART_RECORDS,
  )
  if (chunk.kind === 'pairs') {
    const { keys, values } = chunk
    return starts.map(at =>
      encodePairs(keys.slice(at, at + PART_RECORDS), values.slice(at, at + PART_RECORDS)),
    )
  }
  const rows = chunkRows(chunk)
  return starts.map(at => encodeRecords(rows.slice(at, at + PART_RECORDS)))
}
