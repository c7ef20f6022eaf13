/**
 * A script's source from its file, where the engine can be sure that this is what runs: much faster than the inspector, which has to
 * tell of every script first (53 ms in a program that Node strips of types, against 3).
 */
import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { isAbsolute } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { getCallSites } from 'node:util'
import { type Place, Script } from './script.ts'

/** Frames that are searched: operators are called near the code that defines the function. */
const FRAMES = 30
const TYPESCRIPT = /\.[cm]?ts$/
/** Not `import(…)`, which CommonJS has too. */
const ES_MODULE = /^(import\s*[\w{*"']|export\b)/m

/** What the inspector says of a function that is looked for in a file. */
export interface Sought {
  readonly scriptId: string
  readonly place: Place
  readonly text: string
}

/**
 * The script of a function, when code of that script is running now and its file has the function's text at the function's place.
 * Loaders that change code fail that test.
 */
export function runningScript(sought: Sought): Script | undefined {
  const sites = getCallSites(FRAMES, { sourceMap: false })
  const url = sites.find(site => site.scriptId === sought.scriptId)?.scriptName
  // Node runs ES modules under their URL and CommonJS modules under their path.
  if (url?.startsWith('file:')) return scriptIn(fileURLToPath(url), url, sought)
  return url !== undefined && isAbsolute(url) ? scriptIn(url, url, sought) : undefined
}

/** The script of a function, when a file that it may come from has its text at its place. */
export function scriptOfFile(path: string, sought: Sought): Script | undefined {
  return scriptIn(path, undefined, sought)
}

function scriptIn(path: string, url: string | undefined, sought: Sought): Script | undefined {
  const text = readSource(path)
  if (text === undefined) return undefined
  // Test runners with contexts of their own run ES modules under their path too.
  const isModule = url?.startsWith('file:') === true || ES_MODULE.test(text)
  const script = new Script({
    scriptId: sought.scriptId,
    url: url ?? (isModule ? pathToFileURL(path).href : path),
    text,
    isModule,
    isMainContext: true,
    sourceMap: lastSourceMap(text),
    startLine: 0,
    startColumn: 0,
  })
  return script.offsetOf(sought.text, sought.place) === undefined ? undefined : script
}

function readSource(path: string): string | undefined {
  try {
    const text = readFileSync(path, 'utf8')
    return TYPESCRIPT.test(path) ? withoutTypes(text) : text
  } catch {
    return undefined // It is no file any more, or no TypeScript that Node can strip.
  }
}

/** As Node's loader does it: blanks in place of types, so that nothing moves. */
function withoutTypes(text: string): string {
  const warn = process.emitWarning
  // Node warns that the function may change, once. If it does, the function's text is not found, and the inspector is asked.
  process.emitWarning = () => {}
  try {
    return stripTypeScriptTypes(text)
  } finally {
    process.emitWarning = warn
  }
}

function lastSourceMap(text: string): string {
  const at = text.lastIndexOf('//# sourceMappingURL=')
  return at < 0 ? '' : (/^\S*/.exec(text.slice(at + '//# sourceMappingURL='.length))?.[0] ?? '')
}
