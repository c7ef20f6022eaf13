/** What contexts use where a program says nothing: set by the command line before it runs the program. */
import type { Logger } from '../base/logger.ts'
import type { OperatorScope } from '../rdd/scope.ts'

/** Defaults of this process; what a program passes itself wins. */
export interface ProcessDefaults {
  readonly master?: string
  readonly conf?: Readonly<Record<string, string>>
  readonly logger?: Logger
  /** Whether somebody else decides what SIGINT and SIGTERM do. */
  readonly ownsSignals?: boolean
  /** No job runs: actions reject with what this gives. */
  readonly refuseJob?: (action: OperatorScope) => Error
}

let defaults: ProcessDefaults = {}

export function setProcessDefaults(given: ProcessDefaults): void {
  defaults = given
}

export function processDefaults(): ProcessDefaults {
  return defaults
}
