/** Where a context's tasks run: on the program's own thread, or on threads of their own. */
import { getHeapStatistics } from 'node:v8'
import { type Clock, SystemClock } from '../base/clock.ts'
import type { Config } from '../base/config.ts'
import { configEntries } from '../base/config-entries.ts'
import { fromWire } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import { InlineBackend, type TaskHook } from '../executor/inline-backend.ts'
import type { TaskStores } from '../executor/legs.ts'
import { TaskRunner } from '../executor/task-runner.ts'
import type { LongCall } from '../executor/task-time.ts'
import { type HeapLimits, type StartCarrier, threadCarriers } from '../executor/threads/carrier.ts'
import { scopeOf } from '../executor/threads/revived-stage.ts'
import { ThreadBackend } from '../executor/threads/thread-backend.ts'
import { ThreadPool } from '../executor/threads/thread-pool.ts'
import type { SegmentMode } from '../rdd/segment/segment.ts'
import type { Backend } from '../scheduler/task.ts'
import { TaskQueue } from '../scheduler/task-queue.ts'
import type { SpillFolder } from '../storage/spill-folder.ts'
import type { BroadcastStore } from './broadcast.ts'
import { ContextShared } from './driver-shared.ts'
import type { Master } from './master.ts'
import { schedulingPolicy } from './scheduling-policy.ts'

/** What a context gives its backends. */
export interface BackendHost extends TaskStores {
  readonly conf: Config
  readonly clock: Clock
  readonly logger: Logger
  readonly spillFolder: SpillFolder
}

export interface BackendParts {
  readonly master: Master
  readonly broadcasts: BroadcastStore
  readonly hook: TaskHook | undefined
  /** Where workers run that go by the context's clock; default: on threads, which go by the machine's. */
  readonly carriers: StartCarrier | undefined
  onLongCall(call: LongCall): void
}

/** The backend of a context; and the threads, where it has any. */
export interface Backends {
  readonly backend: Backend
  readonly threads: ThreadBackend | undefined
}

export function makeBackends(host: BackendHost, parts: BackendParts): Backends {
  const { conf, clock, logger } = host
  const { master, broadcasts, hook, carriers, onLongCall } = parts
  const segments = conf.get(configEntries.segments)
  const yieldAfterMs = conf.get(configEntries.taskYieldAfter)
  const longCallMs = conf.get(configEntries.taskLongCallWarning)
  const mode = segments as SegmentMode
  const heapBytes = conf.get(configEntries.workerHeap)
  const budget = conf.get(configEntries.shuffleMaxBytes)
  const { spillFolder } = host
  const spill = { budgetBytes: budget ?? heapShare(undefined) / master.slots, folder: spillFolder }
  const runner = new TaskRunner(host, { clock, mode, yieldAfterMs, longCallMs, spill, onLongCall })
  const policy = schedulingPolicy(conf)
  const slots = { capacity: master.slots, queue: new TaskQueue(policy) }
  const inline = new InlineBackend(runner, slots, clock.activity, hook)
  if (!master.threads || conf.get(configEntries.executor) === 'inline')
    return { backend: inline, threads: undefined }

  const limits = heapBytes === undefined ? {} : heapLimits(heapBytes / 2 ** 20)
  const workerClock = carriers === undefined ? new SystemClock() : clock
  const pool = new ThreadPool({
    start: carriers ?? threadCarriers(workerEntry(), limits),
    settings: { segments, yieldAfterMs, longCallMs, spillBytes: budget ?? heapShare(heapBytes) },
    spillFolder,
    clock: workerClock,
    size: master.slots,
    onLoose(message) {
      if (message.type === 'log') logger[message.level](message.message)
      else if (message.type === 'floated') {
        const error = fromWire(message.error)
        logger.error(`a promise was rejected on a worker thread and nobody handled it: ${error.message}`, {
          error,
        })
      } else onLongCall({ ...message, operators: message.operators.map(scopeOf) })
    },
    onLost: reason => logger.warn(`a worker thread ended and is replaced: ${reason}`),
  })
  const shared = new ContextShared(broadcasts)
  const threads = new ThreadBackend({
    pool,
    queue: new TaskQueue(policy),
    inline,
    stores: host,
    spillFolder,
    shared,
    clock,
    workerClock,
    now: carriers === undefined ? () => performance.now() : () => clock.now(),
    hook,
    killAfterMs: conf.get(configEntries.taskKillAfter),
    timeoutMs: conf.get(configEntries.taskTimeout),
  })
  broadcasts.onDrop = id => {
    shared.forget(id)
    threads.resendBroadcast(id)
  }
  return { backend: threads, threads }
}

/** What the shuffles of all tasks on one heap may hold. Objects take more than their estimates, and their garbage as much again. */
function heapShare(heapBytes = getHeapStatistics().heap_size_limit): number {
  return 0.2 * heapBytes
}

/**
 * Of a heap of so many MB. Young objects are limited too: were all of them moved to a full heap at once, V8 would end the whole
 * process before it can end the thread.
 */
function heapLimits(mb: number): HeapLimits {
  return {
    maxOldGenerationSizeMb: mb,
    maxYoungGenerationSizeMb: Math.min(64, Math.max(8, Math.round(mb / 4))),
  }
}

/** The module that threads run: beside this one, as source or as built. */
function workerEntry(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? './worker-entry.ts' : './worker-entry.js', import.meta.url)
}
