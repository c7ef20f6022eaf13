/**
 * A live table of a stream's largest values in the terminal: drawn over itself at each batch; one line a batch where standard
 * output is no terminal.
 */
import { StreamingProgress } from '../status/streaming-progress.ts'
import type { DStream } from '../streaming/dstream/dstream.ts'
import type { StreamingContext } from '../streaming/streaming-context.ts'
import { drawTable, plainLine, type TableRow } from './draw-table.ts'

/** How the table looks. */
export interface LiveTableOptions {
  /** What the values are, for the head. Default: `values`. */
  readonly title?: string
  /** Rows at most. Default 10. */
  readonly rows?: number
  /** Where to draw; default: standard output. */
  readonly output?: LiveOutput
}

/** What the table needs of a terminal or file. */
export interface LiveOutput {
  readonly isTTY?: boolean
  readonly columns?: number
  /** Takes what is drawn. */
  write(text: string): unknown
}

const HIDE_CURSOR = '\u001b[?25l'
const SHOW_CURSOR = '\u001b[?25h'

/**
 * Shows the pairs with the largest values of each batch, with rate and delays. An output operation: call it before `start`.
 *
 * @example
 * const drawn: string[] = []
 * const output = { write: (text: string) => drawn.push(text) } // default: standard output
 * liveTable(ssc, words.countByValueAndWindow(seconds(30)), { title: 'words of the last 30 s', output })
 * await t.run(1)
 * drawn.length // => 1
 */
export function liveTable<K>(
  ssc: StreamingContext,
  counts: DStream<readonly [K, number]>,
  options: LiveTableOptions = {},
): void {
  const { title = 'values', rows: most = 10, output = process.stdout as LiveOutput } = options
  const progress = new StreamingProgress()
  ssc.addStreamingListener(progress)
  let drawn = 0
  counts.foreachRDD(async (rdd, time) => {
    const tops = await rdd.mapPartitions(pairs => [largest(pairs, most)]).collect()
    const top = largest(tops.flat(1)[Symbol.iterator](), most)
    const rows: TableRow[] = top.map(([key, count]) => ({ label: String(key), count }))
    const state = progress.snapshot()
    if (output.isTTY !== true) {
      output.write(`${plainLine(time.milliseconds, rows, state)}\n`)
      return
    }
    const lines = drawTable({
      title,
      rows,
      most,
      time: time.milliseconds,
      state,
      width: output.columns ?? 80,
    })
    const back = drawn === 0 ? HIDE_CURSOR : `\u001b[${drawn}A\r`
    output.write(`${back}${lines.map(line => `${line}\u001b[K\n`).join('')}${SHOW_CURSOR}`)
    drawn = lines.length
  })
}

/** The pairs with the `n` largest values, the largest first; equal ones by key. Keeps `n` pairs in memory. */
function largest<K>(pairs: Iterable<readonly [K, number]>, n: number): (readonly [K, number])[] {
  const top: (readonly [K, number])[] = []
  for (const pair of pairs) {
    const last = top.at(-1)
    if (top.length === n && last !== undefined && !isBefore(pair, last)) continue
    let at = top.length
    while (at > 0 && isBefore(pair, top[at - 1]!)) at--
    top.splice(at, 0, pair)
    if (top.length > n) top.pop()
  }
  return top
}

function isBefore<K>(a: readonly [K, number], b: readonly [K, number]): boolean {
  return a[1] > b[1] || (a[1] === b[1] && String(a[0]) < String(b[0]))
}
