/** A program in a process and a folder of its own, which is killed with SIGKILL and started again; it appends a line for each batch. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const index = join(import.meta.dirname, '../../src/index.ts')

/** The text of a program that keeps the counts of words, and writes `<time> <counts>` to the file `out`. */
export function countingProgram(words: { readonly imports?: string; readonly source: string }): string {
  return `
import { appendFileSync } from 'node:fs'
import { milliseconds, StreamingContext } from '${index}'
${words.imports ?? ''}
const ssc = await StreamingContext.getOrCreate('checkpoint', () => {
  const ssc = new StreamingContext({
    master: 'local[2]',
    batchDuration: milliseconds(100),
    // None is merged into a later one, however slow the machine.
    conf: { 'kindling.streaming.maxQueuedBatches': 1000 },
  })
  ${words.source}
    .map(word => [word, 1])
    .updateStateByKey((ones, count = 0) => count + ones.length)
    .uid('counts')
    .checkpoint(milliseconds(500))
    .foreachRDD(async (rdd, time) => {
      const counts = (await rdd.collect()).sort(([a], [b]) => (a < b ? -1 : 1))
      appendFileSync('out', time.milliseconds + ' ' + JSON.stringify(counts) + '\\n')
    })
  return ssc
})
await ssc.start()
await ssc.awaitTermination()
`
}

/** See the file head. */
export class KilledProgram {
  readonly dir: string = mkdtempSync(join(tmpdir(), 'kindling-killed-'))
  private child: ChildProcess | undefined
  private over: Promise<NodeJS.Signals | number | null> = Promise.resolve(null)

  start(program: string): void {
    writeFileSync(join(this.dir, 'app.ts'), program)
    const child = spawn(process.execPath, ['--conditions=source', 'app.ts'], {
      cwd: this.dir,
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    this.child = child
    this.over = new Promise((resolve, reject) => {
      child.on('exit', (code, signal) => resolve(signal ?? code))
      child.on('error', reject)
    })
    this.over.catch(() => {}) // Whoever waits for the end is told.
  }

  /** The signal or the code with which it ends by itself. */
  async ended(): Promise<NodeJS.Signals | number | null> {
    const { over } = this
    this.child = undefined
    return await over
  }

  async kill(): Promise<void> {
    const { child } = this
    if (child === undefined) return
    const { exitCode, signalCode } = child
    assert.equal(exitCode ?? signalCode, null, 'the program runs until it is killed')
    child.kill('SIGKILL')
    await this.ended()
  }

  /** The whole lines of its output. */
  lines(): string[] {
    const out = join(this.dir, 'out')
    return existsSync(out) ? readFileSync(out, 'utf8').split('\n').slice(0, -1) : []
  }

  /** The counts of the latest line. */
  counts(): [word: string, count: number][] {
    return JSON.parse(this.lines().at(-1)?.replace(/^\d+ /, '') ?? '[]') as [string, number][]
  }

  /** The times of the batches in order of first appearance; a batch that was repeated must have said the same. */
  times(): number[] {
    const byTime = new Map<string, string>()
    for (const line of this.lines()) {
      const [time = ''] = line.split(' ', 1)
      assert.equal(byTime.get(time) ?? line, line, `batch ${time} gives the same again`)
      byTime.set(time, line)
    }
    return [...byTime.keys()].map(Number)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    rmSync(this.dir, { recursive: true, force: true })
  }
}
