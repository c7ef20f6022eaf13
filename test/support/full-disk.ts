/** A disk that is full at a chosen write: a storage port over a directory, used by checkpoints and by sinks. */
import { KindlingError } from '../../src/base/errors.ts'
import { LocalStorage } from '../../src/streaming/checkpoint/local-storage.ts'
import type { CheckpointStorage } from '../../src/streaming/checkpoint/storage.ts'

/** How many writes still fit, and what was asked for since. */
export interface Space {
  left: number
  /** Files that did not fit. */
  readonly refused: string[]
  /** Files that count; default: all. */
  readonly files?: RegExp
}

/** See the file head. What does not fit leaves nothing, as a temporary file that could not be finished is removed. */
export class FullDisk implements CheckpointStorage {
  readonly name: string
  private readonly files: LocalStorage
  private readonly space: Space

  constructor(directory: string, space: Space) {
    this.files = new LocalStorage(directory, { durable: false })
    this.name = this.files.name
    this.space = space
  }

  async createIfAbsent(file: string, bytes: Uint8Array): Promise<boolean> {
    this.use(file)
    return this.files.createIfAbsent(file, bytes)
  }

  async write(file: string, bytes: Uint8Array): Promise<void> {
    this.use(file)
    await this.files.write(file, bytes)
  }

  async append(file: string, bytes: Uint8Array): Promise<void> {
    if (this.isFullFor(file)) await this.files.append(file, bytes.subarray(0, bytes.length >> 1))
    this.use(file)
    await this.files.append(file, bytes)
  }

  read(file: string): Promise<Uint8Array | undefined> {
    return this.files.read(file)
  }

  list(folder: string): Promise<readonly string[]> {
    return this.files.list(folder)
  }

  delete(file: string): Promise<void> {
    return this.files.delete(file)
  }

  private isFullFor(file: string): boolean {
    const { left, files } = this.space
    return left <= 0 && files?.test(file) !== false
  }

  private use(file: string): void {
    const isFull = this.isFullFor(file)
    if (this.space.files?.test(file) !== false) this.space.left--
    if (!isFull) return
    this.space.refused.push(file)
    const cause = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
    const params = { path: `${this.name}/${file}`, reason: cause.message }
    throw new KindlingError('CHECKPOINT_NOT_WRITABLE', params, { cause })
  }
}
