/**
 * Planned faults: at the n-th time the program comes to a point, something fails, crashes or waits.
 *
 * A plan that was never hit fails the test: it would have passed for the wrong reason.
 */
import { KindlingError } from '../base/errors.ts'
import type { Incarnation } from './incarnation.ts'

/** A file of the checkpoint directory: the plan of a batch, its commit, its failure, an image of state, a manifest, blocks of a receiver. */
export type WrittenFile = 'log' | 'commit' | 'failed' | 'image' | 'manifest' | 'received'

/** A step of a sink that a test watches: on the driver, and (writer, write, prepare, abandon) in tasks. */
export type SinkStep =
  | 'open'
  | 'committed'
  | 'begin'
  | 'commit'
  | 'abort'
  | 'writer'
  | 'write'
  | 'prepare'
  | 'abandon'

/**
 * Where faults can be planned: `task` before each task attempt, `plan` when an input decides a batch, `output` before a collected
 * output reads its RDD, `output-done` after it has; `log-before`, `log-half`, `log-after` around each write of a plan to the
 * checkpoint directory, and likewise for `commit`, `failed`, `image`, `manifest` and `received`; `delete` before a file of it is deleted;
 * `sink-begin-before` before a sink that was given to `sink` takes a step, `sink-begin-after` when it has and nobody knows yet;
 * `file` at a step of a file system in the hands of the engine's own tests.
 */
export type FaultPoint =
  | 'task'
  | 'plan'
  | 'output'
  | 'output-done'
  | `${WrittenFile}-${'before' | 'half' | 'after'}`
  | 'delete'
  | `sink-${SinkStep}-${'before' | 'after'}`
  | 'file'

/** Which of the arrivals at a point is meant. What is left out matches all. */
export interface FaultMatch {
  /** The n-th arrival that matches, from 1. Default 1. */
  readonly nth?: number
  /** Index of the partition, for tasks. */
  readonly partition?: number
  /** Attempt from 0, for tasks. */
  readonly attempt?: number
  /** Stage by its number in the run. */
  readonly stage?: number
  /** Name of the input, of the output, or of the file in the checkpoint directory. */
  readonly name?: string
}

/** What is known of an arrival at a point. */
export type FaultPlace = Omit<FaultMatch, 'nth'>

interface Plan {
  readonly point: FaultPoint
  readonly match: FaultMatch
  left: number
  hit: boolean
  act(crashed: (() => void) | undefined): void | Promise<void>
}

/** The plans of one test. */
export class Faults {
  private readonly plans: Plan[] = []

  /** Gives a function that takes the plan back. */
  plan(point: FaultPoint, match: FaultMatch, act: Plan['act']): () => void {
    const plan = { point, match, left: match.nth ?? 1, hit: false, act }
    this.plans.push(plan)
    return () => {
      const at = this.plans.indexOf(plan)
      if (at >= 0) this.plans.splice(at, 1)
    }
  }

  /**
   * Called by the program at a point; throws or waits as planned.
   *
   * @param crashed what is left behind by a crash at this point
   * @param _life the life of the program that comes here, where it may have others
   */
  arrive(
    point: FaultPoint,
    place: FaultPlace,
    crashed?: () => void,
    _life?: Incarnation,
  ): void | Promise<void> {
    for (const plan of this.plans) {
      if (plan.point !== point || plan.hit || !matches(plan.match, place)) continue
      plan.left--
      if (plan.left > 0) continue
      plan.hit = true
      return plan.act(crashed)
    }
  }

  /** @throws FAULT_NOT_HIT naming the first plan that the program never came to */
  assertAllHit(): void {
    const missed = this.plans.find(plan => !plan.hit)
    if (missed === undefined) return
    throw new KindlingError('FAULT_NOT_HIT', { fault: `${missed.point} ${JSON.stringify(missed.match)}` })
  }
}

function matches(match: FaultMatch, place: FaultPlace): boolean {
  return (['partition', 'attempt', 'stage', 'name'] as const).every(
    key => match[key] === undefined || match[key] === place[key],
  )
}
