/** How the Java servers run: small, and quick to start rather than fast later. */
import { findOrFail } from '../commands.ts'

/** What each of them needs. */
export const JAVA_NEEDS = 'a Java runtime of version 17 or newer, and Maven'

/** Command and arguments of a main class. */
export function java(
  classPath: readonly string[],
  main: string,
  args: readonly string[],
  { heapMb = 128, options = [] }: { readonly heapMb?: number; readonly options?: readonly string[] } = {},
): { readonly command: string; readonly args: readonly string[] } {
  const small = ['-Xms32m', `-Xmx${heapMb}m`, '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
  const local = ['-Djava.awt.headless=true', '-Djava.net.preferIPv4Stack=true']
  const all = [...small, ...local, ...options, '-cp', classPath.join(':'), main, ...args]
  return { command: findOrFail('java', 'a Java runtime of version 17 or newer'), args: all }
}
