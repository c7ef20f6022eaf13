/** Actions by value or key whose result is a map on the driver, and the look-up of one key. */

import { KindlingError } from '../base/errors.ts'
import { joined } from '../data/chunk.ts'
import { keyEquals } from '../data/key.ts'
import { KeyTable } from '../data/key-table.ts'
import { collect } from './actions.ts'
import { KeyedMap } from './keyed-map.ts'
import { mapValues } from './narrow-operations.ts'
import { reduceByKey } from './pair-operations.ts'
import { partitionOf } from './partitioner.ts'
import type { JobSink } from './ports.ts'
import type { RDD } from './rdd.ts'
import { eachRecord, noPromise, run } from './run-sink.ts'
import { currentScope, operator } from './scope.ts'

type Pairs<K, V> = RDD<readonly [K, V]>

/** How often each record of a partition occurs. */
export const countValues: JobSink = {
  kind: 'chunks',
  run: async (records, task) => {
    const table = new KeyTable<number>()
    await eachRecord(records, task, record => table.set(record, (table.get(record) ?? 0) + 1))
    return table
  },
}

export async function countByValue<T>(rdd: RDD<T>): Promise<ReadonlyMap<T, number>> {
  const parts = await run<KeyTable<number>>(rdd as RDD<unknown>, currentScope('countByValue'), countValues)
  return new KeyedMap<T, number>(mergedTables(parts, (a, b) => a + b))
}

/** The first table with all others merged into it. */
export function mergedTables<V>(parts: readonly KeyTable<V>[], merge: (a: V, b: V) => V): KeyTable<V> {
  const [all = new KeyTable<V>(), ...others] = parts
  for (const other of others) all.mergeFrom(other, merge)
  return all
}

export async function countByKey<K, V>(rdd: Pairs<K, V>): Promise<ReadonlyMap<K, number>> {
  const pairs = await operator('countByKey', () =>
    collect(
      reduceByKey(
        mapValues(rdd, () => 1),
        (a, b) => a + b,
      ),
    ),
  )
  return asMap(pairs)
}

export async function collectAsMap<K, V>(rdd: Pairs<K, V>): Promise<ReadonlyMap<K, V>> {
  return asMap(await operator('collectAsMap', () => collect(rdd)))
}

function asMap<K, V>(pairs: readonly (readonly [K, V])[]): ReadonlyMap<K, V> {
  const table = new KeyTable<V>()
  for (const [key, value] of pairs) table.set(key, value)
  return new KeyedMap<K, V>(table)
}

export async function reduceByKeyLocally<K, V>(
  rdd: Pairs<K, V>,
  reduce: (a: V, b: V) => V,
): Promise<ReadonlyMap<K, V>> {
  const scope = currentScope('reduceByKeyLocally')
  const { name } = scope
  const parts = await run<KeyTable<V>>(rdd as RDD<never>, scope, {
    kind: 'chunks',
    run: async (records, task) => {
      const table = new KeyTable<V>()
      await eachRecord(records, task, record => {
        const [key, value] = pairOf<K, V>(record, name)
        const slot = table.slotOf(key)
        table.set(key, slot === undefined ? value : noPromise(reduce(table.values[slot] as V, value), name))
      })
      return table
    },
  })
  return new KeyedMap<K, V>(mergedTables(parts, (a, b) => noPromise(reduce(a, b), name)))
}

function pairOf<K, V>(record: unknown, operation: string): readonly [K, V] {
  if (Array.isArray(record)) return record as unknown as readonly [K, V]
  throw new KindlingError('NOT_A_PAIR', { operation, value: record })
}

export async function lookup<K, V>(rdd: Pairs<K, V>, key: K): Promise<V[]> {
  const scope = currentScope('lookup')
  const { name } = scope
  const { partitioner, node, context } = rdd
  if (partitioner !== undefined) await context.prepare(node)
  const only = partitioner === undefined ? undefined : [partitionOf(partitioner, key)]
  const sink: JobSink = {
    kind: 'chunks',
    run: async (records, task) => {
      const found: V[] = []
      await eachRecord(records, task, record => {
        const [k, value] = pairOf<K, V>(record, name)
        if (keyEquals(k, key)) found.push(value)
      })
      return found
    },
  }
  return joined(await run<V[]>(rdd as RDD<never>, scope, sink, only))
}
