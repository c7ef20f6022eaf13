/**
 * Programs that are looked at instead of started: `kindling checkpoint plan` takes the place of `start()`.
 *
 * While it does, contexts make no directory, read no saved data and start no source; the code after `start()` never goes on.
 */
import type { Duration } from '../base/time.ts'
import type { SparkContext } from '../context/spark-context.ts'
import type { CheckpointStorage } from './checkpoint/storage.ts'
import type { DStreamGraph } from './graph.ts'

/** A program that has been defined and was about to start. */
export interface DefinedProgram {
  readonly sc: SparkContext
  readonly graph: DStreamGraph
  readonly batchDuration: Duration
  /** Where the program itself would be saved. */
  readonly storage: CheckpointStorage | undefined
  /** Whether it begins anew when saved data cannot be used. */
  readonly createOnError: boolean
}

let taker: ((program: DefinedProgram) => void) | undefined

/** From now on `take` gets programs instead of their being started; `undefined` ends that. */
export function interceptStarts(take: ((program: DefinedProgram) => void) | undefined): void {
  taker = take
}

export function interceptedStart(): ((program: DefinedProgram) => void) | undefined {
  return taker
}
