/** Times, sizes and lines as people read them. */

/** Columns of a terminal that has said nothing of itself. */
export const WIDTH = 80

/** `2026-03-01 12:00:00 UTC`, with milliseconds where there are any. */
export function timeText(ms: number): string {
  if (Number.isNaN(new Date(ms).getTime())) return `${ms} ms`
  const [day, time] = new Date(ms).toISOString().split('T') as [string, string]
  return `${day} ${time.replace(/(\.000)?Z$/, '')} UTC`
}

/** `12.3 KiB` */
export function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let size = bytes
  let unit = 0
  for (; size >= 1024 && unit < units.length - 1; unit++) size /= 1024
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`
}

/** `5 min`: one unit, rounded down. */
export function ageText(ms: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1000],
  ] as const
  for (const [name, length] of units) if (ms >= length) return `${Math.floor(ms / length)} ${name}`
  return `${Math.max(0, Math.floor(ms))} ms`
}

/** `1 batch`, `2 batches` */
export function countText(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`
}

/** Cut to so many characters, those that would steer the terminal shown as `·`. */
export function fit(text: string, width: number): string {
  const safe = [...text.replace(/\p{C}/gu, '·')]
  return safe.length <= width ? safe.join('') : `${safe.slice(0, width - 1).join('')}…`
}

/** A paragraph in lines of at most `WIDTH` columns, all but the first indented; words that are longer stay whole. */
export function wrap(text: string, indent: string, first: string = indent): string {
  const lines: string[] = []
  let line = first
  let isEmpty = true
  for (const word of text.replace(/[\p{Cc}\p{Cf}]/gu, '·').split(' ')) {
    if (!isEmpty && line.length + 1 + word.length > WIDTH) {
      lines.push(line)
      line = indent
      isEmpty = true
    }
    line += isEmpty ? word : ` ${word}`
    isEmpty = false
  }
  return `${[...lines, line].join('\n')}\n`
}

/** Columns side by side, two spaces between; numbers to the right. */
export function table(
  columns: readonly { readonly head: string; readonly most: number; readonly isNumber?: boolean }[],
  rows: readonly (readonly string[])[],
  after: (row: number) => string = () => '',
): string {
  const cells = rows.map(row => row.map((cell, i) => fit(cell, columns[i]!.most)))
  const widths = columns.map(({ head }, i) => Math.max(head.length, ...cells.map(row => [...row[i]!].length)))
  const lineOf = (row: readonly string[]): string =>
    row
      .map((cell, i) => {
        const space = ' '.repeat(widths[i]! - [...cell].length)
        return columns[i]!.isNumber === true ? space + cell : cell + space
      })
      .join('  ')
      .trimEnd()
  const head = `${lineOf(columns.map(({ head }) => head))}\n`
  return head + cells.map((row, i) => `${lineOf(row)}\n${after(i)}`).join('')
}
