/**
 * The bounds of a range partitioner, from a sample of the keys that it is first used on.
 *
 * 1. each partition is read once and keeps a reservoir of about three times its share of the sample;
 * 2. a partition that turns out so large that its reservoir under-represents it is read again, and keeps each key with the
 *    probability that the whole sample has;
 * 3. each key weighs as many keys as it stands for; the bounds are quantiles by weight.
 *
 * The same data gives the same bounds: the random numbers depend on the partition alone.
 *
 * @source Spark RangePartitioner.sketch, determineBounds
 */

import { Random } from '../base/random.ts'
import { capture } from './functions/explicit.ts'
import type { Node } from './nodes.ts'
import { type KeySample, type Partitioner, RangePartitioner, Reservoir } from './partitioner.ts'
import type { JobSink } from './ports.ts'
import type { Preparation, RunRequest } from './preparation.ts'
import { eachKey } from './run-sink.ts'
import { currentScope, type OperatorScope } from './scope.ts'

const preparations = new WeakMap<RangePartitioner, RangeSample>()

/**
 * The preparation of a partitioner that is used to shuffle `node`; nothing for those that need none. The first RDD that a range
 * partitioner is used on is the one it takes its sample from.
 */
export function rangeSample(partitioner: Partitioner | undefined, node: Node): Preparation | undefined {
  if (!(partitioner instanceof RangePartitioner) || partitioner.ready) return undefined
  let preparation = preparations.get(partitioner)
  if (preparation === undefined) {
    preparation = new RangeSample(partitioner, node)
    preparations.set(partitioner, preparation)
  }
  return preparation
}

class RangeSample implements Preparation {
  private readonly partitioner: RangePartitioner
  /** Let go of once the bounds are known: a partitioner may outlive the batch it was made in. */
  private node: Node | undefined
  private readonly scope: OperatorScope = currentScope('partitionBy')

  constructor(partitioner: RangePartitioner, node: Node) {
    this.partitioner = partitioner
    this.node = node
  }

  get ready(): boolean {
    return this.partitioner.ready
  }

  async prepare(run: RunRequest): Promise<void> {
    const { node, partitioner, scope } = this
    if (node === undefined) return
    const size = partitioner.samplesPerInput(node.numPartitions)
    const sketches = await run<KeySample>({ node, scope, sink: reservoirSink(size) })
    const total = sketches.reduce((sum, s) => sum + s.count, 0)
    const fraction = Math.min(1, partitioner.sampleSize / Math.max(1, total))
    const heavy = sketches.flatMap((s, p) => (fraction * s.count > size ? [p] : []))
    if (heavy.length > 0) {
      const again = await run<unknown[]>({ node, scope, partitions: heavy, sink: bernoulliSink(fraction) })
      for (const [i, keys] of again.entries()) {
        const p = heavy[i]!
        if (keys.length > 0) sketches[p] = { count: sketches[p]!.count, keys }
      }
    }
    partitioner.setBounds(sketches.filter(s => s.count > 0))
    this.node = undefined
  }
}

function reservoirSink(size: number): JobSink {
  return {
    kind: 'chunks',
    run: capture({ Reservoir, Random, eachKey, size }, async (records, task) => {
      const reservoir = new Reservoir(size, new Random('range').fork(task.partition))
      await eachKey(records, task, key => reservoir.offer(key))
      return { count: reservoir.count, keys: reservoir.keys }
    }),
  }
}

function bernoulliSink(fraction: number): JobSink {
  return {
    kind: 'chunks',
    run: capture({ Random, eachKey, fraction }, async (records, task) => {
      const random = new Random('range again').fork(task.partition)
      const keys: unknown[] = []
      await eachKey(records, task, key => {
        if (random.next() < fraction) keys.push(key)
      })
      return keys
    }),
  }
}
