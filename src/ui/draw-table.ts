/** The lines of a live table. Pure: numbers in, text out. */
import type { ProgressSnapshot } from '../status/streaming-progress.ts'

/** One row: a label and its value. */
export interface TableRow {
  readonly label: string
  readonly count: number
}

/** What is drawn. */
export interface TableView {
  readonly title: string
  readonly rows: readonly TableRow[]
  /** Rows that the table has room for. */
  readonly most: number
  /** Batch time in ms. */
  readonly time: number
  readonly state: ProgressSnapshot
  /** Columns of the terminal. */
  readonly width: number
}

const MAX_WIDTH = 78
const BAR = '█'
const PARTS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** A table of the same height at each batch, so that it can be drawn over itself. */
export function drawTable(view: TableView): string[] {
  const { title, rows, most, state } = view
  const width = Math.max(40, Math.min(view.width - 1, MAX_WIDTH))
  const labels = Math.min(24, Math.max(8, ...rows.map(r => r.label.length)))
  const counts = Math.max(7, ...rows.map(r => grouped(r.count).length))
  const room = width - labels - counts - 4
  const largest = Math.max(1, ...rows.map(r => r.count))
  const lines = [` ${title}  ·  batch ${clockTime(view.time)}`, '─'.repeat(width)]
  for (let i = 0; i < most; i++) {
    const row = rows[i]
    if (row === undefined) lines.push('')
    else
      lines.push(
        ` ${cut(row.label, labels).padEnd(labels)} ${grouped(row.count).padStart(counts)} ${bar((row.count / largest) * room)}`,
      )
  }
  lines.push('─'.repeat(width), ` ${healthLine(state)}`)
  lines.push(state.lastReceiverError === '' ? '' : cut(` ${state.lastReceiverError}`, width))
  return lines
}

/** One batch in one line, for files and pipes. */
export function plainLine(time: number, rows: readonly TableRow[], state: ProgressSnapshot): string {
  const top = rows.slice(0, 5).map(r => `${r.label} ${grouped(r.count)}`)
  return `${clockTime(time)}  ${healthLine(state)}  |  ${top.join(', ')}`
}

/** `12,345 records/s · batch 12 ms · total delay 13 ms` */
export function healthLine(state: ProgressSnapshot): string {
  const parts = [
    `${grouped(Math.round(state.recordsPerSecond))} records/s`,
    `batch ${state.processingDelay ?? '–'} ms`,
    `total delay ${state.totalDelay ?? '–'} ms`,
  ]
  if (state.waitingBatches > 1) parts.push(`${state.waitingBatches} batches waiting`)
  if (state.failedBatches > 0) parts.push(`${state.failedBatches} batches failed`)
  if (state.skippedBatches > 0) parts.push(`${state.skippedBatches} skipped`)
  return parts.join(' · ')
}

/** `12:34:56`, local time. */
function clockTime(ms: number): string {
  const date = new Date(ms)
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map(n => String(n).padStart(2, '0'))
    .join(':')
}

/** `1234567` → `1,234,567` */
export function grouped(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+(?!\d))/g, ',')
}

function bar(cells: number): string {
  const whole = Math.max(0, Math.floor(cells))
  return BAR.repeat(whole) + (PARTS[Math.floor((cells - whole) * PARTS.length)] ?? '')
}

/** Cut to `width`, control characters shown as `·`. */
function cut(text: string, width: number): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: text from outside must not steer the terminal.
  const safe = text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '·')
  return safe.length <= width ? safe : `${safe.slice(0, width - 1)}…`
}
