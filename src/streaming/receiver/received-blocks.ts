/**
 * What a receiver took in and no batch has finished with yet.
 *
 * Bounded in bytes: when more is held than `maxBytes`, whoever stores waits until a batch is done. Bytes are those of text as it came,
 * and an estimate for other records.
 *
 * I1  A block belongs to exactly one batch, and to the next one that is planned.
 */
import type { ChunkSource } from '../../data/chunk.ts'
import { decodeLines } from '../../data/text.ts'
import { makeNode, type SourceNode } from '../../rdd/nodes.ts'
import { type Block, encodedBlock, sourceOfBlocks } from '../../storage/block.ts'

/** Records of one block interval. Text stays bytes until a task reads it. */
export interface ReceivedBlock {
  /** `input-<stream>-<n>` */
  readonly id: string
  /** Its number among those of its stream in this process. */
  readonly n: number
  readonly records: number
  readonly bytes: number
  readonly content: BlockContent | { readonly logged: LoggedContent }
  readonly metadata: unknown
}

/** A block as a receiver gave it. */
export interface FreshBlock extends ReceivedBlock {
  readonly content: BlockContent
}

/** Records in memory. */
export type BlockContent = { readonly lines: readonly Uint8Array[] } | { readonly block: Block }

/** Reads records of a block that a process before this one logged, when a task needs them. */
export type LoggedContent = () => Promise<BlockContent>

/** Text is decoded in pieces of about this many bytes, so that strings cut from it pin little. */
const PIECE_BYTES = 256 * 1024

/** See the file head. */
export class ReceivedBlocks {
  private readonly maxBytes: number
  private waiting: ReceivedBlock[] = []
  private readonly inBatches = new Map<number, number>()
  private held = 0
  private room: PromiseWithResolvers<void> | undefined

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /** Bytes held, in waiting blocks and in batches that are not done. */
  get heldBytes(): number {
    return this.held
  }

  get hasWaiting(): boolean {
    return this.waiting.length > 0
  }

  /**
   * `undefined` when there is room; else resolves when there is.
   *
   * @param gathered bytes that are in no block yet
   */
  whenRoom(gathered: number): Promise<void> | undefined {
    if (this.held + gathered <= this.maxBytes) return undefined
    this.room ??= Promise.withResolvers()
    return this.room.promise
  }

  /** Counts a block that is being stored. */
  hold({ bytes }: ReceivedBlock): void {
    this.held += bytes
  }

  /** It was not stored after all. */
  drop({ bytes }: ReceivedBlock): void {
    this.held -= bytes
    this.makeRoom()
  }

  /** A block that is stored, and held already. */
  add(block: ReceivedBlock): void {
    this.waiting.push(block)
  }

  /** Gives all waiting blocks to the batch at `timeMs`. */
  allocate(timeMs: number): readonly ReceivedBlock[] {
    const blocks = this.waiting
    this.waiting = []
    const bytes = blocks.reduce((sum, block) => sum + block.bytes, 0)
    if (bytes > 0) this.inBatches.set(timeMs, (this.inBatches.get(timeMs) ?? 0) + bytes)
    return blocks
  }

  /** The batches up to `timeMs` are done. */
  release(timeMs: number): void {
    for (const [time, bytes] of this.inBatches) {
      if (time > timeMs) continue
      this.inBatches.delete(time)
      this.held -= bytes
    }
    this.makeRoom()
  }

  private makeRoom(): void {
    if (this.held > this.maxBytes) return
    this.room?.resolve()
    this.room = undefined
  }

  /** Lets everybody go who waits for room: the stream has stopped. */
  close(): void {
    this.room?.resolve()
    this.room = undefined
  }
}

/** The records of blocks, one partition a block. */
export function blocksNode(name: string, blocks: readonly ReceivedBlock[]): SourceNode {
  return makeNode<SourceNode>(
    {
      kind: 'source',
      descriptors: blocks,
      open: openBlock as SourceNode['open'],
      toSend: descriptor => sentBlock(descriptor as ReceivedBlock),
      origin: {
        describe: descriptor => (descriptor as ReceivedBlock).id,
        locate: block => ({ at: () => ({ source: { block } }), close() {} }),
      },
      isEmpty: descriptor => (descriptor as ReceivedBlock).records === 0,
      numPartitions: blocks.length,
      partitioner: undefined,
    },
    name,
  )
}

/** The block as another thread opens it: its content, as bytes. */
function sentBlock({ content }: ReceivedBlock): unknown {
  const sent = (of: BlockContent): unknown => ({
    content: 'block' in of ? { block: encodedBlock(of.block) } : { lines: of.lines },
  })
  return 'logged' in content ? content.logged().then(sent) : sent(content)
}

function openBlock({ content }: Pick<ReceivedBlock, 'content'>): ChunkSource | Promise<ChunkSource> {
  return 'logged' in content ? content.logged().then(openContent) : openContent(content)
}

function openContent(content: BlockContent): ChunkSource {
  if ('block' in content) return sourceOfBlocks([content.block])
  let at = 0
  let offset = 0
  return {
    next() {
      const lines = content.lines[at]
      if (lines === undefined) return undefined
      const end = pieceEnd(lines, offset)
      const text = decodeLines(lines.subarray(offset, end))
      offset = end
      if (offset >= lines.length) {
        at++
        offset = 0
      }
      return { kind: 'text', text }
    },
    close() {
      at = content.lines.length
    },
  }
}

/** The end of the last line that begins before the piece is full. */
function pieceEnd(lines: Uint8Array, from: number): number {
  if (lines.length - from <= PIECE_BYTES) return lines.length
  const lf = lines.indexOf(10, from + PIECE_BYTES)
  return lf < 0 ? lines.length : lf + 1
}
