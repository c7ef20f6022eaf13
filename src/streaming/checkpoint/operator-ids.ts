/**
 * Names of streams that stay the same when the program runs again: what is saved is found by them.
 *
 * The id of a stream is what `uid` gave it, or else made of its operator and the ids of the streams that it is computed from; of
 * several alike the second is `…-2`. So an operator keeps its id when something else in the program changes, unless what it is
 * computed from changes. Inputs are counted by kind.
 */
import { createHash } from 'node:crypto'
import { KindlingError } from '../../base/errors.ts'
import type { InputDStream } from '../dstream/input.ts'
import type { AnyStream } from '../dstream/recipe.ts'
import type { DStreamGraph } from '../graph.ts'

/** The streams of a program, those that others are computed from first, and their ids. */
export interface OperatorIds {
  /** Every stream that an output reaches, after those that it is computed from. */
  readonly streams: readonly AnyStream[]
  of(stream: AnyStream): string
}

/** @throws INVALID_ARGUMENT when two operators have one uid */
export function operatorIds(graph: DStreamGraph): OperatorIds {
  const ids = new Map<AnyStream, string>()
  const taken = new Set<string>()
  const streams: AnyStream[] = []
  const take = (stream: AnyStream, structural: string): void => {
    const uid = stream.userId
    let id = uid ?? structural
    if (uid !== undefined && taken.has(uid))
      throw new KindlingError('INVALID_ARGUMENT', {
        what: 'the uid of a stream',
        value: uid,
        expected: 'a name that no other operator has',
      })
    for (let n = 2; taken.has(id); n++) id = `${structural}-${n}`
    taken.add(id)
    ids.set(stream, id)
  }
  // Names that users gave are never taken by others.
  const all = reached(graph)
  for (const stream of all) if (stream.userId !== undefined) take(stream, '')
  const kinds = new Map<string, number>()
  for (const input of graph.inputs as readonly (InputDStream<unknown> & AnyStream)[]) {
    const n = kinds.get(input.scope.name) ?? 0
    kinds.set(input.scope.name, n + 1)
    if (!ids.has(input)) take(input, `${input.scope.name}-${n}`)
  }
  for (const stream of all) {
    streams.push(stream)
    if (ids.has(stream)) continue
    const from = stream.dependencies.map(parent => ids.get(parent)).join(' ')
    take(stream, `${stream.scope.name}-${digest(`${stream.scope.name}(${from})`)}`)
  }
  return { streams, of: stream => ids.get(stream)! }
}

/** In order of definition from the outputs up, each stream after its parents. */
function reached(graph: DStreamGraph): AnyStream[] {
  const seen = new Set<AnyStream>()
  const streams: AnyStream[] = []
  const visit = (stream: AnyStream): void => {
    if (seen.has(stream)) return
    seen.add(stream)
    for (const parent of stream.dependencies) visit(parent)
    streams.push(stream)
  }
  for (const { stream } of graph.outputs) visit(stream)
  return streams
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8)
}
