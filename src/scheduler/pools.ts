/**
 * How tasks of several jobs share the slots: Spark's FIFO and FAIR.
 *
 *   FIFO   one list of task sets, by job and stage
 *   FAIR   pools by name, which get slots by their weight once each has its share; within a pool FIFO, or FAIR between task sets
 *
 * Source: Spark SchedulableBuilder, SchedulingAlgorithm. Unlike there, a tie goes to the pool that was served longest ago, not to the
 * first by name: with one slot, the others would never be served.
 */
import type { JobProperties } from './task.ts'

export type SchedulingMode = 'FIFO' | 'FAIR'

/** How one pool shares its slots, and what it gets of all. */
export interface PoolSettings {
  /** Between the task sets of the pool. */
  readonly mode: SchedulingMode
  /** How much more than others it gets, from 1. */
  readonly weight: number
  /** Tasks that it may run before weights count, from 0. */
  readonly minShare: number
}

/** How a context shares its slots. */
export interface SchedulingPolicy {
  readonly mode: SchedulingMode
  /** By name; others are made as they are asked for. */
  readonly pools: ReadonlyMap<string, PoolSettings>
}

/** What a pool has that nobody has described. */
export const DEFAULT_POOL: PoolSettings = { mode: 'FIFO', weight: 1, minShare: 0 }

/** The local property that names the pool of a job; without it, `default`. */
export const POOL_PROPERTY = 'spark.scheduler.pool'

/** The pool that jobs of these properties belong to. */
export function poolOf({ local }: JobProperties): string {
  return local?.[POOL_PROPERTY] ?? 'default'
}

/** What the fair order looks at. */
export interface Share {
  readonly weight: number
  readonly minShare: number
  /** Tasks that run now. */
  readonly running: number
  /** Grows with each task that any of them is given: when this one was last served. */
  readonly served: number
}

/** Negative when `a` is served before `b`: those below their least share first, then by tasks for each unit of weight. */
export function compareFairly(a: Share, b: Share): number {
  const isNeedyA = a.running < a.minShare
  const isNeedyB = b.running < b.minShare
  if (isNeedyA !== isNeedyB) return isNeedyA ? -1 : 1
  const difference = isNeedyA
    ? a.running / a.minShare - b.running / b.minShare
    : a.running / a.weight - b.running / b.weight
  return difference || a.served - b.served
}
