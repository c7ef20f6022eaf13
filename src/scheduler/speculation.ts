/**
 * When a task counts as slow, so that a copy of it is started beside it: Spark's rules, as pure functions.
 *
 *   enough tasks of the set have ended   →  max(multiplier × median of their times, minTaskRuntime)
 *   not enough, few tasks, a fixed limit →  max(task.duration.threshold, minTaskRuntime)
 *   else                                 →  never
 *
 * Source: Spark TaskSetManager.checkSpeculatableTasks.
 */

/** Spark's `spark.speculation.*`. */
export interface SpeculationRules {
  /** How often running tasks are looked at. */
  readonly intervalMs: number
  readonly multiplier: number
  /** The part of a set's tasks that must have ended, from 0 to 1. */
  readonly quantile: number
  readonly minTaskRuntimeMs: number
  /** For sets too small for a median. */
  readonly durationThresholdMs: number | undefined
}

/** How long the tasks of one set took that succeeded. Cost of `add`: O(tasks) moves of a number. */
export class TaskTimes {
  private readonly sorted: number[] = []

  add(ms: number): void {
    let low = 0
    let high = this.sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.sorted[middle]! <= ms) low = middle + 1
      else high = middle
    }
    this.sorted.splice(low, 0, ms)
  }

  get count(): number {
    return this.sorted.length
  }

  /** Of an even number the mean of the middle two; `NaN` of none. */
  get median(): number {
    const { sorted } = this
    const middle = sorted.length >>> 1
    if (sorted.length % 2 === 1) return sorted[middle]!
    return sorted.length === 0 ? Number.NaN : (sorted[middle - 1]! + sorted[middle]!) / 2
  }
}

/** A task of the set that has run for longer than this, in ms, is slow; `undefined`: it cannot be told. */
export function slowAfter(
  rules: SpeculationRules,
  set: { readonly tasks: number; readonly times: TaskTimes; readonly slots: number },
): number | undefined {
  const { durationThresholdMs, minTaskRuntimeMs } = rules
  const { tasks, times, slots } = set
  if (tasks === 1 && durationThresholdMs === undefined) return undefined
  const enough = Math.max(1, Math.floor(rules.quantile * tasks))
  if (times.count >= enough) return Math.max(rules.multiplier * times.median, minTaskRuntimeMs)
  if (durationThresholdMs === undefined || tasks > slots) return undefined
  return Math.max(durationThresholdMs, minTaskRuntimeMs)
}
