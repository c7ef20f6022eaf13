/** Picks the form of a segment: compiled where the process may generate code, interpreted otherwise. Same results. */
import { compileSegment } from './compile.ts'
import type { Segment, SegmentControl } from './control.ts'
import { InterpretedSegment } from './interpret.ts'
import { type FusedStep, functionsOf, type InputKind, type Sink } from './plan.ts'

/** How segments run: generated code, the plain interpreted form, or whichever the process allows. */
export type SegmentMode = 'compiled' | 'interpreted' | 'auto'

/** Whether this process may make functions from text (`--disallow-code-generation-from-strings` forbids it). */
export const mayGenerateCode: boolean = (() => {
  try {
    return new Function('return true')() === true
  } catch {
    return false
  }
})()

/** A segment for one task. */
export function makeSegment(
  input: InputKind,
  steps: readonly FusedStep[],
  sink: Sink,
  control: SegmentControl,
  mode: SegmentMode = 'auto',
): Segment {
  const compiled = mode === 'compiled' || (mode === 'auto' && mayGenerateCode)
  if (!compiled) return new InterpretedSegment(input, steps, sink, control)
  return compileSegment(input, steps, sink)(functionsOf(steps, sink), sink, control)
}
