/** A logger whose level can be changed while the context runs. */
import { KindlingError } from '../base/errors.ts'
import { consoleLogger, type Logger, silentLogger } from '../base/logger.ts'

/** Spark's levels, and the least of ours that each lets through; 4 is above all. */
const LEVELS = new Map([
  ['ALL', 0],
  ['TRACE', 0],
  ['DEBUG', 0],
  ['INFO', 1],
  ['WARN', 2],
  ['ERROR', 3],
  ['FATAL', 4],
  ['OFF', 4],
])

/** Passes messages on from a level up. */
export class SwitchedLogger implements Logger {
  private target: Logger
  private least = 0

  constructor(target: Logger) {
    this.target = target
  }

  /** @throws INVALID_ARGUMENT */
  setLevel(level: string): void {
    const least = LEVELS.get(String(level).toUpperCase())
    if (least === undefined)
      throw new KindlingError('INVALID_ARGUMENT', {
        what: 'The log level',
        value: level,
        expected: `one of ${[...LEVELS.keys()].join(', ')}`,
      })
    this.least = least
    if (this.target === silentLogger) this.target = consoleLogger('debug')
  }

  debug(message: string, fields?: object): void {
    if (this.least <= 0) this.target.debug(message, fields)
  }

  info(message: string, fields?: object): void {
    if (this.least <= 1) this.target.info(message, fields)
  }

  warn(message: string, fields?: object): void {
    if (this.least <= 2) this.target.warn(message, fields)
  }

  error(message: string, fields?: object): void {
    if (this.least <= 3) this.target.error(message, fields)
  }
}
