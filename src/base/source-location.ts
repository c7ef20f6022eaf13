/**
 * Where in the user's program an operator was called, for messages and for naming operators.
 *
 * V8 records the stack when captureStackTrace runs (about a microsecond) and formats it at the first reading, so a
 * site that nobody prints costs little.
 */
import { findSourceMap } from 'node:module'
import { isAbsolute, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A place in a file of the user's program. */
export interface SourceLocation {
  /** Absolute path. */
  readonly file: string
  /** 1-based. */
  readonly line: number
  /** 1-based. */
  readonly column: number
  /** 'file:line:column', the path relative to the working directory when it lies inside. */
  toString(): string
}

/** Where an operator was called; looked up when first asked for. */
export interface Site {
  /** Nothing when the whole recorded stack lies inside the engine or inside Node. */
  readonly location: SourceLocation | undefined
  /** 'examples/a.ts:12:4', or 'unknown'. */
  toString(): string
}

// Operators call each other at most a few levels deep before the user's frame.
const FRAMES = 12

// src/ or dist/ of this package: the frames of tests and examples beside it count as the user's.
const ownFolder = fileURLToPath(new URL('..', import.meta.url))

/** The place of the nearest caller outside the engine. */
export function captureSite(): Site {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = FRAMES
  const holder: { stack?: string } = {}
  Error.captureStackTrace(holder, captureSite)
  Error.stackTraceLimit = limit
  return new CapturedSite(holder)
}

/**
 * A place by the name that a stack trace has for its file (a path or a file URL), in the file that the user wrote where a source
 * map tells; `undefined` when the name is no file.
 *
 * @param line 1-based
 * @param column 1-based
 */
export function locate(name: string, line: number, column: number): SourceLocation | undefined {
  const file = pathOf(name)
  return file === undefined ? undefined : original(name, file, line, column)
}

/** Whether a file, by path, is part of the engine. */
export function isOwnFile(file: string): boolean {
  return file.startsWith(ownFolder)
}

class CapturedSite implements Site {
  #holder: { stack?: string } | undefined
  #location: SourceLocation | undefined

  constructor(holder: { stack?: string }) {
    this.#holder = holder
  }

  get location(): SourceLocation | undefined {
    if (this.#holder !== undefined) {
      this.#location = firstOutside(frames(this.#holder))
      this.#holder = undefined
    }
    return this.#location
  }

  toString(): string {
    return this.location?.toString() ?? 'unknown'
  }
}

class FileLocation implements SourceLocation {
  readonly file: string
  readonly line: number
  readonly column: number

  constructor(file: string, line: number, column: number) {
    this.file = file
    this.line = line
    this.column = column
  }

  toString(): string {
    const path = relative(process.cwd(), this.file)
    const isInside = !isAbsolute(path) && path !== '..' && !path.startsWith(`..${sep}`)
    return `${isInside ? path : this.file}:${this.line}:${this.column}`
  }
}

function frames(holder: { stack?: string }): readonly NodeJS.CallSite[] {
  const format = Error.prepareStackTrace
  let recorded: readonly NodeJS.CallSite[] = []
  Error.prepareStackTrace = (_, callSites) => {
    recorded = callSites
    return ''
  }
  try {
    void holder.stack // The first reading formats it.
  } finally {
    Error.prepareStackTrace = format
  }
  return recorded
}

function firstOutside(callSites: readonly NodeJS.CallSite[]): SourceLocation | undefined {
  for (const callSite of callSites) {
    const name = callSite.getFileName()
    const line = callSite.getLineNumber()
    if (!name || line === null || name.startsWith('node:')) continue
    const file = pathOf(name)
    if (file === undefined || isOwnFile(file)) continue
    return original(name, file, line, callSite.getColumnNumber() ?? 1)
  }
  return undefined
}

function pathOf(name: string): string | undefined {
  if (isAbsolute(name)) return name
  try {
    return name.startsWith('file:') ? fileURLToPath(name) : undefined
  } catch {
    return undefined // A file URL with a host has no path here.
  }
}

/** The place in the file that the user wrote, when Node runs with --enable-source-maps. */
function original(name: string, file: string, line: number, column: number): SourceLocation {
  const origin = findSourceMap(name)?.findOrigin(line, column)
  const path = origin && 'fileName' in origin ? pathOf(origin.fileName) : undefined
  if (origin && 'fileName' in origin && path !== undefined) {
    return new FileLocation(path, origin.lineNumber, origin.columnNumber)
  }
  return new FileLocation(file, line, column)
}
