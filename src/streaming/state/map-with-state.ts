/**
 * A function called for every record with the state of its key; emits what the function gives.
 *
 * At t: the version of t − slide and the batch's pairs, in partition order. Keys without data are not touched: a batch costs what its
 * records cost, whatever the number of keys. After the data, keys that are idle for longer than the timeout are told of it and go.
 *
 * Source: Spark MapWithStateDStream, MapWithStateRDDRecord. Time-outs are looked for in every batch; Spark does so in checkpointing
 * batches only, which `spark.streaming.mapWithState.timeoutOnCheckpointOnly` restores.
 */
import { configEntries } from '../../base/config.ts'
import { KindlingError } from '../../base/errors.ts'
import { Time } from '../../base/time.ts'
import { makeNode, type StateNode, type StateOutputNode, type StateTask } from '../../rdd/nodes.ts'
import { partitionBy } from '../../rdd/pair-operations.ts'
import { toPartitioner } from '../../rdd/partitioner.ts'
import type { RDD } from '../../rdd/rdd.ts'
import { operator } from '../../rdd/scope.ts'
import { BlockBuilder } from '../../storage/block-builder.ts'
import type { DStream } from '../dstream/dstream.ts'
import { hashed } from '../dstream/elementwise.ts'
import type { AnyStream } from '../dstream/recipe.ts'
import { CurrentState } from './current-state.ts'
import { IdleOrder } from './idle-order.ts'
import { eachSlot } from './pairs.ts'
import { stateRDD } from './state-rdd.ts'
import type { Emitted, StateFunction, StateSpec } from './state-spec.ts'
import type { StateTable } from './state-table.ts'
import { type Advance, TablePartition } from './table-partition.ts'
import { VersionedState } from './versions.ts'

/** In Spark every tenth batch of a stream is checkpointed unless told otherwise. */
const CHECKPOINT_SLIDES = 10

/** The emitted records; and, by `stateSnapshots`, the state they come from: all keys and their state after each batch. */
export type MapWithStateDStream<K, S, M> = DStream<M> & { stateSnapshots(): DStream<[K, S]> }

export function mapWithState<K, V, S, M>(
  stream: DStream<readonly [K, V]>,
  spec: StateSpec<K, V, S, M>,
): MapWithStateDStream<K, S, Emitted<M>> {
  return operator('mapWithState', () => {
    const states = stateStream(stream, spec)
    const mapped = states.derive<Emitted<M>>('mapWithState', {
      slideDuration: states.slideDuration,
      dependencies: [states as AnyStream],
      compute(time) {
        const rdd = states.getOrCompute(time)
        if (rdd === undefined) return undefined
        const parent = rdd.node as StateNode
        const { numPartitions } = parent
        return rdd.derive<Emitted<M>>(
          makeNode<StateOutputNode>(
            { kind: 'stateOutput', parent, numPartitions, partitioner: undefined },
            'mapWithState',
          ),
        )
      },
    })
    return Object.assign(mapped, { stateSnapshots: () => states })
  })
}

function stateStream<K, V, S, M>(
  stream: DStream<readonly [K, V]>,
  { f, settings }: StateSpec<K, V, S, M>,
): DStream<[K, S]> {
  const { initialState } = settings
  const { sc } = stream.host
  const partitioner = settings.partitioner ?? toPartitioner(hashed(stream, undefined))
  const timeoutMs = settings.timeout?.milliseconds
  const inCheckpointsOnly = sc.conf.get(configEntries.timeoutOnCheckpointOnly)
  const withInitial = new WeakSet<StateNode>()
  const idleOrders = new WeakMap<StateTable, { readonly order: IdleOrder; readonly undone: number }>()
  const call = caller(f as StateFunction<unknown, unknown, unknown, unknown>)

  const advance: Advance = async (table, inputs, { node }, task) => {
    const { time } = node
    const [initial, batch] = withInitial.has(node) ? inputs : [undefined, ...inputs]
    if (initial !== undefined)
      await eachSlot(initial, table, task, (slot, state) => table.put(slot, state, time))
    let idle: IdleOrder | undefined
    if (timeoutMs !== undefined) {
      const kept = idleOrders.get(table)
      idle = kept?.undone === table.undone ? kept.order : new IdleOrder(table)
      // Put back once the batch is through: after a failure the order is made anew from what the table holds.
      idleOrders.delete(table)
    }
    const run = call(table, idle, new Time(time), task)
    if (batch !== undefined) await eachSlot(batch, table, task, run.record)
    const isDue =
      !inCheckpointsOnly ||
      (time - stream.zeroTime.milliseconds) % states.checkpointDuration.milliseconds === 0
    if (idle !== undefined && timeoutMs !== undefined) {
      if (isDue) await run.timeOut(idle.idleSince(time - timeoutMs))
      idleOrders.set(table, { order: idle, undone: table.undone })
    }
    return { output: [run.output.finish()] }
  }

  const versions = new VersionedState(
    'mapWithState',
    partitioner.numPartitions,
    partition => new TablePartition(partition, advance),
  )
  const state = {
    versions,
    partitioner,
    layout: { operator: 'mapWithState', slide: stream.slideDuration.milliseconds },
    schema: settings.schema,
    checkpointSlides: CHECKPOINT_SLIDES,
  }
  const states = stream.derive<[K, S]>('mapWithState', {
    slideDuration: stream.slideDuration,
    dependencies: [stream as AnyStream],
    state,
    forgotten: times => versions.forget(times),
    compute(time, self) {
      const previous = self.getOrCompute(time.minus(stream.slideDuration))
      const batch = stream.getOrCompute(time)
      const initial = previous === undefined ? initialState : undefined
      const inputs = [initial, batch]
        .filter(rdd => rdd !== undefined)
        .map(rdd => partitionBy(rdd as RDD<readonly [K, unknown]>, partitioner) as RDD<unknown>)
      const rdd = stateRDD<[K, S]>(self, { state, time, previous, inputs })
      if (initial !== undefined) withInitial.add(rdd.node as StateNode)
      return rdd
    },
  })
  return states
}

/** The calls of one partition in one batch. */
function caller(f: StateFunction<unknown, unknown, unknown, unknown>) {
  return (table: StateTable, idle: IdleOrder | undefined, time: Time, task: StateTask) => {
    const state = new CurrentState(table, idle, time.milliseconds)
    const output = new BlockBuilder()
    const callFor = (key: unknown, value: unknown): void => {
      try {
        const mapped = f(key, value, state, time)
        if (mapped === undefined) return
        if (mapped instanceof Promise)
          throw new KindlingError('PROMISE_RETURNED', {
            operation: 'mapWithState',
            instead: 'mapAsync before it',
          })
        output.add(mapped)
      } catch (error) {
        throw task.failed(error, value === undefined ? key : [key, value])
      }
    }
    return {
      output,
      record(slot: number, value: unknown, key: unknown): void {
        state.pointAt(slot)
        callFor(key, value)
        state.settle()
      },
      async timeOut(slots: readonly number[]): Promise<void> {
        for (let i = 0; i < slots.length; i++) {
          const slot = slots[i]!
          state.pointAt(slot, true)
          callFor(table.key(slot), undefined)
          state.settle()
          table.drop(slot)
          const pause = (i & 63) === 0 ? task.breathe() : undefined
          if (pause !== undefined) await pause
        }
      },
    }
  }
}
