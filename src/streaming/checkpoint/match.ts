/** Which saved operators and inputs the program still has, and what it has no place for. */
import type { AnyStream } from '../dstream/recipe.ts'
import type { DStreamGraph } from '../graph.ts'
import { notMigratable } from '../state/state-schema.ts'
import { gridOf, type Manifest, type SavedOperator } from './manifest.ts'
import { savedVersion } from './migrate-images.ts'
import type { OperatorIds } from './operator-ids.ts'

/** See the file head. */
export interface Match {
  /** What is saved of each stateful stream that was there before. */
  readonly operators: ReadonlyMap<AnyStream, SavedOperator>
  /** What is saved and has no place. */
  readonly unmatched: readonly Unmatched[]
}

/** Something saved that the program has no place for. */
export interface Unmatched {
  readonly what: 'operator' | 'input' | 'window'
  readonly id: string
  /** A clause: `it holds state of …`. */
  readonly reason: string
}

/** @param restarted windows that begin anew, since the batch interval has changed */
export function match(
  saved: Manifest,
  graph: DStreamGraph,
  ids: OperatorIds,
  restarted: ReadonlySet<AnyStream>,
): Match {
  const savedEra = gridOf(saved).newest
  const operators = new Map<AnyStream, SavedOperator>()
  const unmatched: Unmatched[] = []
  const byId = new Map(ids.streams.map(stream => [ids.of(stream), stream]))
  for (const operator of saved.operators) {
    const stream = byId.get(operator.id)
    if (stream?.state === undefined) {
      unmatched.push({
        what: 'operator',
        id: operator.id,
        reason: `it holds state of ${operator.id} (${operator.layout['operator']}), and the program has no such operator`,
      })
      continue
    }
    if (restarted.has(stream)) continue
    // The slide that it had with the batch interval of then.
    const layout = { ...stream.state.layout, slide: stream.slideIn(savedEra) }
    const differences = Object.entries({ ...layout, ...operator.layout })
      .map(([name]) => [name, operator.layout[name], layout[name as keyof typeof layout]] as const)
      .filter(([, before, now]) => before !== now)
      .map(([name, before, now]) => `${name} was ${before} and is ${now}`)
    const version = savedVersion(operator)
    const refused = version === undefined ? undefined : notMigratable(stream.state.schema, version)
    if (refused !== undefined) differences.push(refused)
    if (differences.length === 0) operators.set(stream, { ...operator, layout: stream.state.layout })
    else if (refused !== undefined && differences.length === 1)
      unmatched.push({
        what: 'operator',
        id: operator.id,
        reason: `the state of ${operator.id} cannot be taken over: ${refused}`,
      })
    else
      unmatched.push({
        what: 'operator',
        id: operator.id,
        reason: `the state of ${operator.id} was saved by another operator: ${differences.join(', ')}`,
      })
  }
  for (const stream of restarted) {
    const id = ids.of(stream)
    const reason =
      `the batch interval was ${savedEra.batchMs} ms and is ${graph.grid.newest.batchMs} ms: the windows of ${id} ` +
      `(${stream.windowDuration}) would cut batches of before in two, and begin anew`
    unmatched.push({ what: 'window', id, reason })
  }
  const inputs = new Set(graph.inputs.map(input => ids.of(input as AnyStream)))
  for (const { id } of saved.inputs)
    if (!inputs.has(id))
      unmatched.push({
        what: 'input',
        id,
        reason: `it holds plans of the input ${id}, which the program does not have`,
      })
  return { operators, unmatched }
}
