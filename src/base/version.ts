/** The version of the package that runs. */
import { readFileSync } from 'node:fs'

/** `0.1.0`, from the package's manifest. */
export function packageVersion(): string {
  const manifest = new URL('../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
}
