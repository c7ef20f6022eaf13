/**
 * Planned faults: at the n-th time the program comes to a point, something fails, crashes or waits.
 *
 * A plan that was never hit fails the test: it would have passed for the wrong reason.
 */
import { KindlingError } from '../base/errors.ts'

/**
 * Where faults can be planned: `task` before each task attempt, `plan` when an input decides a batch, `output` before a collected
 * output reads its RDD, `output-done` after it has.
 */
export type FaultPoint = 'task' | 'plan' | 'output' | 'output-done'

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
  /** Name of the input or output. */
  readonly name?: string
}

/** What is known of an arrival at a point. */
export type FaultPlace = Omit<FaultMatch, 'nth'>

interface Plan {
  readonly point: FaultPoint
  readonly match: FaultMatch
  left: number
  hit: boolean
  act(): void | Promise<void>
}

/** The plans of one test. */
export class Faults {
  private readonly plans: Plan[] = []

  plan(point: FaultPoint, match: FaultMatch, act: () => void | Promise<void>): void {
    this.plans.push({ point, match, left: match.nth ?? 1, hit: false, act })
  }

  /** Called by the program at a point; throws or waits as planned. */
  arrive(point: FaultPoint, place: FaultPlace): void | Promise<void> {
    for (const plan of this.plans) {
      if (plan.point !== point || plan.hit || !matches(plan.match, place)) continue
      plan.left--
      if (plan.left > 0) continue
      plan.hit = true
      return plan.act()
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
