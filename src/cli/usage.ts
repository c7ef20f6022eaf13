/** What was typed wrong, and what commands have in common. */

/** The command line cannot be understood; the message says what to type instead. */
export class UsageError extends Error {}

/** `key=value`, each. @throws UsageError */
export function confOf(settings: readonly string[]): Record<string, string> {
  const conf: Record<string, string> = {}
  for (const setting of settings) {
    const at = setting.indexOf('=')
    if (at <= 0) throw new UsageError(`--conf needs key=value, but got "${setting}".`)
    conf[setting.slice(0, at)] = setting.slice(at + 1)
  }
  return conf
}
