/**
 * Tells the engine's own classes wherever they are met, without importing them and without `instanceof`: two copies of the package
 * may be in one process, and lower layers may not see higher ones.
 */

/** What an object of the engine is. */
export type EngineKind = 'RDD' | 'DStream' | 'SparkContext' | 'StreamingContext' | 'Broadcast' | 'Accumulator'

const KIND = Symbol.for('kindling.kind')

/** Marks a class; its subclasses are of that kind too. */
export function markKind(C: { readonly prototype: object }, kind: EngineKind): void {
  Object.defineProperty(C.prototype, KIND, { value: kind })
}

/** The kind of an object of the engine; `undefined` for all others. */
export function engineKind(value: object): EngineKind | undefined {
  try {
    return Reflect.get(value, KIND) as EngineKind | undefined
  } catch {
    return undefined // A proxy's trap threw.
  }
}
