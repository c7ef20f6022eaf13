/**
 * The folder of an operator's images. An id is any text that a user chose; a folder has to stay where it is put, and to differ from
 * the others on every file system.
 *
 *   counts          counts                                 lower-case letters, digits, "_" and "-": as it is
 *   Counts, CON, …  Counts=5c1d3a0e0a8b3f0c                what is left of it, for people, and 16 digits of its SHA-256
 *
 * I1  Two ids never have one folder, also where case or Unicode normalisation do not count: names as they are have no "=".
 * I2  No name is special to a file system: no dots, no separators, no device of Windows.
 *
 * Manifests name files by their whole path, so images in folders that were named in another way are found too.
 */
import { createHash } from 'node:crypto'

const AS_IT_IS = /^[a-z0-9_-]{1,80}$/
/** @source Naming Files, Paths, and Namespaces (Microsoft) */
const WINDOWS_DEVICE = /^(con|prn|aux|nul|(com|lpt)\d)$/
const READABLE = 40

export function operatorFolder(id: string): string {
  if (AS_IT_IS.test(id) && !WINDOWS_DEVICE.test(id)) return id
  const readable = id.slice(0, READABLE).replace(/[^\w-]/g, '_')
  return `${readable}=${createHash('sha256').update(id).digest('hex').slice(0, 16)}`
}
