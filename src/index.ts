/** The public names of `kindling`. */
export { type Clock, SystemClock, type Timer } from './base/clock.ts'
export type { Condition } from './base/conditions.ts'
export { Config, type ConfigEntry, configEntries } from './base/config.ts'
export {
  type ErrorCode,
  type ErrorContext,
  type ErrorDomain,
  type ErrorRetry,
  isKindlingError,
  KindlingError,
} from './base/errors.ts'
export { consoleLogger, type Logger, type LogLevel, silentLogger } from './base/logger.ts'
export type { Site, SourceLocation } from './base/source-location.ts'
export {
  Duration,
  type DurationLike,
  type DurationText,
  type DurationUnit,
  Interval,
  milliseconds,
  minutes,
  seconds,
  Time,
} from './base/time.ts'
