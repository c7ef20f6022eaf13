/**
 * Keeps a driver that was overtaken from writing files: each that begins puts its epoch into a folder beside the output, and whoever
 * finds a later one there stops.
 *
 *   out/.words._fence-6b86b273ff34/7
 *
 * Only programs with a checkpoint directory have epochs that others may follow; 0 stands for the rest, which put nothing there. The last
 * one takes its epoch away when it ends: from then on only the checkpoint directory says who may go on.
 */
import { basename, dirname, join } from 'node:path'
import type { SinkOutput } from './sink.ts'
import { fenced, outputDigest } from './success-file.ts'

/** Small files in folders, wherever output goes. */
export interface FenceFiles {
  put(folder: string, name: string): Promise<void>
  names(folder: string): Promise<readonly string[]>
  remove(folder: string, name: string): Promise<void>
}

/** See the file head. */
export class Fence {
  private readonly files: FenceFiles
  private readonly prefix: string
  private readonly sink: string

  /** @param sink its name, for messages */
  constructor(files: FenceFiles, prefix: string, sink: string) {
    this.files = files
    this.prefix = prefix
    this.sink = sink
  }

  /** @throws SINK_FENCED */
  async raise(output: SinkOutput): Promise<void> {
    if (output.epoch === 0) return
    const folder = this.folderOf(output)
    await this.files.put(folder, String(output.epoch))
    await this.check(output)
    for (const name of await this.files.names(folder))
      if (Number(name) < output.epoch) await this.files.remove(folder, name)
  }

  /** @throws SINK_FENCED when a later epoch has begun */
  async check(output: SinkOutput): Promise<void> {
    if (output.epoch === 0) return
    const epochs = (await this.files.names(this.folderOf(output))).map(Number)
    const latest = Math.max(output.epoch, ...epochs)
    if (latest > output.epoch) throw fenced(this.sink, output, `epoch ${latest} has begun`)
  }

  async lower(output: SinkOutput): Promise<void> {
    if (output.epoch !== 0) await this.files.remove(this.folderOf(output), String(output.epoch))
  }

  private folderOf(output: SinkOutput): string {
    const name = `.${basename(this.prefix)}._fence-${outputDigest(output)}`
    return join(dirname(this.prefix), name)
  }
}
