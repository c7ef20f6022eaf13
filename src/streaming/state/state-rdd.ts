/** The RDD of a version of state, and what a stateful stream says of what it keeps. */
import type { Time } from '../../base/time.ts'
import { makeNode, type StateNode } from '../../rdd/nodes.ts'
import type { RDD } from '../../rdd/rdd.ts'
import { inScope } from '../../rdd/scope.ts'
import type { DStream } from '../dstream/dstream.ts'
import type { KeptVersions } from './kept-versions.ts'
import type { StateSchema } from './state-schema.ts'

/** What a stateful stream keeps, as lineage and checkpoints see it. */
export interface KeptState {
  readonly kept: KeptVersions
  /** What must be the same in a program that takes the state over. */
  readonly layout: Readonly<Record<string, string | number | boolean>>
  /** The version of its values, where the program declares one. */
  readonly schema?: StateSchema | undefined
  /** Batches of the stream from one checkpoint to the next. Default: as many as last 10 s. */
  readonly checkpointSlides?: number
}

/** The version at `time`, to be made of the one before it and the inputs; of neither, when it is there already. */
export function stateRDD<T>(
  stream: DStream<T>,
  version: {
    readonly state: KeptState
    readonly time: Time
    readonly previous: RDD<T> | undefined
    /** Partitioned as the state is. */
    readonly inputs: readonly RDD<unknown>[]
    /** See {@link StateNode.detail}. */
    readonly detail?: unknown
  },
): RDD<T> {
  const { state, time, previous, inputs, detail } = version
  const { partitioner, versions } = state.kept
  const { name } = stream.scope
  return inScope(stream.scope, () =>
    stream.host.sc.emptyRDD<T>().derive<T>(
      makeNode<StateNode>(
        {
          kind: 'state',
          partitioner,
          numPartitions: partitioner.numPartitions,
          previous: previous?.node as StateNode | undefined,
          inputs: inputs.map(rdd => rdd.node),
          versions,
          time: time.milliseconds,
          detail,
        },
        name,
      ),
    ),
  )
}
