/** Takes the engine's log lines. Implement it to send them where your program's logs go. Must not throw. */
export interface Logger {
  /** What helps to follow the engine at work. */
  debug(message: string, fields?: object): void
  /** What happened, as it should. */
  info(message: string, fields?: object): void
  /** What somebody should look at; the program goes on. */
  warn(message: string, fields?: object): void
  /** What failed; `fields.error` has the error. */
  error(message: string, fields?: object): void
}

/** Least severity that is written. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

const severity: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 }

/** Writes nothing: the default, since a library has no say over its host's output. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }

let ofThread: Logger = silentLogger

/** Where code of a worker thread writes, which has no context: to the logger of the context that it works for. */
export function threadLogger(): Logger {
  return ofThread
}

/** Sets {@link threadLogger} of this thread. */
export function setThreadLogger(logger: Logger): void {
  ofThread = logger
}

/**
 * Writes one line for each message to standard error: time, level, message, fields as JSON.
 *
 * @param level least severity written
 * @param write takes each line, without line end; standard error unless given
 * @example
 * const written: string[] = []
 * const logger = consoleLogger('warn', line => written.push(line)) // for new SparkContext({ logger })
 * logger.info('all is well')
 * written // => []
 */
export function consoleLogger(
  level: LogLevel = 'info',
  write: (line: string) => void = toStandardError,
): Logger {
  const at =
    (own: LogLevel) =>
    (message: string, fields?: object): void => {
      if (severity[own] < severity[level]) return
      const suffix = fields === undefined ? '' : ` ${fieldsText(fields)}`
      write(`${new Date().toISOString()} ${own.toUpperCase().padEnd(5)} ${message}${suffix}`)
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

function toStandardError(line: string): void {
  process.stderr.write(`${line}\n`)
}

function fieldsText(fields: object): string {
  try {
    return JSON.stringify(fields, (_, value: unknown) => {
      if (typeof value === 'bigint') return String(value)
      // An Error has no enumerable fields: JSON would show {}.
      if (value instanceof Error) return value.stack ?? String(value)
      return value
    })
  } catch {
    return '(fields cannot be written as JSON)'
  }
}
