/** Stack traces of revived functions: source maps in the thread that runs them, and places put in by the thread that sent them. */
import { locate } from '../../base/source-location.ts'
import { textOf } from './captured-function.ts'
import { UNPLACED } from './compile-function.ts'
import type { ScriptDescription } from './description.ts'
import { functionOf } from './function-ids.ts'
import { Inspection } from './inspection.ts'

const mapped = new Set<string>()

/**
 * Tells Node the source map of a script that this thread has not loaded, for the stack traces of functions compiled in its name.
 *
 * Node takes maps from the code that it loads, and from code made of strings that names its own file and map: so a line of such
 * code, without any effect, is run.
 */
export function mapSource({ url, sourceMap }: ScriptDescription): void {
  // With a blank in it, a comment would end early, and Node reads none of them.
  if (sourceMap === '' || mapped.has(url) || /\s/.test(url + sourceMap)) return
  mapped.add(url)
  try {
    // biome-ignore lint/security/noGlobalEval: the only way in; the text holds nothing but two comments.
    const evaluate = globalThis.eval
    evaluate(`//# sourceURL=${url}\n//# sourceMappingURL=${sourceMap}`)
  } catch {
    // Code from strings is forbidden here: stack traces then show the code that runs.
  }
}

/**
 * A stack trace with the places of functions that were sent without one. Called in the thread that sent them, when one has failed:
 * so the inspector need not be asked for each function, only for those.
 */
export function placeStack(stack: string): string {
  if (!stack.includes(UNPLACED)) return stack
  using inspection = Inspection.open()
  if (inspection === undefined) return stack
  return stack.replace(
    new RegExp(`${UNPLACED}(\\d+):(\\d+):(\\d+)`, 'g'),
    (frame, id: string, line: string, column: string) =>
      placeOf(inspection, Number(id), Number(line), Number(column)) ?? frame,
  )
}

function placeOf(inspection: Inspection, id: number, line: number, column: number): string | undefined {
  const f = functionOf(id)
  if (f === undefined) return undefined
  const closure = inspection.closure(f)
  const text = textOf(f)
  const script = inspection.script(closure, text)
  const offset = script?.offsetOf(text, closure.place)
  if (script === undefined || offset === undefined) return undefined
  const start = script.placeOf(offset)
  const { url } = script.source
  const at = { line: start.line + line, column: line === 1 ? start.column + column : column }
  const location = locate(url, at.line, at.column)
  return location === undefined
    ? `${url}:${at.line}:${at.column}`
    : `${location.file}:${location.line}:${location.column}`
}
