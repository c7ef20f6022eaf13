/**
 * A partition through a process: records become lines of its standard input, lines of its standard output become records.
 *
 * Both directions run at the same time, and each waits for the other where a pipe is full, so that nothing piles up. The process
 * ends with its task, also when that is cancelled or wants no more records.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import type { Writable } from 'node:stream'
import { KindlingError } from '../base/errors.ts'
import type { Chunk, ChunkSource } from '../data/chunk.ts'
import { decodeLines, LineFramer } from '../data/text.ts'
import { mapChunks } from './narrow-operations.ts'
import type { TaskInfo, TaskInput } from './ports.ts'
import type { RDD } from './rdd.ts'
import { operator } from './scope.ts'
import { recordsOf } from './segment/interpret.ts'
import { textOf } from './text-output.ts'

/** How a process is started and fed. */
export interface PipeOptions<T> {
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>
  /** Its working directory. */
  readonly cwd?: string
  /** Writes lines before those of the records. */
  readonly printPipeContext?: (write: (line: string) => void) => void
  /** Writes the lines of a record; one line, as `saveAsTextFile` writes it, when left out. */
  readonly printRDDElement?: (record: T, write: (line: string) => void) => void
}

/** Characters gathered before they are written. */
const WRITE_CHARACTERS = 1 << 16
/** What is kept of standard error, for the message when the process fails. */
const ERROR_CHARACTERS = 2000

export function pipe<T>(
  rdd: RDD<T>,
  command: string | readonly string[],
  options: PipeOptions<T>,
): RDD<string> {
  // A text is cut at blanks, without a shell, as Spark does.
  const words = typeof command === 'string' ? command.split(/\s+/).filter(w => w !== '') : [...command]
  if (words.length === 0)
    throw new KindlingError('INVALID_ARGUMENT', {
      what: 'the command of pipe',
      value: command,
      expected: 'a program and its arguments',
    })
  const { maxLineBytes } = rdd.context
  return operator('pipe', () =>
    mapChunks(
      rdd,
      'pipe',
      (records, task) => new PipeSource(records, task, words, options as PipeOptions<unknown>, maxLineBytes),
    ),
  )
}

class PipeSource implements ChunkSource<string> {
  readonly asynchronous = true
  private readonly records: TaskInput
  private readonly task: TaskInfo
  private readonly words: readonly string[]
  private readonly options: PipeOptions<unknown>
  private readonly framer: LineFramer
  private child: ChildProcessWithoutNullStreams | undefined
  private output: AsyncIterator<Uint8Array> | undefined
  private feeding: Promise<void> = Promise.resolve()
  private ended: Promise<string | undefined> = Promise.resolve(undefined)
  private errors = ''
  private over = false

  constructor(
    records: TaskInput,
    task: TaskInfo,
    words: readonly string[],
    options: PipeOptions<unknown>,
    maxLineBytes: number,
  ) {
    this.records = records
    this.task = task
    this.words = words
    this.options = options
    const source = `the output of ${words[0]}`
    const onTooLong = (): never => {
      throw new KindlingError('LINE_TOO_LONG', { source, limit: maxLineBytes })
    }
    this.framer = new LineFramer({ maxLineBytes, onTooLong })
  }

  async next(): Promise<Chunk<string> | undefined> {
    if (this.over) return undefined
    try {
      this.output ??= this.start()
      for (;;) {
        const piece = await this.output.next()
        if (piece.done === true) break
        const chunk = chunkOf(this.framer.push(piece.value))
        if (chunk !== undefined) return chunk
      }
      const failure = await this.ended
      await this.feeding
      if (failure !== undefined) throw this.failed(failure)
      this.over = true
      return chunkOf(this.framer.end())
    } catch (error) {
      await this.close()
      throw this.task.failed(error, undefined)
    }
  }

  async close(): Promise<void> {
    this.over = true
    this.child?.kill('SIGKILL')
    this.child?.stdout.destroy()
    await this.feeding.catch(() => {}) // Told by `next` already, or of no interest any more.
    await this.records.close()
  }

  private start(): AsyncIterator<Uint8Array> {
    const [program, ...args] = this.words
    const { env, cwd } = this.options
    const child = spawn(program!, args, {
      ...(env === undefined ? {} : { env: { ...process.env, ...env } }),
      ...(cwd === undefined ? {} : { cwd }),
      signal: this.task.signal,
      killSignal: 'SIGKILL',
    })
    this.child = child
    child.stderr.setEncoding('utf8')
    child.stderr.on('data', (text: string) => {
      this.errors = (this.errors + text).slice(-ERROR_CHARACTERS)
    })
    // A process may end before it has read everything: only its exit code counts.
    child.stdin.on('error', () => {})
    this.ended = new Promise(resolve => {
      child.on('error', error => resolve(error.message))
      child.on('close', (code, signal) =>
        resolve(code === 0 ? undefined : `it ended with ${code === null ? signal : `exit code ${code}`}`),
      )
    })
    this.feeding = this.feed(child)
    this.feeding.catch(() => child.kill('SIGKILL'))
    return child.stdout[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
  }

  private async feed({ stdin }: ChildProcessWithoutNullStreams): Promise<void> {
    const { printPipeContext, printRDDElement } = this.options
    let text = ''
    const write = (line: string): void => {
      text += `${line}\n`
    }
    const flush = async (): Promise<void> => {
      const piece = text
      text = ''
      if (stdin.destroyed || stdin.write(piece)) return
      await drained(stdin)
    }
    printPipeContext?.(write)
    for (let chunk = await this.records.next(); chunk !== undefined; chunk = await this.records.next()) {
      for (const record of recordsOf(chunk)) {
        if (printRDDElement === undefined) write(textOf(record))
        else printRDDElement(record, write)
        if (text.length >= WRITE_CHARACTERS) await flush()
      }
      if (stdin.destroyed || this.over) return
      const pause = this.task.breathe()
      if (pause !== undefined) await pause
    }
    await flush()
    stdin.end()
  }

  private failed(reason: string): KindlingError {
    const errors = this.errors.trim() === '' ? '' : `; it wrote: ${this.errors.trim()}`
    return new KindlingError('PIPE_FAILED', { command: this.words.join(' '), reason: reason + errors })
  }
}

/** Resolves when the stream takes more, or never will. */
function drained(stream: Writable): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      stream.off('drain', done).off('close', done)
      resolve()
    }
    stream.once('drain', done).once('close', done)
  })
}

function chunkOf(lines: Uint8Array | undefined): Chunk<string> | undefined {
  return lines === undefined || lines.length === 0 ? undefined : { kind: 'text', text: decodeLines(lines) }
}
