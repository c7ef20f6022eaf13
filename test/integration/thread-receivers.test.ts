/** Receivers on a thread of their own: what they hand over, what happens when they block, fail or end with their thread. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isMainThread, threadId } from 'node:worker_threads'
import { Receiver, StorageLevel } from 'kindling'
import { StreamTest } from 'kindling/testing'
import { freshPaths, isFirst } from '../support/once.ts'
import { rejected } from '../support/rejected.ts'

const freshPath = freshPaths()

/** What `onStart` does with the receiver, over there. */
type Behaviour = (receiver: Scripted) => void | Promise<void>

class Scripted extends Receiver<unknown> {
  private readonly behaviour: Behaviour

  constructor(behaviour: Behaviour) {
    super(StorageLevel.MEMORY_ONLY)
    this.behaviour = behaviour
  }

  override onStart(): void | Promise<void> {
    return this.behaviour(this)
  }
}

/** Leaves a trace when it is stopped. */
class Leaving extends Receiver<boolean> {
  private readonly path: string

  constructor(path: string) {
    super()
    this.path = path
  }

  override onStart(): void {
    void this.store(isMainThread)
  }

  override onStop(): void {
    isFirst(this.path)
  }
}

interface Seen {
  readonly t: StreamTest
  readonly errors: string[]
  records(): unknown[]
  /** Runs batches until so many records are out. */
  until(count: number): Promise<unknown[]>
  [Symbol.asyncDispose](): Promise<void>
}

function program(behaviour: Behaviour, options: { conf?: object; checkpointDir?: boolean } = {}): Seen {
  const errors: string[] = []
  const t = new StreamTest({
    ...options,
    conf: { 'spark.streaming.receiverRestartDelay': '100ms', ...options.conf },
    build: t => {
      t.collect(
        'out',
        t.ssc.receiverStream(() => new Scripted(behaviour), { thread: true }),
      )
      t.ssc.addStreamingListener({
        onReceiverError: ({ receiverInfo }) => void errors.push(receiverInfo.lastErrorMessage),
      })
    },
  })
  const records = (): unknown[] => t.out('out').batches.flat()
  return {
    t,
    errors,
    records,
    async until(count) {
      await t.run(1)
      await t.until(
        async () => {
          await t.run(1)
          return records().length >= count
        },
        { timeoutMs: 60_000 },
      )
      return records()
    },
    [Symbol.asyncDispose]: () => t[Symbol.asyncDispose](),
  }
}

describe('receivers on a thread', () => {
  it('run there, and hand over single records in order', async () => {
    await using p = program(async receiver => {
      await receiver.store([isMainThread, threadId > 0])
      for (let i = 0; i < 5000; i++) {
        const wait = receiver.store({ i })
        if (wait !== undefined) await wait
      }
    })
    const [where, ...rest] = await p.until(5001)
    assert.deepEqual(where, [false, true])
    assert.deepEqual(
      rest,
      Array.from({ length: 5000 }, (_, i) => ({ i })),
    )
  })

  it('make blocks, and are told when they are stored', async () => {
    await using p = program(
      async receiver => {
        await receiver.storeMany(['a', 'b'], { offset: 7 })
        await receiver.storeMany(['stored'])
      },
      { checkpointDir: true, conf: { 'spark.streaming.receiver.writeAheadLog.enable': true } },
    )
    assert.deepEqual(await p.until(3), ['a', 'b', 'stored'])
  })

  it('may block their thread for long, and batches go on', async () => {
    await using p = program(receiver => {
      void receiver.store('before')
      setTimeout(() => {
        const start = performance.now()
        while (performance.now() - start < 1500);
        void receiver.store('after')
      }, 0)
    })
    let longest = 0
    let last = performance.now()
    const beat = setInterval(() => {
      longest = Math.max(longest, performance.now() - last)
      last = performance.now()
    }, 5)
    assert.deepEqual(await p.until(2), ['before', 'after'])
    clearInterval(beat)
    assert.ok(longest < 1000, `the program's own thread was held up for ${longest} ms`)
  })

  it('start again by themselves', async () => {
    const path = freshPath()
    await using p = program(receiver => {
      if (isFirst(path)) receiver.restart('the connection broke', new Error('reset'), 50)
      else void receiver.store('second')
    })
    assert.deepEqual(await p.until(1), ['second'])
    assert.match(p.errors.join(), /the connection broke/)
  })

  for (const [how, die] of [
    ['exits', () => process.exit(3)],
    [
      'throws in a timer',
      () =>
        setTimeout(() => {
          throw new Error('in a timer')
        }),
    ],
  ] as const)
    it(`start again on another thread when theirs ${how}`, async () => {
      const path = freshPath()
      await using p = program(receiver => {
        if (isFirst(path)) die()
        else void receiver.store('again')
      })
      assert.deepEqual(await p.until(1), ['again'])
      assert.match(p.errors.join(), /its thread has ended/)
    })

  it('stop for good when onStart fails, with its error', async () => {
    await using p = program(() => {
      throw new Error('no such host')
    })
    await p.t.run(1)
    await p.t.until(() => p.errors.length > 0)
    assert.match(p.errors.join(), /no such host/)
  })

  it('report errors, and rejections that nobody handled', async () => {
    await using p = program(receiver => {
      receiver.reportError('a line was too long')
      void Promise.reject(new Error('left alone'))
      void receiver.store('still here')
    })
    assert.deepEqual(await p.until(1), ['still here'])
    await p.t.until(() => p.errors.length >= 2)
    assert.match(p.errors.join(), /a line was too long/)
    assert.match(p.errors.join(), /nobody handled/)
  })

  it('refuse what is no data, there', async () => {
    await using p = program(receiver => {
      try {
        void receiver.store(() => 1)
      } catch (error) {
        void receiver.store((error as { code: string }).code)
      }
    })
    assert.deepEqual(await p.until(1), ['RECORD_NOT_ENCODABLE'])
  })

  it('hand over all that they have when they are stopped', async () => {
    await using p = program(receiver => {
      for (let i = 0; i < 100; i++) void receiver.store(i)
    })
    await p.t.run(1)
    await p.t.until(async () => {
      await p.t.run(1)
      return p.records().length > 0
    })
    await p.t.ssc.stop({ graceful: true })
    assert.equal(p.records().length, 100)
  })

  it('may be given as they are, and are stopped there', async () => {
    const path = freshPath()
    await using t = new StreamTest({
      build: t => {
        t.collect('out', t.ssc.receiverStream(new Leaving(path), { thread: true }))
      },
    })
    await t.run(1)
    await t.until(async () => {
      await t.run(1)
      return t.out('out').batches.flat().length > 0
    })
    assert.deepEqual(t.out('out').batches.flat(), [false])
    await t.ssc.stop()
    assert.equal(isFirst(path), false, 'onStop was called')
  })

  it('cannot take along what does not travel, and broadcasts', async () => {
    const socket = new WeakMap()
    await rejected('CLOSURE_NOT_TRANSFERABLE', async () => {
      await using p = program(receiver => void receiver.store(socket === undefined))
      await p.t.run(1)
    })
    await rejected('INVALID_ARGUMENT', async () => {
      await using t = new StreamTest({
        build: t => {
          const names = t.sc.broadcast(['a'])
          const make = (): Scripted => new Scripted(receiver => void receiver.store(names.value))
          t.collect('out', t.ssc.receiverStream(make, { thread: true }))
        },
      })
      await t.run(1)
    })
  })
})
