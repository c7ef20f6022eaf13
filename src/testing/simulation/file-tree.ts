/**
 * The disk of a simulated machine: what processes see, and what would be left if the power failed now.
 *
 * I1  What was synced is left: the bytes of a file by its own sync, a name by that of its directory.
 * I2  Of the rest anything may be left: bytes in part, or as zeros; names in any combination, but for each name what happened to it first
 *     is there before what happened to it later. A rename happens as a whole.
 */
import type { Random } from '../../base/random.ts'

/** A file, whatever its names. */
export class SimulatedFile {
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0)
  synced: Uint8Array<ArrayBuffer> = new Uint8Array(0)
}

class Directory {
  readonly now = new Map<string, Node>()
  readonly synced = new Map<string, Node>()
}

type Node = SimulatedFile | Directory

/** A name in a directory gets something else, or goes. */
interface Change {
  readonly directory: Directory
  readonly name: string
  readonly node: Node | undefined
}

/** See the file head. Errors are as those of a file system. */
export class FileTree {
  private readonly root = new Directory()
  /** Changes of names that are not synced, in order; those of one entry happen together. */
  private unsynced: (readonly Change[])[] = []

  makeDirectory(path: string): void {
    let at = this.root
    for (const name of partsOf(path)) {
      const found = at.now.get(name)
      if (found instanceof SimulatedFile) throw systemError('ENOTDIR', path)
      const next = found ?? new Directory()
      if (found === undefined) this.change([{ directory: at, name, node: next }])
      at = next
    }
  }

  /** An empty file. @param isNew fails when there is one; else that is emptied */
  create(path: string, isNew: boolean): SimulatedFile {
    const { directory, name } = this.placeOf(path)
    const found = directory.now.get(name)
    if (found !== undefined && isNew) throw systemError('EEXIST', path)
    if (found instanceof Directory) throw systemError('EISDIR', path)
    const file = found ?? new SimulatedFile()
    file.bytes = new Uint8Array(0)
    if (found === undefined) this.change([{ directory, name, node: file }])
    return file
  }

  file(path: string): SimulatedFile {
    const node = this.at(path)
    if (node instanceof SimulatedFile) return node
    throw systemError(node === undefined ? 'ENOENT' : 'EISDIR', path)
  }

  exists(path: string): boolean {
    return this.at(path) !== undefined
  }

  list(path: string): string[] {
    const node = this.at(path)
    if (node instanceof Directory) return [...node.now.keys()]
    throw systemError(node === undefined ? 'ENOENT' : 'ENOTDIR', path)
  }

  link(from: string, to: string): void {
    const node = this.file(from)
    const { directory, name } = this.placeOf(to)
    if (directory.now.has(name)) throw systemError('EEXIST', to)
    this.change([{ directory, name, node }])
  }

  rename(from: string, to: string): void {
    const source = this.placeOf(from)
    const node = source.directory.now.get(source.name)
    if (node === undefined) throw systemError('ENOENT', from)
    const target = this.placeOf(to)
    const there = target.directory.now.get(target.name)
    if (there instanceof Directory && (node instanceof SimulatedFile || there.now.size > 0))
      throw systemError('ENOTEMPTY', to)
    if (there instanceof SimulatedFile && node instanceof Directory) throw systemError('ENOTDIR', to)
    this.change([
      { ...source, node: undefined },
      { ...target, node },
    ])
  }

  /** With all that is in it. */
  remove(path: string): void {
    if (!this.exists(path)) return
    const { directory, name } = this.placeOf(path)
    const node = directory.now.get(name)
    if (node instanceof Directory) for (const child of node.now.keys()) this.remove(`${path}/${child}`)
    this.change([{ directory, name, node: undefined }])
  }

  /** A directory, if nothing is in it. */
  removeEmpty(path: string): void {
    const node = this.at(path)
    if (node instanceof Directory && node.now.size === 0) this.remove(path)
  }

  sync(path: string): void {
    const directory = this.at(path)
    if (directory === undefined) throw systemError('ENOENT', path)
    if (directory instanceof SimulatedFile) {
      directory.synced = directory.bytes
      return
    }
    const isOfIt = (changes: readonly Change[]): boolean => changes.some(c => c.directory === directory)
    const all = this.unsynced
    const last = all.findLastIndex(isOfIt)
    this.unsynced = all.filter((changes, i) => i > last || !isOfIt(changes))
    for (const changes of all.slice(0, last + 1)) if (isOfIt(changes)) this.settle(changes)
  }

  /** The power fails. */
  lose(random: Random): void {
    const chance = random.next() < 0.3 ? random.int(2) : random.next()
    const lost: Change[] = []
    for (const changes of this.unsynced) {
      const follows = changes.some(c => lost.some(l => l.directory === c.directory && l.name === c.name))
      if (follows || random.next() >= chance) lost.push(...changes)
      else for (const change of changes) put(change.directory.synced, change)
    }
    this.unsynced = []
    restore(this.root, random, new Set())
  }

  private at(path: string): Node | undefined {
    let node: Node | undefined = this.root
    for (const name of partsOf(path)) {
      if (!(node instanceof Directory)) return undefined
      node = node.now.get(name)
    }
    return node
  }

  private placeOf(path: string): { readonly directory: Directory; readonly name: string } {
    const end = path.lastIndexOf('/')
    const directory = this.at(path.slice(0, Math.max(0, end)))
    if (directory === undefined) throw systemError('ENOENT', path)
    if (!(directory instanceof Directory)) throw systemError('ENOTDIR', path)
    return { directory, name: path.slice(end + 1) }
  }

  private change(changes: readonly Change[]): void {
    for (const change of changes) put(change.directory.now, change)
    this.unsynced.push(changes)
  }

  /** Brings changes to the disk, and with them what came before to the same names. */
  private settle(changes: readonly Change[]): void {
    for (const change of changes) put(change.directory.synced, change)
    const isSettled = (c: Change): boolean =>
      changes.some(({ directory, name }) => c.directory === directory && c.name === name)
    const older = this.unsynced
    this.unsynced = older.map(entry => entry.filter(c => !isSettled(c))).filter(entry => entry.length > 0)
  }
}

function restore(directory: Directory, random: Random, done: Set<Node>): void {
  if (done.has(directory)) return
  done.add(directory)
  directory.now.clear()
  for (const [name, node] of [...directory.synced].sort(([a], [b]) => (a < b ? -1 : 1))) {
    directory.now.set(name, node)
    if (node instanceof Directory) restore(node, random, done)
    else if (!done.has(node)) {
      done.add(node)
      node.bytes = left(node, random)
      node.synced = node.bytes
    }
  }
}

/** What is left of a file's bytes. */
function left({ bytes, synced }: SimulatedFile, random: Random): Uint8Array<ArrayBuffer> {
  if (bytes === synced) return bytes
  const kind = random.int(4)
  if (kind === 0) return synced
  if (kind === 1) return bytes
  const end = random.int(bytes.length + 1)
  const kept = isBeginning(synced, bytes) ? Math.max(end, synced.length) : end
  const some = bytes.slice(0, kept)
  if (kind === 2) return some
  const zeros = new Uint8Array(bytes.length)
  zeros.set(some)
  return zeros
}

function isBeginning(start: Uint8Array, of: Uint8Array): boolean {
  return start.length <= of.length && start.every((byte, i) => of[i] === byte)
}

function put(names: Map<string, Node>, { name, node }: Change): void {
  if (node === undefined) names.delete(name)
  else names.set(name, node)
}

function partsOf(path: string): string[] {
  return path.split('/').filter(part => part !== '' && part !== '.')
}

/** An error as Node gives it. */
export function systemError(code: string, path: string, isSimulated = false): Error {
  const why = isSimulated ? 'a simulated fault' : 'simulated'
  return Object.assign(new Error(`${code}: ${why}, ${path}`), { code, path })
}
