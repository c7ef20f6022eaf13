import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SparkContext } from '../../src/context/spark-context.ts'
import { StorageLevel } from '../../src/rdd/storage-level.ts'

/** Ids counted from the first that is named, and places without their columns. */
function plain(text: string): string[] {
  const ids = [...text.matchAll(/RDD\d?\[(\d+)\]/g)].map(m => Number(m[1]))
  const first = Math.min(...ids)
  return text
    .replace(/(RDD\d?)\[(\d+)\]/g, (_, name, id) => `${name}[${Number(id) - first}]`)
    .replace(/ at (\w+) at \S+\.ts:\d+:\d+/g, ' at $1')
    .split('\n')
}

describe('introspection', () => {
  const sc = new SparkContext()

  it('toDebugString shows stages, kept RDDs and names as Spark does', () => {
    const left = sc.parallelize([1, 2], 2).map(x => [x, x] as [number, number])
    const right = sc
      .range(0, 4, 1, 12)
      .keyBy(x => x)
      .setName('right')
    right.persist(StorageLevel.MEMORY_ONLY)
    const all = left
      .reduceByKey((a, b) => a + b)
      .cogroup(right, 3)
      .mapValues(x => x)
    assert.deepEqual(plain(all.toDebugString()), [
      '(3) MapPartitionsRDD[6] at mapValues []',
      ' |  CoGroupedRDD[5] at cogroup []',
      ' +-(2) ShuffledRDD[4] at reduceByKey []',
      ' |  +-(2) MapPartitionsRDD[1] at map []',
      ' |     |  ParallelCollectionRDD[0] at parallelize []',
      ' +-(12) right MapPartitionsRDD[3] at keyBy [MEMORY_ONLY]',
      '    |   ParallelCollectionRDD[2] at range []',
    ])
    assert.match(
      String(left),
      /^MapPartitionsRDD\[\d+\] at map at test\/rdd\/introspection\.test\.ts:\d+:\d+$/,
    )
  })

  it('names every kind of RDD', () => {
    const a = sc.range(0, 2, 1, 2)
    const pairs = a.map(x => [x, x] as [number, number])
    const by = pairs.partitionBy(2)
    const first = (rdd: { toDebugString(): string }): string =>
      plain(rdd.toDebugString())[0]!.split(' ')[1]!.split('[')[0]!
    assert.deepEqual(
      [
        sc.emptyRDD(),
        a.union(a),
        by.union(by),
        a.coalesce(1),
        a.zip(a),
        a.zipPartitions(a, a, x => x),
        a.cartesian(a),
        pairs.sortByKey(),
        sc.fromPartitions([1], x => [x]),
      ].map(first),
      [
        'EmptyRDD',
        'UnionRDD',
        'PartitionerAwareUnionRDD',
        'CoalescedRDD',
        'ZippedPartitionsRDD2',
        'ZippedPartitionsRDD3',
        'CartesianRDD',
        'ShuffledRDD',
        'SourceRDD',
      ],
    )
    assert.match(pairs.sortByKey().filterByRange(0, 1).toDebugString(), /PartitionPruningRDD/)
  })

  it('is bounded where paths through the lineage multiply', () => {
    let rdd = sc.range(3)
    for (let i = 0; i < 40; i++) rdd = rdd.union(rdd).coalesce(1)
    const lines = rdd.toDebugString().split('\n')
    assert.equal(lines.length, 10_001)
    assert.equal(lines.at(-1), '…')
    let deep = sc.range(3)
    for (let i = 0; i < 5000; i++) deep = deep.map(x => x)
    assert.equal(deep.toDebugString().split('\n').length, 5001)
  })

  it('dependencies, partitions, places, context', () => {
    const hosts = sc.makeRDDWithLocations([
      ['x', ['a', 'b']],
      ['y', []],
      ['z', ['c']],
    ])
    assert.deepEqual(hosts.partitions, [{ index: 0 }, { index: 1 }, { index: 2 }])
    assert.deepEqual(
      [0, 1, 2].map(p => hosts.map(x => x).preferredLocations(p)),
      [['a', 'b'], [], ['c']],
    )
    const more = sc.range(0, 1, 1, 2).union(hosts.map(() => 1))
    assert.deepEqual(
      [0, 2, 4].map(p => more.preferredLocations(p)),
      [[], ['a', 'b'], ['c']],
    )
    assert.deepEqual(hosts.coalesce(1).preferredLocations(0), ['a', 'b'])
    assert.deepEqual(hosts.cartesian(hosts).preferredLocations(5), ['c'])
    assert.deepEqual(
      hosts
        .keyBy(x => x)
        .groupByKey()
        .preferredLocations(0),
      [],
      'not across a shuffle',
    )
    const own = sc.fromPartitions([{ host: 'q' }], () => [1], { preferredLocations: d => [d.host] })
    assert.deepEqual(own.preferredLocations(0), ['q'])
    assert.deepEqual(hosts.dependencies, [])
    const grouped = hosts.keyBy(x => x).groupByKey()
    const [dependency] = grouped.dependencies
    assert.equal(dependency!.kind, 'shuffle')
    assert.equal(typeof dependency!.shuffleId, 'number')
    assert.equal(dependency!.rdd.dependencies[0]!.rdd.id, hosts.id)
    assert.equal(hosts.context, sc)
    assert.equal(hosts.sparkContext, sc)
  })
})
