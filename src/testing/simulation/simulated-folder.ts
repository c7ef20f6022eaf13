/** A folder into which others put files, each at a moment of its own: a place that programs read. It outlives them. */
import { KindlingError } from '../../base/errors.ts'
import { capture } from '../../rdd/functions/explicit.ts'
import type { RemoteFile, RemoteFiles, RemoteReader } from '../../rdd/sources/remote-files.ts'
import { type DiskStep, diskOf } from './disk.ts'
import { type SimulatedWorld, worldOf } from './world.ts'

/** A file, and when it can be seen. */
interface PutFile {
  readonly name: string
  /** In ms: what it says of itself. It may be there later. */
  readonly modified: number
  readonly seenFrom: number
  readonly bytes: Uint8Array
}

/** Folders of worlds, by path. */
const folders = new WeakMap<SimulatedWorld, Map<string, readonly PutFile[]>>()

/** By how many batch intervals files may appear later than they say. */
const LATEST = 3
/** So many bytes come at a time. */
const PIECE = 16

/**
 * Makes the files of a folder known: one for each entry that is one, written in the course of its interval.
 *
 * @param texts of the files, by interval
 * @param at when all of them are there instead, in ms
 */
export function putFiles(
  world: SimulatedWorld,
  path: string,
  texts: readonly (string | undefined)[],
  { batchMs, at }: { readonly batchMs: number; readonly at: number | undefined },
): void {
  const random = world.random(`files of ${path}`)
  const files = texts.flatMap((text, i): PutFile[] => {
    if (text === undefined) return []
    const file = { name: `${i}.txt`, bytes: Buffer.from(text) }
    if (at !== undefined) return [{ ...file, modified: at, seenFrom: at }]
    const modified = i * batchMs + random.int(batchMs)
    const late = world.strikes('late-data', random, path) ? random.int(LATEST * batchMs) : 0
    return [{ ...file, modified, seenFrom: modified + late }]
  })
  const ofWorld = folders.get(world) ?? new Map<string, readonly PutFile[]>()
  folders.set(world, ofWorld.set(path, files))
}

/** See the file head; as a life of the program has it. */
export class SimulatedFolder implements RemoteFiles {
  readonly name = 'disk:'
  readonly reader: () => RemoteReader
  private readonly world: number
  private readonly life: number

  constructor(world: number, life: number) {
    this.world = world
    this.life = life
    this.reader = capture({ folderReader, world, life }, () => folderReader(world, life))
  }

  async list(folder: string): Promise<readonly string[]> {
    return ((await this.listFiles(folder)) ?? []).map(({ path }) => path.slice(folder.length + 1))
  }

  listFiles(folder: string): Promise<readonly RemoteFile[] | undefined> {
    return step(this.world, this.life, `list ${folder}/`, () =>
      seenIn(this.world, folder)?.map(file => found(folder, file)),
    )
  }

  findFile(path: string): Promise<RemoteFile | undefined> {
    return step(this.world, this.life, `look for ${path}`, () => {
      const { folder, file } = fileAt(this.world, path)
      return file === undefined ? undefined : found(folder, file)
    })
  }
}

/** Reads files in a task. */
export function folderReader(world: number, life: number): RemoteReader {
  const piece = (path: string, from: number, to: number): Promise<Uint8Array> =>
    step(world, life, `read ${path} from ${from}`, () => {
      const { file } = fileAt(world, path)
      if (file === undefined)
        throw new KindlingError('INPUT_NOT_READABLE', { path, reason: 'there is no such file' })
      return file.bytes.slice(from, to)
    })
  return {
    async *stream(path, offset) {
      for (let at = offset; ; ) {
        const bytes = await piece(path, at, at + PIECE)
        if (bytes.length === 0) return
        yield bytes
        at += bytes.length
      }
    },
    read: (path, offset, length) => piece(path, offset, offset + length),
  }
}

async function step<R>(world: number, life: number, what: string, run: () => R): Promise<R> {
  const taken: DiskStep<R> = { what, kind: 'read', run }
  try {
    return await diskOf(world).take(life, taken)
  } catch (error) {
    const reason = (error as Error).message
    throw new KindlingError('INPUT_NOT_READABLE', { path: what, reason }, { cause: error })
  }
}

function seenIn(world: number, folder: string): readonly PutFile[] | undefined {
  const at = worldOf(world)
  return folders
    .get(at)
    ?.get(folder)
    ?.filter(({ seenFrom }) => seenFrom <= at.clock.now())
}

function fileAt(
  world: number,
  path: string,
): { readonly folder: string; readonly file: PutFile | undefined } {
  const end = path.lastIndexOf('/')
  const folder = path.slice(0, end)
  return { folder, file: seenIn(world, folder)?.find(({ name }) => name === path.slice(end + 1)) }
}

function found(folder: string, { name, bytes, modified }: PutFile): RemoteFile {
  return { path: `${folder}/${name}`, bytes: bytes.length, modified }
}
