/**
 * Starts, asks and ends servers by their port (`service.ts`).
 *
 * A server lives in a run folder: its data, a log for each process, and `run.json` with ports, processes and connection. That file is
 * written before the first process is started and after each change, so whatever happens, `stop` finds what there is to end.
 */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { freePorts } from './ports.ts'
import { end, isRunning, type ProcessId, startDetached, within } from './processes.ts'
import type { ConnectionData, Run, ServerProcess, Service, Software } from './service.ts'

/** A run as it stands in its file. */
interface RunFile {
  readonly ports: Readonly<Record<string, number>>
  readonly software: Software
  readonly processes: Readonly<Record<string, ProcessId>>
  readonly isPrepared: boolean
  /** Once it was ready. */
  readonly connection?: ConnectionData
}

/** How a server fares. */
export type ServerState =
  | { readonly kind: 'stopped' }
  | {
      readonly kind: 'running'
      readonly connection: ConnectionData
      readonly processes: readonly ProcessId[]
    }
  | { readonly kind: 'broken'; readonly reason: string }

const READY_LIMIT_MS = 90_000
const TAIL_CHARS = 3000

/** The user `nobody`, for servers that refuse root. */
const NOBODY = 65534

/** For servers that refuse root: the id of a user without rights, where we are root. */
export function unprivileged(): number | undefined {
  return process.getuid?.() === 0 ? NOBODY : undefined
}

/** One server in a folder. */
export class Server<C extends ConnectionData> {
  readonly service: Service<C>
  readonly folder: string

  constructor(service: Service<C>, folder: string) {
    this.service = service
    this.folder = folder
  }

  /**
   * Starts what does not run yet, over the data that is there, and resolves when it serves.
   *
   * @throws Error with the end of the logs when it does not come up; what was started is ended then
   */
  async start(): Promise<C> {
    const { service } = this
    const software = await service.provision()
    let file = this.read()
    if (file?.isPrepared !== true) file = await this.renew(software)
    const change = (changes: Partial<RunFile>): void => {
      file = { ...file!, ...changes }
      this.write(file)
    }
    const run: Run = { folder: this.folder, ports: file.ports, software }
    try {
      if (!file.isPrepared) await service.prepare?.(run)
      change({ software, isPrepared: true })
      for (const wanted of service.processes(run)) {
        const running = file.processes[wanted.name]
        if (running !== undefined && isRunning(running)) continue
        change({ processes: { ...file.processes, [wanted.name]: await this.launch(wanted) } })
      }
      await this.whenReady(run, file.processes)
      const connection = service.connection(run)
      change({ connection })
      return connection
    } catch (error) {
      await this.end('SIGKILL')
      throw error
    }
  }

  /** An empty folder, and other ports. */
  private async renew(software: Software): Promise<RunFile> {
    await this.remove()
    mkdirSync(this.folder, { recursive: true, mode: 0o755 })
    const ports = await freePorts(this.service.ports)
    const file = { ports, software, processes: {}, isPrepared: false }
    this.write(file)
    return file
  }

  /** Ends one of its processes, or all of them; the data stays. */
  async end(signal: NodeJS.Signals = 'SIGTERM', processName?: string): Promise<void> {
    const file = this.read()
    if (file === undefined) return
    // The last started first: a datanode before its namenode.
    const names = Object.keys(file.processes).reverse()
    for (const name of processName === undefined ? names : [processName]) {
      const id = file.processes[name]
      if (id !== undefined) await end(id, { signal })
    }
  }

  /** Ends it and removes its folder, data and logs. */
  async remove(): Promise<void> {
    await this.end()
    rmSync(this.folder, { recursive: true, force: true })
  }

  state(): ServerState {
    const file = this.read()
    if (file === undefined) return { kind: 'stopped' }
    const dead = Object.entries(file.processes).filter(([, id]) => !isRunning(id))
    if (dead.length > 0) return { kind: 'broken', reason: `${dead.map(([name]) => name).join(', ')} ended` }
    if (file.connection === undefined) return { kind: 'broken', reason: 'it never became ready' }
    return { kind: 'running', connection: file.connection, processes: Object.values(file.processes) }
  }

  private launch({ name, command, args, env, refusesRoot }: ServerProcess): Promise<ProcessId> {
    const user = refusesRoot === true ? unprivileged() : undefined
    if (user !== undefined) chownSync(this.folder, user, user)
    const log = this.logOf(name)
    writeFileSync(log, '')
    return startDetached({ command, args, ...(env && { env }), user, folder: this.folder, log })
  }

  private async whenReady(run: Run, processes: RunFile['processes']): Promise<void> {
    let last: unknown
    const isReady = await within(READY_LIMIT_MS, async () => {
      for (const [name, id] of Object.entries(processes))
        if (!isRunning(id)) throw new Error(`${name} ended while it started:\n${this.tail(name)}`)
      try {
        return await this.service.isReady(run)
      } catch (error) {
        last = error
        return false
      }
    })
    if (isReady) return
    const logs = Object.keys(processes).map(name => `${name}:\n${this.tail(name)}`)
    const why = last instanceof Error ? ` (${last.message})` : ''
    throw new Error(`it does not serve after ${READY_LIMIT_MS / 1000} s${why}\n${logs.join('\n')}`)
  }

  private logOf(name: string): string {
    return join(this.folder, `${name}.log`)
  }

  private tail(name: string): string {
    return readFileSync(this.logOf(name), 'utf8').slice(-TAIL_CHARS)
  }

  private get file(): string {
    return join(this.folder, 'run.json')
  }

  private read(): RunFile | undefined {
    if (!existsSync(this.file)) return undefined
    return JSON.parse(readFileSync(this.file, 'utf8')) as RunFile
  }

  /** Whole or not at all. */
  private write(file: RunFile): void {
    writeFileSync(`${this.file}.new`, JSON.stringify(file, undefined, 2))
    chmodSync(`${this.file}.new`, 0o600)
    renameSync(`${this.file}.new`, this.file)
  }
}
