/** Numbers for records: their place, or just different ones. */
import { mapPartitionsWithIndex } from './narrow-operations.ts'
import type { Node } from './nodes.ts'
import type { Preparation, RunRequest } from './preparation.ts'
import type { RDD } from './rdd.ts'
import { currentScope, type OperatorScope, operator } from './scope.ts'

export function zipWithUniqueId<T>(rdd: RDD<T>): RDD<[T, number]> {
  const step = rdd.getNumPartitions()
  return operator('zipWithUniqueId', () =>
    mapPartitionsWithIndex(
      rdd,
      function* (index, records) {
        let id = index
        for (const record of records) {
          yield [record, id] as [T, number]
          id += step
        }
      },
      false,
    ),
  )
}

export function zipWithIndex<T>(rdd: RDD<T>): RDD<[T, number]> {
  return operator('zipWithIndex', () => {
    const offsets = new Offsets(rdd.node)
    const { known } = offsets
    return mapPartitionsWithIndex(
      rdd,
      function* (index, records) {
        let at = known.starts![index]!
        for (const record of records) yield [record, at++] as [T, number]
      },
      false,
      offsets,
    )
  })
}

/** How many records come before each partition: counted by a job of its own, unless there is one partition only. */
class Offsets implements Preparation {
  private readonly node: Node
  private readonly scope: OperatorScope = currentScope('zipWithIndex')
  /** What tasks are sent; filled once it is known. */
  readonly known: { starts?: readonly number[] } = {}

  constructor(node: Node) {
    this.node = node
    if (node.numPartitions <= 1) this.known.starts = [0]
  }

  get ready(): boolean {
    return this.known.starts !== undefined
  }

  async prepare(run: RunRequest): Promise<void> {
    const { node, scope } = this
    // Nothing comes after the last partition.
    const partitions = Array.from({ length: node.numPartitions - 1 }, (_, p) => p)
    const counts = await run<number>({ node, scope, partitions, sink: { kind: 'count' } })
    const starts = [0]
    for (const [p, n] of counts.entries()) starts.push(starts[p]! + n)
    this.known.starts ??= starts
  }
}
