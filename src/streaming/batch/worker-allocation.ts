/**
 * As many worker threads as the load of the batches needs.
 *
 * Every scaling interval: the mean processing time of the batches that ended in it, as a part of the batch interval.
 *
 *   from scalingUpRatio on       max(1, that part rounded) threads more, up to the most
 *   down to scalingDownRatio     one thread less, down to the least
 *   else, or without batches     nothing
 *
 * Batches with a failed output do not count: they may have ended early.
 * Source: Spark ExecutorAllocationManager (streaming), where a worker is an executor.
 */
import { availableParallelism } from 'node:os'
import type { Clock, Timer } from '../../base/clock.ts'
import { type Config, configEntries } from '../../base/config.ts'
import type { ConfigEntry } from '../../base/config-entry.ts'
import { KindlingError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { BatchInfo, StreamingListener } from '../listener.ts'

/** The threads that tasks run on. */
export interface Workers {
  /** How many there are. */
  readonly capacity: number
  /** Those that are too many end once they are free. */
  resize(size: number): void
}

/** Ratios are parts of the batch interval. */
export interface AllocationRules {
  readonly scalingIntervalMs: number
  readonly upRatio: number
  readonly downRatio: number
  readonly minWorkers: number
  readonly maxWorkers: number
}

/** What the allocation stands on. */
export interface AllocationParts {
  readonly conf: Config
  readonly clock: Clock
  readonly logger: Logger
  readonly batchMs: number
  /** `undefined`: tasks run on the program's own thread. */
  readonly workers: Workers | undefined
}

/** How many workers there should be when batches take `ratio` of their interval. */
export function wantedWorkers(ratio: number, current: number, rules: AllocationRules): number {
  const { upRatio, downRatio, minWorkers, maxWorkers } = rules
  if (ratio >= upRatio)
    return Math.max(Math.min(maxWorkers, current + Math.max(Math.round(ratio), 1)), minWorkers)
  return ratio <= downRatio && current > minWorkers ? current - 1 : current
}

/**
 * The rules that the settings say; `undefined` when the number of workers is fixed.
 *
 * @param current workers at first
 * @throws INVALID_CONFIG for settings that do not go together
 */
export function allocationRules(conf: Config, current: number): AllocationRules | undefined {
  const { dynamicAllocationEnabled: enabled, coreDynamicAllocation: core } = configEntries
  if (!conf.get(enabled)) return undefined
  if (conf.get(core)) throw refused(core, true, `false while ${enabled.key} is true`)
  const {
    dynamicAllocationScalingUpRatio: up,
    dynamicAllocationScalingDownRatio: down,
    dynamicAllocationMinExecutors: min,
    dynamicAllocationMaxExecutors: max,
  } = configEntries
  const rules = {
    scalingIntervalMs: conf.get(configEntries.dynamicAllocationScalingInterval),
    upRatio: conf.get(up),
    downRatio: conf.get(down),
    minWorkers: conf.get(min) ?? 1,
    // More threads than cores are of use only to a program that asks for them.
    maxWorkers: conf.get(max) ?? Math.max(current, conf.get(min) ?? 1, availableParallelism()),
  }
  const { upRatio, downRatio, minWorkers, maxWorkers } = rules
  if (downRatio <= 0) throw refused(down, downRatio, 'a number above 0')
  if (upRatio <= downRatio) throw refused(up, upRatio, `a number above ${down.key}, which is ${downRatio}`)
  if (maxWorkers < minWorkers) throw refused(max, maxWorkers, `at least ${min.key}, which is ${minWorkers}`)
  return rules
}

/** See the file head. */
export class WorkerAllocation implements Partial<StreamingListener> {
  private readonly parts: AllocationParts
  private rules: AllocationRules | undefined
  private timer: Timer | undefined
  private sumMs = 0
  private batches = 0

  constructor(parts: AllocationParts) {
    this.parts = parts
  }

  /**
   * Whether the number of workers will follow the load. Nothing is started.
   *
   * @throws INVALID_CONFIG for settings that do not go together
   */
  prepare(): boolean {
    const { conf, workers, logger } = this.parts
    this.rules = allocationRules(conf, workers?.capacity ?? 1)
    if (this.rules !== undefined && workers === undefined) {
      const { key } = configEntries.dynamicAllocationEnabled
      logger.warn(`${key} has no effect: tasks run on the thread of the program, not on worker threads`)
      this.rules = undefined
    }
    return this.rules !== undefined
  }

  /** Begins, if it is prepared. */
  start(): void {
    const { rules } = this
    if (rules === undefined) return
    const { clock } = this.parts
    const next = (at: number): void => {
      this.timer = clock.schedule(at, () => {
        this.look(rules)
        next(at + rules.scalingIntervalMs)
      })
    }
    next(clock.now() + rules.scalingIntervalMs)
  }

  stop(): void {
    this.timer?.cancel()
  }

  onBatchCompleted({ batchInfo }: { readonly batchInfo: BatchInfo }): void {
    const { outputOperationInfos, processingDelay } = batchInfo
    if (processingDelay === undefined) return
    for (const { failureReason } of outputOperationInfos.values()) if (failureReason !== undefined) return
    this.sumMs += processingDelay
    this.batches++
  }

  private look(rules: AllocationRules): void {
    if (this.batches === 0) return
    const { batchMs, logger } = this.parts
    const workers = this.parts.workers!
    const ratio = this.sumMs / this.batches / batchMs
    this.sumMs = 0
    this.batches = 0
    const size = workers.capacity
    const wanted = wantedWorkers(ratio, size, rules)
    if (wanted === size) return
    const load = `batches take ${Math.round(100 * ratio)} % of their interval`
    logger.info(`${load}: ${wanted} worker threads instead of ${size}`)
    workers.resize(wanted)
  }
}

function refused(entry: ConfigEntry<unknown>, value: unknown, expected: string): KindlingError {
  return new KindlingError('INVALID_CONFIG', { key: entry.key, value, expected })
}
