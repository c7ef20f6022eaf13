import assert from 'node:assert/strict'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { it } from 'node:test'
import { threadId } from 'node:worker_threads'
import { configEntries, resource, SparkContext } from '../../src/index.ts'
import { onEachContext } from '../support/contexts.ts'
import { freshPaths } from '../support/once.ts'

const freshPath = freshPaths()
const linesOf = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []

it('of the program’s own thread end with the last context', async () => {
  const ended: number[] = []
  const own = resource(() => 1, { dispose: n => ended.push(n) })
  const [first, second] = [new SparkContext(), new SparkContext()]
  assert.equal(
    await first
      .parallelize([1], 1)
      .map(n => n + own.get())
      .first(),
    2,
  )
  await first.stop()
  assert.deepEqual(ended, [])
  await second.stop()
  assert.deepEqual(ended, [1])
})

onEachContext('resources', make => {
  it('are made once for each thread that asks, and disposed of when it ends, the latest first', async () => {
    const sc = make()
    const log = freshPath()
    const note = (text: string): void => appendFileSync(log, `${text}\n`)
    const inner = resource(
      () => {
        note(`make inner ${threadId}`)
        return { greeting: 'hello' }
      },
      { dispose: () => note(`end inner ${threadId}`) },
    )
    const outer = resource(
      async () => {
        const { greeting } = inner.get()
        await null
        note(`make outer ${threadId}`)
        return { greet: (n: number) => `${greeting} ${n}` }
      },
      {
        dispose: async () => {
          await null
          note(`end outer ${threadId}`)
        },
      },
    )
    const greeted = sc.range(0, 20, 1, 6).mapAsync(async n => (await outer.get()).greet(n))
    const expected = Array.from({ length: 20 }, (_, n) => `hello ${n}`)
    assert.deepEqual(await greeted.collect(), expected)
    assert.deepEqual(await greeted.collect(), expected)
    const made = linesOf(log)
    const threads = [...new Set(made.map(line => line.split(' ')[2]!))]
    assert.equal(made.length, 2 * threads.length, 'once for each thread')
    const slots = Number(/\d+/.exec(sc.master)?.[0] ?? 1)
    assert.ok(threads.length >= 1 && threads.length <= slots, `${threads.length} of ${sc.master}`)
    if (sc.conf.get(configEntries.executor) === 'inline') return
    await sc.stop()
    for (const id of threads)
      assert.deepEqual(
        linesOf(log).filter(line => line.endsWith(` ${id}`)),
        [`make inner ${id}`, `make outer ${id}`, `end outer ${id}`, `end inner ${id}`],
      )
  })

  it('that cannot be made fail the task with their error, and are tried again', async () => {
    const sc = make({ conf: { 'spark.task.maxFailures': 2 } })
    const path = freshPath()
    const broken = resource(() => {
      appendFileSync(path, 'x')
      throw new Error('no connection')
    })
    await assert.rejects(
      sc.range(0, 1, 1, 1).foreach(() => broken.get()),
      /no connection/,
    )
    assert.ok(readFileSync(path, 'utf8').length >= 1)
  })
})
