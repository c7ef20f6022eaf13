/** How the tables of operations are written down. */

/** Why an operation of Spark's has no counterpart: a key of `reasons.ts`. */
export interface Absent {
  readonly because: ReasonName
}

/** Names of reasons, in the order of their numbers. */
export type ReasonName =
  | 'jvm'
  | 'hadoop'
  | 'one-process'
  | 'own-node'
  | 'at-hand'
  | 'one-form'
  | 'no-slots'
  | 'no-web-ui'
  | 'whole-batches'

/**
 * `[Spark's operation with its overloads, ours, remark]`. Ours is one or more names with commas between: an exported name, or
 * `Class.member` of one.
 */
export type Row = readonly [spark: string, ours: string | Absent, remark?: string]

/** The operations of one class of Spark's. */
export interface ParityTable {
  readonly spark: string
  readonly rows: readonly Row[]
}

/** No counterpart, for a numbered reason. */
export function no(because: ReasonName): Absent {
  return { because }
}
