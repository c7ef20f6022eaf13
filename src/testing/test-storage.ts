/**
 * The checkpoint directory of a program under test: every write is a place where a fault can be planned.
 *
 * `…-before`: nothing of the file is there; `…-half`: a part of it is, under its name, as on a storage that does not rename at once;
 * `…-after`: all of it is.
 */
import { appendFileSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { LocalStorage } from '../streaming/checkpoint/local-storage.ts'
import type { CheckpointStorage } from '../streaming/checkpoint/storage.ts'
import type { FaultPlace, FaultPoint, WrittenFile } from './faults.ts'
import type { Incarnation } from './incarnation.ts'

type Arrive = (point: FaultPoint, place: FaultPlace, crashed?: () => void) => void | Promise<void>

/** See the file head. */
export class TestStorage implements CheckpointStorage {
  readonly name: string
  private readonly files: LocalStorage
  private readonly life: Incarnation
  private readonly arrive: Arrive

  constructor(directory: string, life: Incarnation, arrive: Arrive) {
    this.files = new LocalStorage(directory, { durable: false })
    this.name = this.files.name
    this.life = life
    this.arrive = arrive
  }

  createIfAbsent(file: string, bytes: Uint8Array): Promise<boolean> {
    return this.writing(file, bytes, () => this.files.createIfAbsent(file, bytes))
  }

  write(file: string, bytes: Uint8Array): Promise<void> {
    return this.writing(file, bytes, () => this.files.write(file, bytes))
  }

  append(file: string, bytes: Uint8Array): Promise<void> {
    return this.writing(file, bytes, () => this.files.append(file, bytes))
  }

  read(file: string): Promise<Uint8Array | undefined> {
    return this.life.alive(this.files.read(file))
  }

  list(folder: string): Promise<readonly string[]> {
    return this.life.alive(this.files.list(folder))
  }

  async delete(file: string): Promise<void> {
    await this.at('delete', file)
    await this.life.alive(this.files.delete(file))
  }

  private async writing<R>(file: string, bytes: Uint8Array, write: () => Promise<R>): Promise<R> {
    const kind = kindOf(file)
    await this.at(`${kind}-before`, file)
    await this.at(`${kind}-half`, file, () => {
      const path = join(this.name, file)
      mkdirSync(dirname(path), { recursive: true })
      appendFileSync(path, bytes.subarray(0, bytes.length >> 1))
    })
    const result = await this.life.alive(write())
    await this.at(`${kind}-after`, file)
    return result
  }

  /** The next thing happens only if the program lives, before and after. */
  private async at(point: FaultPoint, name: string, crashed?: () => void): Promise<void> {
    await this.life.alive(undefined)
    await this.arrive(point, { name }, crashed)
    await this.life.alive(undefined)
  }
}

function kindOf(file: string): WrittenFile {
  if (file.endsWith('.plan')) return 'log'
  if (file.endsWith('.commit')) return 'commit'
  if (file.endsWith('.failed')) return 'failed'
  if (file.endsWith('.blocks')) return 'received'
  return file.endsWith('.image') ? 'image' : 'manifest'
}
