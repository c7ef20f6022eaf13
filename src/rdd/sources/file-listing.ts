/** Which files a path stands for: a file, a directory, a glob, or several by commas. */
import { accessSync, constants, globSync, readdirSync, type Stats, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { KindlingError } from '../../base/errors.ts'

/** A file and its size in bytes. */
export interface InputFile {
  readonly path: string
  readonly size: number
}

const GLOB = /[*?[{]/
const SCHEME = /^([a-z][a-z0-9+.-]+):\/\//i

/**
 * The files, in order of the parts and by name within each. Directories give their own files, not those of folders in them;
 * names that begin with `.` or `_` are left out.
 *
 * @throws INPUT_PATH_NOT_FOUND when a part matches nothing
 * @throws INPUT_NOT_READABLE when a file may not be read
 * @throws UNSUPPORTED_SCHEME for addresses other than `file://`
 */
export function listInputFiles(spec: string): InputFile[] {
  return splitAtCommas(spec).flatMap(part => filesOf(part))
}

/** Commas inside braces belong to a glob. */
function splitAtCommas(spec: string): string[] {
  const parts: string[] = []
  let depth = 0
  let from = 0
  for (let i = 0; i < spec.length; i++) {
    const c = spec[i]
    if (c === '{') depth++
    else if (c === '}') depth = Math.max(0, depth - 1)
    else if (c === ',' && depth === 0) {
      parts.push(spec.slice(from, i))
      from = i + 1
    }
  }
  parts.push(spec.slice(from))
  return parts.map(p => p.trim()).filter(p => p !== '')
}

function filesOf(part: string): InputFile[] {
  const path = localPath(part)
  const direct = statOrUndefined(path)
  if (direct !== undefined) return expand(path, direct)
  if (!GLOB.test(path)) throw new KindlingError('INPUT_PATH_NOT_FOUND', { path: part })
  const found = globSync(path)
    .filter(match => !isHidden(match))
    .sort()
    .flatMap(match => {
      const stats = statOrUndefined(match)
      return stats === undefined ? [] : expand(match, stats)
    })
  if (found.length === 0) throw new KindlingError('INPUT_PATH_NOT_FOUND', { path: part })
  return found
}

function localPath(part: string): string {
  const scheme = SCHEME.exec(part)?.[1]
  if (scheme === undefined) return part
  if (scheme.toLowerCase() === 'file') return fileURLToPath(part)
  throw new KindlingError('UNSUPPORTED_SCHEME', { path: part, scheme })
}

function statOrUndefined(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch (error) {
    throw notReadable(path, error)
  }
}

function expand(path: string, stats: Stats): InputFile[] {
  if (!stats.isDirectory()) return [readable(path, stats.size)]
  let names: string[]
  try {
    names = readdirSync(path).sort()
  } catch (error) {
    throw notReadable(path, error)
  }
  return names
    .filter(name => !isHidden(name))
    .flatMap(name => {
      const file = join(path, name)
      const inside = statOrUndefined(file)
      return inside === undefined || inside.isDirectory() ? [] : [readable(file, inside.size)]
    })
}

/** Told now, by name, instead of by the first task that meets it. */
function readable(path: string, size: number): InputFile {
  try {
    accessSync(path, constants.R_OK)
  } catch (error) {
    throw notReadable(path, error)
  }
  return { path, size }
}

function isHidden(path: string): boolean {
  const name = basename(path)
  return name.startsWith('.') || name.startsWith('_')
}

/** The error for what the file system said of `path`. */
export function notReadable(path: string, error: unknown): KindlingError {
  const reason = error instanceof Error ? error.message : String(error)
  return new KindlingError('INPUT_NOT_READABLE', { path, reason }, { cause: error })
}
