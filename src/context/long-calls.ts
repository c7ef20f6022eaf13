/** User code that held the thread for long: the latest of it, and one warning for each place. */
import type { Logger } from '../base/logger.ts'
import { describeLongCall, type LongCall } from '../executor/task-time.ts'
import { describeScope } from '../rdd/scope.ts'

/** Calls that are remembered, and places that are warned of. */
const KEPT = 100

/** See the file head. */
export class LongCalls {
  private readonly logger: Logger
  private readonly kept: LongCall[] = []
  private readonly places = new Set<string>()

  constructor(logger: Logger) {
    this.logger = logger
  }

  /** The latest last; at most 100. */
  get latest(): readonly LongCall[] {
    return this.kept
  }

  note(call: LongCall): void {
    if (this.kept.length === KEPT) this.kept.shift()
    this.kept.push(call)
    const place = call.operators.map(describeScope).join()
    if (this.places.has(place) || this.places.size >= KEPT) return
    this.places.add(place)
    this.logger.warn(describeLongCall(call))
  }
}
