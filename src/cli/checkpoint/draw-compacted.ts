/** What went. Pure: data in, text out. */
import type { UnneededFile } from '../../streaming/checkpoint/unneeded.ts'
import { countText, sizeText } from './text.ts'

export function drawCompacted(deleted: readonly UnneededFile[]): string {
  if (deleted.length === 0) return 'nothing to delete: every file may be needed\n'
  const bytes = deleted.reduce((sum, file) => sum + file.bytes, 0)
  const lines = deleted.map(({ file, why }) => `${file}: ${why}\n`)
  return `${lines.join('')}deleted ${countText(deleted.length, 'file')}, ${sizeText(bytes)}\n`
}
