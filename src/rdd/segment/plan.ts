/** What a segment is made of: the kind of its input chunks, fused steps, and the sink that takes what comes out. */
import type { KeyTable } from '../../data/key-table.ts'
import type { FusedOp } from '../nodes.ts'
import type { OperatorScope } from '../scope.ts'

/** How records arrive: an array of rows, lines of text, or keys and values in two columns. */
export type InputKind = 'rows' | 'text' | 'pairs'

/** A step that can be fused, with the operator it belongs to. */
export interface FusedStep {
  readonly step: FusedOp
  readonly scope: OperatorScope
}

/** Where records go. The object is the sink's state: a segment reads and changes its fields. */
export type Sink = RowsSink | CountSink | FoldSink | CombineSink | ScatterSink

/** Output collected until `limit` rows are there; then the segment stops with FULL. */
export interface RowsSink {
  readonly kind: 'rows'
  rows: unknown[]
  limit: number
}

/** Records are only counted. */
export interface CountSink {
  readonly kind: 'count'
  count: number
}

/** One accumulator: `value = f(value, record)`; while `empty`, the first record becomes the value. */
export interface FoldSink {
  readonly kind: 'fold'
  readonly f: (value: never, record: never) => unknown
  readonly scope: OperatorScope
  empty: boolean
  value: unknown
}

/** Pairs combined by key as they come: the map side of an aggregation. */
export interface CombineSink {
  readonly kind: 'combine'
  readonly table: KeyTable
  readonly create: ((value: never) => unknown) | undefined
  readonly merge: (combiner: never, value: never) => unknown
  readonly scope: OperatorScope
  /** Takes pairs of further keys when the table is full; without it, that is an error. */
  readonly overflow?: (key: unknown, value: unknown) => void
}

/** Pairs put into one list for each partition. */
export interface ScatterSink {
  readonly kind: 'scatter'
  readonly partition: (key: unknown) => number
  readonly keys: unknown[][]
  readonly values: unknown[][]
  readonly scope: OperatorScope
}

/** The user functions of a segment in the order of their operator indices: steps first, then the sink's. */
export function functionsOf(
  steps: readonly FusedStep[],
  sink: Sink,
): readonly ((...args: never[]) => unknown)[] {
  const of: ((...args: never[]) => unknown)[] = steps.map(s => s.step.f)
  if (sink.kind === 'fold') of.push(sink.f)
  if (sink.kind === 'combine') of.push(sink.merge, sink.create ?? sink.merge)
  if (sink.kind === 'scatter') of.push(sink.partition)
  return of
}

/** The operators behind {@link functionsOf}, for messages. */
export function operatorsOf(steps: readonly FusedStep[], sink: Sink): readonly OperatorScope[] {
  const of = steps.map(s => s.scope)
  if (sink.kind === 'fold' || sink.kind === 'scatter') of.push(sink.scope)
  if (sink.kind === 'combine') of.push(sink.scope, sink.scope)
  return of
}
