/** Operators over the pairs of two RDDs, all over one cogroup. */
import { capture } from './functions/explicit.ts'
import { flatMapValues } from './narrow-operations.ts'
import { choosePartitioner } from './pair-operations.ts'
import type { Partitioning } from './partitioner.ts'
import type { RDD } from './rdd.ts'
import { operator } from './scope.ts'
import { shuffleNode } from './shuffle-node.ts'

type Pairs<K, V> = RDD<readonly [K, V]>

/** For each key one list of values for each RDD, in the order of `rdds`. Those that are partitioned alike do not cross. */
export function cogroupAll<K>(rdds: readonly RDD<never>[], partitions?: Partitioning): RDD<[K, unknown[][]]> {
  return operator('cogroup', () => {
    const partitioner = choosePartitioner(rdds, partitions)
    const nodes = (rdds as readonly unknown[] as RDD<unknown>[]).map(r => r.node)
    const node = shuffleNode('cogroup', nodes, partitioner, { as: 'cogrouped' })
    return (rdds[0] as unknown as RDD<unknown>).derive(node)
  })
}

/** What `cogroup` and `groupWith` are given: the other RDDs, then perhaps the partitions. */
export function cogroupGiven(rdd: RDD<unknown>, given: readonly unknown[]): RDD<[never, never]> {
  const others = given.filter(g => g instanceof Object && 'node' in g)
  const partitions = given[others.length] as Partitioning | undefined
  return cogroupAll([rdd, ...others] as RDD<never>[], partitions) as never
}

function cogroup<K, V, W>(a: Pairs<K, V>, b: Pairs<K, W>, partitions?: Partitioning): RDD<[K, [V[], W[]]]> {
  return cogroupAll<K>([a as RDD<never>, b as RDD<never>], partitions) as RDD<[K, [V[], W[]]]>
}

/** One side as a join sees it: `[undefined]` stands for "nothing there" on an outer side. */
function side<V>(values: V[], outer: boolean): (V | undefined)[] {
  return outer && values.length === 0 ? [undefined] : values
}

function joined<K, V, W, R>(
  a: Pairs<K, V>,
  b: Pairs<K, W>,
  name: string,
  outer: { readonly left: boolean; readonly right: boolean },
  partitions: Partitioning | undefined,
): RDD<R> {
  return operator(name, () => {
    const both = capture({ side, outer }, (groups: [V[], W[]]): [V | undefined, W | undefined][] => {
      const left = side(groups[0], outer.left)
      const right = side(groups[1], outer.right)
      const pairs: [V | undefined, W | undefined][] = []
      for (const v of left) for (const w of right) pairs.push([v, w])
      return pairs
    })
    return flatMapValues(cogroup(a, b, partitions), both) as unknown as RDD<R>
  })
}

export function join<K, V, W>(a: Pairs<K, V>, b: Pairs<K, W>, partitions?: Partitioning): RDD<[K, [V, W]]> {
  return joined(a, b, 'join', { left: false, right: false }, partitions)
}

export function leftOuterJoin<K, V, W>(
  a: Pairs<K, V>,
  b: Pairs<K, W>,
  partitions?: Partitioning,
): RDD<[K, [V, W | undefined]]> {
  return joined(a, b, 'leftOuterJoin', { left: false, right: true }, partitions)
}

export function rightOuterJoin<K, V, W>(
  a: Pairs<K, V>,
  b: Pairs<K, W>,
  partitions?: Partitioning,
): RDD<[K, [V | undefined, W]]> {
  return joined(a, b, 'rightOuterJoin', { left: true, right: false }, partitions)
}

export function fullOuterJoin<K, V, W>(
  a: Pairs<K, V>,
  b: Pairs<K, W>,
  partitions?: Partitioning,
): RDD<[K, [V | undefined, W | undefined]]> {
  return joined(a, b, 'fullOuterJoin', { left: true, right: true }, partitions)
}
