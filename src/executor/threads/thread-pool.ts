/**
 * The worker threads of a context. They are started in the background when the first task comes, and replaced when they end.
 *
 * I1  A thread is taken by one task at a time.
 */
import { KindlingError } from '../../base/errors.ts'
import { type LooseMessage, type WorkerStart, WorkerThread } from './worker-thread.ts'

/** What the pool stands on. */
export interface ThreadPoolParts extends WorkerStart {
  /** Threads at first. */
  readonly size: number
  onLoose(message: LooseMessage): void
  onLost(reason: string): void
}

/** So many threads in a row that end before they take messages: starting another will not help. */
const MAX_FAILED_STARTS = 3
/** How long threads have to end by themselves. */
const STOP_WITHIN_MS = 2000

/** See the file head. */
export class ThreadPool {
  /** Called when a thread may have become free. */
  onFree: () => void = () => {}
  private readonly parts: ThreadPoolParts
  private readonly threads = new Set<WorkerThread>()
  /** Threads that were too many and have not ended yet. */
  private readonly leaving = new Set<WorkerThread>()
  /** Free threads, the one used last at the end: it is the warmest. */
  private readonly free: WorkerThread[] = []
  private wanted: number
  private nextId = 0
  private failedStarts = 0
  private stopped = false
  /** Why there are no threads, and will be none. */
  failure: KindlingError | undefined

  constructor(parts: ThreadPoolParts) {
    this.parts = parts
    this.wanted = parts.size
  }

  /** How many threads there are, or will be when the first task comes. */
  get size(): number {
    return this.wanted
  }

  /** The threads that run. */
  get all(): Iterable<WorkerThread> {
    return this.threads
  }

  /** Starts the threads; done by itself with the first task. */
  start(): void {
    while (this.threads.size < this.wanted && !this.stopped && this.failure === undefined) this.startOne()
  }

  /** More or fewer threads. Those that are too many end once they are free. */
  resize(size: number): void {
    this.wanted = size
    while (this.threads.size > size && this.free.length > 0) this.endOne(this.free.shift()!)
    if (this.threads.size > 0) this.start()
    this.onFree()
  }

  /** Whether the thread runs, and is not one of those that are too many. */
  has(thread: WorkerThread): boolean {
    return this.threads.has(thread)
  }

  /** A free thread, which is then taken. */
  take(): WorkerThread | undefined {
    this.start()
    return this.free.pop()
  }

  /** Takes a certain thread, if it is free. */
  takeThis(thread: WorkerThread): WorkerThread | undefined {
    const at = this.free.indexOf(thread)
    return at < 0 ? undefined : this.free.splice(at, 1)[0]
  }

  /** Whether a thread is free. */
  get hasFree(): boolean {
    this.start()
    return this.free.length > 0
  }

  /** The thread is free again. */
  give(thread: WorkerThread): void {
    if (thread.isEnded) return
    if (this.threads.size > this.wanted) this.endOne(thread)
    else this.free.push(thread)
  }

  /** Ends all threads. */
  async stop(): Promise<void> {
    this.stopped = true
    await Promise.all([...this.threads, ...this.leaving].map(thread => thread.stop(STOP_WITHIN_MS)))
  }

  private startOne(): void {
    const { onLoose, onLost } = this.parts
    let isReady = false
    const thread: WorkerThread = new WorkerThread(this.nextId++, this.parts, {
      ready: () => {
        isReady = true
        this.failedStarts = 0
        this.give(thread)
        this.onFree()
      },
      loose: onLoose,
      ended: reason => {
        const wasWanted = this.threads.delete(thread) && !this.stopped
        const at = this.free.indexOf(thread)
        if (at >= 0) this.free.splice(at, 1)
        if (!wasWanted) return
        onLost(reason)
        if (!isReady && ++this.failedStarts >= MAX_FAILED_STARTS)
          this.failure = new KindlingError('WORKER_NOT_STARTED', { reason })
        this.start()
        this.onFree()
      },
    })
    this.threads.add(thread)
  }

  private endOne(thread: WorkerThread): void {
    this.threads.delete(thread)
    this.leaving.add(thread)
    void thread.stop(STOP_WITHIN_MS).then(() => this.leaving.delete(thread))
  }
}
