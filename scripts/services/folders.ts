/**
 * Where services keep things.
 *
 *   <cache>/software/<name>-<digest>   what came from the registries; shared by all checkouts, kept
 *   <cache>/runs/<digest of checkout>  state file, logs and data of the servers of one checkout
 *
 * `KINDLING_SERVICES_DIR` sets <cache>. Its default is the user's cache folder; for root that of the machine, since servers which
 * refuse to run as root run as `nobody`, who must be able to get there.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Downloads that break off are tried again. */
const ATTEMPTS = 2

/** The checkout. */
export const root: string = join(import.meta.dirname, '../..')

/** Made at the first use. */
export function cacheFolder(): string {
  const given = process.env['KINDLING_SERVICES_DIR']
  const base =
    process.getuid?.() === 0 ? '/var/cache' : (process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'))
  const folder = given ?? join(base, 'kindling-services')
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  return folder
}

/** Of the servers of this checkout. */
export function runsFolder(): string {
  return join(cacheFolder(), 'runs', digest(root))
}

/** Of servers that single tests have for themselves, each in a folder `<name>-<id>`. */
export function ownFolder(): string {
  return join(runsFolder(), 'own')
}

/**
 * The folder that `fill` has filled: at once when that was done before with the same `what`. It appears whole or not at all, and
 * two processes may do this at the same time.
 */
export async function softwareFolder(
  name: string,
  what: unknown,
  fill: (folder: string) => Promise<void>,
): Promise<string> {
  const folder = join(cacheFolder(), 'software', `${name}-${digest(JSON.stringify(what))}`)
  if (existsSync(folder)) return folder
  const temporary = `${folder}.${process.pid}`
  for (let attempt = 1; ; attempt++) {
    rmSync(temporary, { recursive: true, force: true })
    mkdirSync(temporary, { recursive: true })
    try {
      await fill(temporary)
      renameSync(temporary, folder)
      return folder
    } catch (error) {
      rmSync(temporary, { recursive: true, force: true })
      if (existsSync(folder)) return folder
      if (attempt === ATTEMPTS) throw error
    }
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 10)
}
