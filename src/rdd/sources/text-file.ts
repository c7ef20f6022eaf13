// PLACEHOLDER
import { readFileSync } from 'node:fs'
import type { ChunkSource } from '../../data/chunk.ts'
export interface TextSplit {
  kind: 'file'
  path: string
  start: number
  end: number
  gzip: boolean
}
export function splitTextFiles(files: readonly { path: string; size: number }[], _n: number): TextSplit[] {
  return files.map(f => ({ kind: 'file', path: f.path, start: 0, end: f.size, gzip: false }))
}
export function openTextSplit(split: TextSplit, _o: { maxLineBytes: number }): ChunkSource<string> {
  let done = false
  return {
    next() {
      if (done) return undefined
      done = true
      return { kind: 'text', text: readFileSync(split.path, 'latin1') }
    },
    close() {},
  }
}
