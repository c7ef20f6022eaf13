/** The port of a server that tests need: one small file under `servers/` fulfils it, `control.ts` does the rest. */

/** A server that can be had from the package registries, started on loopback and thrown away. */
export interface Service<Connection extends ConnectionData = ConnectionData> {
  readonly name: string
  /** What the machine must have so that it can be had, for messages: `Java 17 and Maven`. */
  readonly needs: string
  /** Names of the TCP ports that it listens on. */
  readonly ports: readonly string[]
  /** Gets the software, or finds it on the machine. Called before each start; does nothing when all is there. */
  provision(): Promise<Software>
  /** Makes the data folder of a new server: keys, formats, settings. Called once for each run folder. */
  prepare?(run: Run): Promise<void>
  /** The processes of the server, in the order in which they are started. */
  processes(run: Run): readonly ServerProcess[]
  /** Whether it serves. Asked again and again while the processes live; may reject as long as it does not. */
  isReady(run: Run): Promise<boolean>
  /** What a client needs. */
  connection(run: Run): Connection
}

/** Plain data: it stands in the state file. Secrets in it are those of throw-away servers. */
export type ConnectionData = Readonly<Record<string, string | number>>

/** Where the software of a server is: its folder, or a command by name. */
export type Software = Readonly<Record<string, string>>

/** One server, or several tests' own, in a folder of its own. */
export interface Run {
  readonly folder: string
  readonly ports: Readonly<Record<string, number>>
  readonly software: Software
}

/** How a process of a server is started. */
export interface ServerProcess {
  /** Within its service: `namenode`. */
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Whether it refuses to run as root: it runs as `nobody` then. */
  readonly refusesRoot?: boolean
}
