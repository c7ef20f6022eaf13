/** A storage elsewhere, as an object store: what it has confirmed is there for good. It travels to workers, being data. */
import { KindlingError } from '../../base/errors.ts'
import type { FileStorage } from '../../rdd/sink/file-storage.ts'
import { type DiskStep, diskOf, namesIn } from './disk.ts'

/** See the file head. */
export class SimulatedStorage implements FileStorage {
  readonly name: string
  private readonly world: number
  private readonly life: number

  constructor(name: string, world: number, life: number) {
    this.name = name
    this.world = world
    this.life = life
  }

  createIfAbsent(file: string, bytes: Uint8Array): Promise<boolean> {
    const { files } = this
    const copy = Uint8Array.from(bytes)
    return this.write1(`create ${this.name}/${file}`, () => {
      if (files.has(file)) return false
      files.set(file, copy)
      diskOf(this.world).created(file, this.life)
      return true
    })
  }

  write(file: string, bytes: Uint8Array): Promise<void> {
    const { files } = this
    const copy = Uint8Array.from(bytes)
    return this.write1(
      `put ${this.name}/${file}`,
      () => void files.set(file, copy),
      // Not whole, which its checksum tells.
      part => void files.set(file, copy.slice(0, Math.floor(copy.length * part))),
    )
  }

  async read(file: string): Promise<Uint8Array | undefined> {
    return this.read1(file, () => this.files.get(file)?.slice())
  }

  async list(folder: string): Promise<readonly string[]> {
    return this.read1(folder, () => namesIn(this.files.keys(), folder))
  }

  delete(file: string): Promise<void> {
    return this.write1(`delete ${this.name}/${file}`, () => void this.files.delete(file))
  }

  private get files(): Map<string, Uint8Array> {
    return diskOf(this.world).storage(this.name) as Map<string, Uint8Array>
  }

  private write1<R>(what: string, run: () => R, half?: (part: number) => void): Promise<R> {
    const step = { what, kind: 'write', isRemote: true, run } as const
    return this.take(
      half === undefined ? step : { ...step, half: random => half(random.next()) },
      reason => new KindlingError('CHECKPOINT_NOT_WRITABLE', { path: this.name, reason }),
    )
  }

  private read1<R>(what: string, run: () => R): Promise<R> {
    return this.take(
      { what: `read ${this.name}/${what}`, kind: 'read', run },
      reason => new KindlingError('INPUT_NOT_READABLE', { path: this.name, reason }),
    )
  }

  private async take<R>(step: DiskStep<R>, failed: (reason: string) => KindlingError): Promise<R> {
    try {
      return await diskOf(this.world).take(this.life, step)
    } catch (error) {
      throw failed((error as Error).message)
    }
  }
}
