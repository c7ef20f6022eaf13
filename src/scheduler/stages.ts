/**
 * Cuts a job's lineage into stages.
 *
 * In: the node an action was called on. Out: its result stage, with the map stages it waits for, parents first.
 * A stage ends where records cross a shuffle. Lineage above a complete kept node, above a checkpoint, and above shuffle output that
 * exists, is not looked at: those stages are skipped.
 *
 * Cost: O(nodes above the action, down to what exists). Works with an explicit stack: lineage may be thousands deep.
 */
import { lineageOf, type Node, parentsOf, type ShuffleNode } from '../rdd/nodes.ts'
import type { Preparation } from '../rdd/preparation.ts'
import type { Availability } from './task.ts'

/** A set of tasks over the partitions of one node, without a shuffle inside. */
export interface Stage {
  readonly id: number
  readonly node: Node
  /** The shuffle it writes; the result stage writes none. */
  readonly output: { readonly shuffle: ShuffleNode; readonly input: number } | undefined
  readonly parents: readonly Stage[]
}

let nextStageId = 0

/** The result stage of a job on `node`; see the file head. */
export function cutStages(node: Node, available: Availability): Stage {
  const made = new Map<number, Stage>()
  // A stage is made once the stages of the shuffles it reads are made: visited twice, first to push those, then to finish.
  const stack: { node: Node; output: Stage['output']; reads: ShuffleEdge[] | undefined }[] = [
    { node, output: undefined, reads: undefined },
  ]
  let result: Stage | undefined
  while (stack.length > 0) {
    const top = stack.at(-1)!
    if (top.reads === undefined) {
      top.reads = shufflesRead(top.node, available)
      for (const { shuffle, input, shuffleId } of top.reads)
        if (!made.has(shuffleId))
          stack.push({ node: shuffle.inputs[input]!.node, output: { shuffle, input }, reads: undefined })
      continue
    }
    stack.pop()
    const id = top.output?.shuffle.inputs[top.output.input]?.shuffleId
    if (id !== undefined && made.has(id)) continue
    const parents = top.reads.map(r => made.get(r.shuffleId)!)
    const stage: Stage = { id: nextStageId++, node: top.node, output: top.output, parents }
    if (id === undefined) result = stage
    else made.set(id, stage)
  }
  return result!
}

interface ShuffleEdge {
  readonly shuffle: ShuffleNode
  readonly input: number
  readonly shuffleId: number
}

/** The shuffles that tasks over `node` read and whose output is not complete. */
function shufflesRead(node: Node, available: Availability): ShuffleEdge[] {
  const edges: ShuffleEdge[] = []
  for (const found of walk(node, available)) {
    if (found.kind !== 'shuffle') continue
    found.inputs.forEach(({ shuffleId }, input) => {
      if (shuffleId !== undefined && available.missingOutputs(found, input).length > 0)
        edges.push({ shuffle: found, input, shuffleId })
    })
  }
  return edges
}

/** The nodes that a task over `node` computes itself: up to shuffles and complete kept nodes. */
function* walk(node: Node, available: Availability): Generator<Node> {
  const seen = new Set<Node>()
  const stack = [node]
  while (stack.length > 0) {
    const next = stack.pop()!
    if (seen.has(next)) continue
    seen.add(next)
    if (available.isComplete(next)) continue
    const lineage = lineageOf(next)
    yield lineage
    const { narrow } = parentsOf(lineage)
    for (let i = narrow.length - 1; i >= 0; i--) stack.push(narrow[i]!)
  }
}

/** What must be prepared before a job on `node` can run; what others depend on comes first. */
export function unprepared(node: Node, available: Availability): Preparation[] {
  const found: Preparation[] = []
  const seen = new Set<Node>()
  const stack = [node]
  while (stack.length > 0) {
    const reached = stack.pop()!
    if (seen.has(reached) || available.isComplete(reached)) continue
    seen.add(reached)
    const next = lineageOf(reached)
    const { narrow, shuffled } = parentsOf(next)
    stack.push(...narrow)
    if (next.needs !== undefined && !next.needs.ready) found.push(next.needs)
    if (
      next.kind === 'shuffle' &&
      next.inputs.every((_, i) => available.missingOutputs(next, i).length === 0)
    )
      continue
    stack.push(...shuffled.map(s => s.node))
  }
  return found.reverse()
}
