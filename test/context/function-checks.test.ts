import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Logger } from '../../src/base/logger.ts'
import { SparkContext } from '../../src/index.ts'

interface Warning {
  readonly message: string
  readonly code: unknown
}

function heard(): { logger: Logger; warnings: Warning[] } {
  const warnings: Warning[] = []
  const warn = (message: string, fields?: object): void => {
    warnings.push({ message, code: (fields as { code?: unknown } | undefined)?.code })
  }
  return { logger: { debug() {}, info() {}, warn, error: warn }, warnings }
}

describe('functions that could not run in threads', () => {
  it('are warned about once for each line, by the time the context has stopped', async () => {
    const { logger, warnings } = heard()
    const sc = new SparkContext({ logger })
    let total = 0
    const later = Promise.resolve(1)
    for (let i = 0; i < 3; i++) {
      await sc
        .parallelize([1, 2])
        .map(x => (later === undefined ? 0 : x + i))
        .foreach(x => {
          total += x
        })
    }
    await sc.stop()
    assert.equal(total, 15)
    assert.deepEqual(warnings.map(w => w.code).sort(), ['CAPTURE_REASSIGNED', 'CLOSURE_NOT_TRANSFERABLE'])
    const [foreach, map] = warnings.map(w => w.message).sort()
    assert.match(foreach!, /^foreach at .*function-checks\.test\.ts.*total.*longAccumulator/)
    assert.match(map!, /^map at .*function-checks\.test\.ts.*later is a promise/)
  })

  it('are found in idle time, behind what the engine wraps them in', async () => {
    const { logger, warnings } = heard()
    await using sc = new SparkContext({ logger })
    const bad = new WeakMap<object, number>()
    const pairs = sc.parallelize([1]).map((x): [string, number] => ['a', x])
    await pairs.reduceByKey((a, b) => a + b + (bad.get({}) ?? 0)).collect()
    await pairs.foreachPartition(records => void [...records].map(() => bad.get({})))
    for (let turns = 0; warnings.length < 2 && turns < 10_000; turns++) await turn()
    assert.match(warnings[0]!.message, /^foreach|^reduceByKey/)
    assert.deepEqual(
      warnings.map(w => /bad is a WeakMap/.test(w.message)),
      [true, true],
    )
  })

  it('are not looked for when told so, nor are good ones warned about', async () => {
    const { logger, warnings } = heard()
    const quiet = new SparkContext({ logger, conf: { 'kindling.functions.check': 'off' } })
    const later = Promise.resolve()
    const factor = 2
    await quiet.parallelize([1]).foreach(() => later === undefined)
    await quiet.stop()
    const sc = new SparkContext({ logger })
    const sum = sc.longAccumulator()
    const shared = sc.broadcast({ n: 1 })
    await sc
      .parallelize([1])
      .map(x => x * factor + shared.value.n)
      .foreach(x => sum.add(x))
    await sc.stop()
    assert.deepEqual([warnings, sum.value], [[], 3])
  })
})
