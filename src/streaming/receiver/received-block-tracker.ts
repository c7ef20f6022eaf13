/**
 * Which received blocks are stored, and which batch has them; with a checkpoint directory, also across restarts.
 *
 *   block ─▶ held ─▶ (log) ─▶ stored ─▶ batch t, in its plan ─▶ done
 *
 * The plan of a batch names its logged blocks, and the first one that is left for later batches. After a restart, blocks before the
 * one that the last plan names have had their batch; those after it go to the next batch, before all that is new.
 *
 * Without the log, blocks are in memory only: what a plan had of them is lost with the process.
 */
import { KindlingError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { FreshBlock, ReceivedBlock } from './received-blocks.ts'
import { ReceivedBlocks } from './received-blocks.ts'
import type { BlockRef, LoggedBlock, ReceivedLog } from './received-log.ts'

/** What the log of batches says of a receiver. */
export interface BlocksPlan {
  /** Blocks before this one have had their batch. */
  readonly next: { readonly epoch: number; readonly n: number }
  readonly blocks: readonly LoggedBlock[]
  /** Records of blocks that are in no log. */
  readonly unlogged: number
}

/** What the tracker stands on. */
export interface TrackerParts {
  /** What the receiver is, for messages. */
  readonly name: string
  readonly logger: Logger
  readonly maxHeldBytes: number
  /** Of the checkpoint directory, if there is one. */
  readonly log: ReceivedLog | undefined
  /** Whether blocks are logged before they count as stored. */
  readonly isLogging: boolean
}

/** See the file head. */
export class ReceivedBlockTracker {
  /** Those that are held and not in the log of an earlier process. */
  readonly held: ReceivedBlocks
  private readonly parts: TrackerParts
  /** Logged by earlier processes, and in no batch. */
  private earlier: readonly LoggedBlock[] = []
  /** All that earlier processes logged. */
  private readonly known = new Map<string, LoggedBlock>()
  private readonly logged = new Map<ReceivedBlock, LoggedBlock>()
  private readonly storing = new Set<Promise<void>>()
  /** The first block of this process that has no batch yet. */
  private next = 0
  private plan: { readonly timeMs: number; readonly plan: BlocksPlan } | undefined

  /** @throws RECEIVER_LOG_WITHOUT_DIRECTORY */
  constructor(parts: TrackerParts) {
    this.parts = parts
    this.held = new ReceivedBlocks(parts.maxHeldBytes)
    if (parts.isLogging && parts.log === undefined)
      throw new KindlingError('RECEIVER_LOG_WITHOUT_DIRECTORY', { receiver: parts.name })
  }

  /** Finds out what earlier processes logged; before anything else. */
  async open(): Promise<void> {
    this.earlier = (await this.parts.log?.open()) ?? []
    for (const block of this.earlier) this.known.set(keyOf(block), block)
  }

  /** Bytes held, of blocks that are being stored, wait for a batch, or are in one that is not done. */
  get heldBytes(): number {
    return this.held.heldBytes
  }

  get hasWaiting(): boolean {
    return this.earlier.length > 0 || this.held.hasWaiting
  }

  /** Stores a block. With the log, resolves when it is there. @throws BLOCK_NOT_LOGGED, FENCED, RECORD_NOT_ENCODABLE */
  store(block: FreshBlock): void | Promise<void> {
    this.held.hold(block)
    if (!this.parts.isLogging) {
      this.held.add(block)
      return
    }
    const stored = this.log(this.parts.log!, block)
    this.storing.add(stored)
    const end = (): void => void this.storing.delete(stored)
    stored.then(end, end)
    return stored
  }

  private async log(log: ReceivedLog, block: FreshBlock): Promise<void> {
    try {
      this.logged.set(block, await log.append(block))
    } catch (error) {
      this.held.drop(block)
      throw error
    }
    this.held.add(block)
  }

  /** Resolves when all blocks that were given are stored, or are not. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.storing)
  }

  /** Gives all stored blocks to a batch. */
  allocate(timeMs: number): readonly ReceivedBlock[] {
    const { log } = this.parts
    const fresh = this.held.allocate(timeMs)
    if (log === undefined) return fresh
    const { earlier } = this
    this.earlier = []
    if (this.plan === undefined) {
      // The first batch of this process: all plans of before have been taken up.
      log.earlierAllocated(timeMs)
      this.known.clear()
    }
    const logged: LoggedBlock[] = [...earlier]
    let unlogged = 0
    for (const block of fresh) {
      const at = this.logged.get(block)
      this.logged.delete(block)
      if (at === undefined) unlogged += block.records
      else logged.push(at)
      this.next = Math.max(this.next, block.n + 1)
    }
    log.allocated(logged, timeMs)
    this.plan = { timeMs, plan: { next: { epoch: log.epoch, n: this.next }, blocks: logged, unlogged } }
    return [...earlier.map(block => this.unread(block)), ...fresh]
  }

  /** The plan that was made last. */
  describe(timeMs: number): BlocksPlan | undefined {
    return this.plan?.timeMs === timeMs ? this.plan.plan : undefined
  }

  /** Takes up the plan of a batch of an earlier process; `undefined` when what it had was not logged. */
  restore(timeMs: number, { next, blocks, unlogged }: BlocksPlan): readonly ReceivedBlock[] | undefined {
    const { name, logger, log } = this.parts
    this.earlier = this.earlier.filter(
      ({ epoch, n }) => epoch > next.epoch || (epoch === next.epoch && n >= next.n),
    )
    const found: LoggedBlock[] = []
    let lost = unlogged
    for (const block of blocks) {
      const known = this.known.get(keyOf(block))
      if (known === undefined) lost += block.records
      else found.push(known)
    }
    if (found.length === 0 && lost > 0) return undefined
    if (lost > 0)
      logger.warn(`${name}: ${lost} records of the batch at ${timeMs} ms are not in the log, and are lost`)
    log?.allocated(found, timeMs)
    return found.map(block => this.unread(block))
  }

  /** A block that is read when a task needs it. */
  private unread(block: LoggedBlock & BlockRef): ReceivedBlock {
    const { n, records } = block
    const logged = () => this.parts.log!.read(block)
    return { id: keyOf(block), n, records, bytes: 0, content: { logged }, metadata: undefined }
  }
}

function keyOf({ epoch, n }: LoggedBlock): string {
  return `logged-${epoch}-${n}`
}
