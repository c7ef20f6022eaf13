/** A whole program, on the machine's clock, whose batches have words as the test lets them go, and which go into a sink. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Sink, StreamingContext } from 'kindling'
import { until } from 'kindling/testing'
import { asError } from '../../src/base/errors.ts'

/** Each a batch with a partition for each word. Others, without any, come between them. */
export const BATCHES: readonly (readonly string[])[] = [
  ['a', 'b', 'c'],
  ['d', 'e'],
  ['f', 'g', 'h', 'i'],
  ['j'],
]

/** How a program runs. */
export interface WordSettings {
  readonly master: string
  readonly conf?: Record<string, string>
  /** The batch interval. Default 50. */
  readonly batchMs?: number | undefined
  /** A batch with words begins: the how-manieth, and all before it have ended. */
  onBegin?(batch: number): void
}

/** See the file head. It must not stop by itself: then what waits for it fails. */
export class WordProgram implements AsyncDisposable {
  /** Batches with words that have ended. */
  done = 0
  /** What tasks have failed by. */
  readonly failures: Error[] = []
  readonly warnings: string[] = []
  private readonly folder = mkdtempSync(join(tmpdir(), 'kindling-words-'))
  private readonly ssc: StreamingContext
  private released = 0
  private stopped: Promise<never> | undefined

  constructor(sink: Sink<[string]>, { master, conf = {}, batchMs = 50, onBegin }: WordSettings) {
    const ignore = (): void => {}
    const warn = (line: string): void => void this.warnings.push(line)
    const logger = { debug: ignore, info: ignore, warn, error: ignore }
    this.ssc = new StreamingContext({ master, conf, batchDuration: batchMs, logger })
    this.ssc.checkpoint(this.folder)
    this.ssc
      .directStream({
        name: 'words',
        plan: ({ position = 0 }: { readonly position: number | undefined }) => {
          const ranges = position < this.released ? BATCHES[position]!.map(word => ({ word })) : []
          return {
            ranges,
            position: position + (ranges.length > 0 ? 1 : 0),
            numRecords: ranges.length,
          }
        },
        read: (sc, ranges) => sc.fromPartitions(ranges, ({ word }: { readonly word: string }) => [word]),
        close() {},
      })
      .uid('words')
      .map((word): [string] => [word])
      .writeTo(sink, { id: 'words' })
    this.ssc.addStreamingListener({
      onBatchStarted: ({ batchInfo: { numRecords } }) => {
        if (numRecords > 0) onBegin?.(this.done)
      },
      onBatchCompleted: ({ batchInfo: { numRecords } }) => {
        if (numRecords > 0) this.done++
      },
    })
    this.ssc.sc.addSparkListener({
      onTaskEnd: ({ error }) => {
        if (error !== undefined) this.failures.push(asError(error))
      },
    })
  }

  async start(): Promise<void> {
    await this.ssc.start()
    this.stopped = this.ssc.awaitTermination().then(() => assert.fail('it has stopped'))
    this.stopped.catch(() => {})
  }

  /** From now on so many batches have words. */
  release(batches: number): void {
    this.released = batches
  }

  /** Resolves once it holds; fails when the program stops before. */
  async reaches(what: () => boolean | Promise<boolean>): Promise<void> {
    await Promise.race([until(what, { timeoutMs: 60_000 }), this.stopped!])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.ssc.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
