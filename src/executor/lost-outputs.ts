/** Finds out which map outputs a task could not read, so that their stage makes them again. */
import { isKindlingError } from '../base/errors.ts'
import { lineageOf, type Node } from '../rdd/nodes.ts'
import type { Task } from '../scheduler/task.ts'
import type { TaskStores } from './legs.ts'
import { partitionsWithin, placeOf } from './threads/task-inputs.ts'

/** After a task failed with BLOCK_DAMAGED: drops outputs in files that are not as they were written. Cost: reads those of the task. */
export function dropDamaged({ node, partition }: Task, error: unknown, { shuffle }: TaskStores): void {
  if (shuffle.dropDamaged === undefined || !isKindlingError(error, 'BLOCK_DAMAGED')) return
  const seen = new Set<string>()
  const open: (readonly [Node, number])[] = [[node, partition]]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const at = lineageOf(next[0])
    const place = placeOf(at.id, next[1])
    if (seen.has(place)) continue
    seen.add(place)
    if (at.kind === 'shuffle')
      for (const [input, { shuffleId }] of at.inputs.entries())
        if (shuffleId !== undefined) shuffle.dropDamaged(at, input, next[1])
    open.push(...partitionsWithin(at, next[1]))
  }
}
