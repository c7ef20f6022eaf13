// PLACEHOLDER
import { statSync } from 'node:fs'
export function listInputFiles(path: string): { path: string; size: number }[] {
  return [{ path, size: statSync(path).size }]
}
