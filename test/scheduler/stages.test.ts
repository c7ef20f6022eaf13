import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SparkContext } from '../../src/context/spark-context.ts'
import type { Node, ShuffleNode } from '../../src/rdd/nodes.ts'
import type { RDD } from '../../src/rdd/rdd.ts'
import { cutStages, type Stage, unprepared } from '../../src/scheduler/stages.ts'
import type { Availability } from '../../src/scheduler/task.ts'
import { INLINE } from '../support/backends.ts'

const sc = new SparkContext()
const add = (a: number, b: number): number => a + b
const pairs = (partitions = 2): RDD<[string, number]> =>
  sc.parallelize(['a', 'b', 'a', 'c'], partitions).map(word => [word, 1])

/** What exists: kept nodes that are complete, and shuffles whose output is all there. */
function available(complete: readonly Node[] = [], written: readonly Node[] = []): Availability {
  return {
    isComplete: node => complete.includes(node),
    missingOutputs: (shuffle, input) =>
      written.includes(shuffle)
        ? []
        : Array.from(shuffle.inputs[input]!.node.numPartitions.toString()).map(Number),
  }
}

/** The stages above and including `result`, each once, parents first. */
function inOrder(result: Stage): Stage[] {
  const seen = new Set<Stage>()
  const visit = (stage: Stage): void => {
    if (seen.has(stage)) return
    for (const parent of stage.parents) visit(parent)
    seen.add(stage)
  }
  visit(result)
  return [...seen]
}

const shuffleOf = (rdd: RDD<unknown>): ShuffleNode => {
  assert.equal(rdd.node.kind, 'shuffle')
  return rdd.node as ShuffleNode
}

describe('cutting stages', () => {
  it('a lineage without a shuffle is one stage', () => {
    const rdd = pairs()
      .filter(([, n]) => n > 0)
      .union(pairs())
    const stage = cutStages(rdd.node, available())
    assert.equal(stage.node, rdd.node)
    assert.equal(stage.output, undefined)
    assert.deepEqual(stage.parents, [])
  })

  it('cuts at each shuffle: the map stage is over what the shuffle reads', () => {
    const input = pairs()
    const reduced = input.reduceByKey(add)
    const result = reduced.map(([, n]) => [n, 1]).reduceByKey(add)
    const stages = inOrder(cutStages(result.node, available()))
    assert.equal(stages.length, 3)
    const [first, second, last] = stages as [Stage, Stage, Stage]
    assert.equal(first.node, input.node)
    assert.deepEqual(first.output, { shuffle: shuffleOf(reduced), input: 0 })
    assert.equal(second.output!.shuffle, result.node)
    assert.equal(last.node, result.node)
    assert.ok(first.id < second.id && second.id < last.id, 'parents first')
  })

  it('a cogroup waits for one map stage for each input that crosses; one partitioned alike does not', () => {
    const left = pairs().reduceByKey(add, 3)
    const both = left.cogroup(pairs())
    const stages = inOrder(cutStages(both.node, available()))
    assert.equal(stages.length, 3)
    const outputs = stages.map(
      stage => stage.output?.shuffle.kind && [stage.output.shuffle === left.node, stage.output.input],
    )
    assert.deepEqual(outputs, [[false, 1], [true, 0], undefined])
    assert.deepEqual(stages.at(-1)!.parents.length, 2, 'the narrow side belongs to the result stage itself')
  })

  it('a stage that two readers share is made once', () => {
    const shared = pairs().reduceByKey(add)
    const left = shared.map(([key, n]) => [key, n + 1]).reduceByKey(add, 3)
    const right = shared.map(([key, n]) => [key, n * 2]).reduceByKey(add, 3)
    const diamond = left.join(right)
    const stages = inOrder(cutStages(diamond.node, available()))
    const over = stages.filter(stage => stage.output?.shuffle === shared.node)
    assert.equal(over.length, 1)
    assert.equal(stages.length, 4)
    const readers = stages.filter(stage => stage.parents.includes(over[0]!))
    assert.equal(readers.length, 2)
  })

  it('an RDD that is read twice within a stage is walked once', () => {
    let rdd = pairs()
    for (let i = 0; i < 40; i++) rdd = rdd.union(rdd.filter(() => true))
    const reduced = rdd.map(([key]) => [key, 1]).node
    const asked = new Set<Node>()
    let questions = 0
    cutStages(reduced, {
      isComplete: node => {
        questions++
        asked.add(node)
        return false
      },
      missingOutputs: () => [0],
    })
    assert.equal(questions, asked.size)
  })

  it('stands a lineage thousands deep, narrow or shuffled', () => {
    let narrow = sc.parallelize([1], 1)
    for (let i = 0; i < 20_000; i++) narrow = narrow.map(x => x)
    assert.deepEqual(cutStages(narrow.node, available()).parents, [])
    let shuffled = pairs()
    for (let i = 0; i < 5000; i++)
      shuffled = shuffled.map(([key, n]) => [key, n] as [string, number]).reduceByKey(add)
    let stage: Stage | undefined = cutStages(shuffled.node, available())
    let depth = 0
    for (; stage !== undefined; stage = stage.parents[0]) depth++
    assert.equal(depth, 5001)
  })

  it('a second job has stages of its own, and skips those whose output exists', () => {
    const reduced = pairs().reduceByKey(add)
    const above = reduced.map(([key, n]) => [n, key]).groupByKey()
    const first = cutStages(above.node, available())
    const second = cutStages(above.node, available([], [reduced.node]))
    assert.equal(inOrder(first).length, 3)
    assert.equal(inOrder(second).length, 2)
    const ids = new Set([...inOrder(first), ...inOrder(second)].map(stage => stage.id))
    assert.equal(ids.size, 5)
    const third = cutStages(above.node, available([], [reduced.node, above.node]))
    assert.deepEqual(third.parents, [])
  })

  it('output that is there in part is no reason to skip', () => {
    const reduced = pairs().reduceByKey(add)
    const stage = cutStages(reduced.node, { isComplete: () => false, missingOutputs: () => [1] })
    assert.equal(stage.parents.length, 1)
  })

  it('looks at nothing above a complete kept node', () => {
    const kept = pairs().reduceByKey(add)
    const result = kept.mapValues(n => n + 1)
    const asked: Node[] = []
    const stage = cutStages(result.node, {
      isComplete: node => {
        asked.push(node)
        return node === kept.node
      },
      missingOutputs: () => [0],
    })
    assert.deepEqual(stage.parents, [])
    assert.deepEqual(asked, [result.node, kept.node])
  })
})

describe('jobs over shared lineage', () => {
  it('run a shared map stage once, also when they start together', async () => {
    await using own = new SparkContext({ master: 'local[2]', conf: INLINE })
    let calls = 0
    const reduced = own
      .parallelize(['a', 'b', 'a'], 2)
      .map(word => {
        calls++
        return [word, 1]
      })
      .reduceByKey(add)
    const [collected, count] = await Promise.all([reduced.collect(), reduced.count()])
    assert.deepEqual(collected.sort(), [
      ['a', 2],
      ['b', 1],
    ])
    assert.equal(count, 2)
    await reduced.mapValues(n => n).collect()
    assert.equal(calls, 3)
  })

  it('tell listeners of the stages that ran only', async () => {
    await using own = new SparkContext()
    const stages: number[] = []
    own.addSparkListener({ onJobStart: ({ stageIds }) => void stages.push(stageIds.length) })
    const reduced = own
      .parallelize(['a', 'b'])
      .map(word => [word, 1])
      .reduceByKey(add)
    await reduced.collect()
    await reduced.collect()
    await own.stop()
    assert.deepEqual(stages, [2, 1])
  })
})

describe('what must be prepared before a job', () => {
  it('comes with what others depend on first: bounds of ranges, offsets of an index', () => {
    const first = pairs().sortByKey()
    const second = first.sortBy(([, n]) => n, true, 3)
    const indexed = second.zipWithIndex()
    const found = unprepared(indexed.node, available())
    assert.equal(found.length, 3)
    assert.ok(found.every(preparation => !preparation.ready))
    assert.deepEqual(found.slice(0, 2), unprepared(second.node, available()))
    assert.deepEqual(found.slice(0, 1), unprepared(first.node, available()))
  })

  it('is nothing for one partition, and nothing twice', async () => {
    assert.deepEqual(unprepared(pairs(1).sortByKey(true, 1).node, available()), [])
    const sorted = pairs().sortByKey()
    const twice = sorted.union(sorted.mapValues(n => n + 1))
    assert.equal(unprepared(twice.node, available()).length, 1)
    await sorted.count()
    assert.deepEqual(unprepared(twice.node, available()), [])
  })

  it('is not looked for above what exists', () => {
    const sorted = pairs().sortByKey()
    const above = sorted.map(([key, n]) => [key, n] as [string, number]).reduceByKey(add)
    assert.equal(unprepared(above.node, available()).length, 1)
    assert.deepEqual(unprepared(above.node, available([], [above.node])), [])
    assert.deepEqual(unprepared(above.node, available([sorted.node])), [])
  })
})
