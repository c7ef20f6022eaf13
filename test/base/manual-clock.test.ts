import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { ManualClock } from '../../src/base/clock.ts'
import { rejected } from '../support/rejected.ts'
import { runs } from '../support/runs.ts'

const limit = { timeout: 10_000 }

test('time stands still except in advance', limit, async () => {
  const clock = new ManualClock(500)
  assert.equal(clock.now(), 500)
  await clock.advance(10)
  assert.equal(clock.now(), 510)
  await clock.advanceTo(600)
  assert.equal(clock.now(), 600)
  await clock.advanceTo(100)
  assert.equal(clock.now(), 600)
})

test('I1, I2: timers run in order of time, then of scheduling, each seeing its time', limit, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(20), { maxLength: 12 }), async times => {
      const clock = new ManualClock()
      const ran: { at: number; index: number; now: number }[] = []
      times.forEach((at, index) => {
        clock.schedule(at, () => ran.push({ at, index, now: clock.now() }))
      })
      await clock.advance(10)
      await clock.advance(10)
      const expected = times
        .map((at, index) => ({ at, index, now: at }))
        .sort((a, b) => a.at - b.at || a.index - b.index)
      assert.deepEqual(ran, expected)
    }),
    { numRuns: runs },
  )
})

test('a timer may plan others, also for now and for the past, and cancel others', limit, async () => {
  const clock = new ManualClock(100)
  const ran: string[] = []
  clock.schedule(110, () => {
    ran.push('first')
    clock.schedule(110, () => ran.push('now'))
    clock.schedule(50, () => ran.push('past'))
    late.cancel()
  })
  const late = clock.schedule(112, () => ran.push('cancelled'))
  clock.schedule(111, () => ran.push('last'))
  await clock.advance(20)
  late.cancel()
  assert.deepEqual(ran, ['first', 'past', 'now', 'last'])
})

test('waits for work between timers and at the end', limit, async () => {
  const clock = new ManualClock()
  const log: string[] = []
  for (const at of [10, 20]) {
    clock.schedule(at, () => {
      void clock.activity.track(
        (async () => {
          log.push(`start ${at}`)
          await new Promise(resolve => setTimeout(resolve, 5))
          await new Promise(resolve => setImmediate(resolve))
          log.push(`end ${at}`)
        })(),
      )
    })
  }
  await clock.advance(20)
  assert.deepEqual(log, ['start 10', 'end 10', 'start 20', 'end 20'])
})

test('work that sleeps on the clock takes time along, in order', limit, async () => {
  const clock = new ManualClock()
  const log: string[] = []
  clock.schedule(10, () => {
    // Counted three times over, as a job, its stage and its task are.
    const task = clock.activity.track(
      (async () => {
        await clock.sleep(15)
        log.push(`slept until ${clock.now()}`)
      })(),
    )
    void clock.activity.track(clock.activity.track(task))
  })
  clock.schedule(20, () => log.push(`timer ${clock.now()}`))
  clock.schedule(30, () => log.push(`timer ${clock.now()}`))
  await clock.advance(40)
  assert.deepEqual(log, ['timer 20', 'slept until 25', 'timer 30'])
  assert.equal(clock.now(), 40)
})

test('while work sleeps, time goes beyond the target, through the timers on the way', limit, async () => {
  const clock = new ManualClock()
  const ticks: number[] = []
  const tick = (): void => {
    ticks.push(clock.now())
    clock.schedule(clock.now() + 10, tick)
  }
  clock.schedule(10, tick)
  void clock.activity.track(clock.sleep(35))
  await clock.advance(10)
  assert.deepEqual(ticks, [10, 20, 30])
  assert.equal(clock.now(), 35)
  await clock.advance(0)
  assert.deepEqual(ticks, [10, 20, 30])
})

test('a sleeper outside counted work does not push time on', limit, async () => {
  const clock = new ManualClock()
  let woke = false
  void clock.sleep(50).then(() => {
    woke = true
  })
  await clock.advance(10)
  assert.equal(clock.now(), 10)
  assert.ok(!woke)
  await clock.advance(40)
  assert.ok(woke)
})

test('files are read before time goes on, although something sleeps', limit, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kindling-clock-'))
  try {
    const file = join(folder, 'big')
    await writeFile(file, Buffer.alloc(8 << 20))
    const clock = new ManualClock()
    void clock.sleep(1000) // A receiver's pause: nobody counts it.
    let readAt = -1
    clock.schedule(10, () => {
      void clock.activity.track(
        (async () => {
          for (let i = 0; i < 5; i++) await readFile(file)
          readAt = clock.now()
        })(),
      )
    })
    await clock.advance(20)
    assert.equal(readAt, 10)
    assert.equal(clock.now(), 20)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('computing in slices goes first, although something sleeps', limit, async () => {
  const clock = new ManualClock()
  void clock.sleep(1000)
  let doneAt = -1
  clock.schedule(10, () => {
    void clock.activity.track(
      (async () => {
        for (let slice = 0; slice < 8; slice++) {
          const end = performance.now() + 5
          while (performance.now() < end);
          await new Promise(resolve => setImmediate(resolve))
        }
        doneAt = clock.now()
      })(),
    )
  })
  await clock.advance(20)
  assert.equal(doneAt, 10)
})

test('held work stops time, although something sleeps', limit, async () => {
  const clock = new ManualClock()
  void clock.sleep(1000)
  const release = clock.activity.hold()
  let isOver = false
  const advanced = clock.advance(20).then(() => {
    isOver = true
  })
  await new Promise(resolve => setTimeout(resolve, 40))
  assert.ok(!isOver)
  assert.equal(clock.now(), 0)
  release()
  await advanced
  assert.equal(clock.now(), 20)
})

test('a timer that throws rejects the advance, and the rest stays planned', limit, async () => {
  const clock = new ManualClock()
  const error = new Error('timer')
  let ran = false
  clock.schedule(5, () => {
    throw error
  })
  clock.schedule(6, () => {
    ran = true
  })
  const second = assert.rejects(clock.advance(10), error)
  const third = clock.advance(10)
  await second
  await third
  assert.ok(ran)
  assert.equal(clock.now(), 15)
})

test('advances queue up', limit, async () => {
  const clock = new ManualClock()
  const seen: number[] = []
  await Promise.all([5, 5, 5].map(ms => clock.advance(ms).then(() => seen.push(clock.now()))))
  assert.equal(clock.now(), 15)
  assert.equal(seen.length, 3)
})

test('an aborted sleep rejects, wakes nobody later, and is no longer counted', limit, async () => {
  const clock = new ManualClock()
  const controller = new AbortController()
  const reason = new Error('enough')
  const slept = assert.rejects(clock.sleep(10, controller.signal), reason)
  assert.equal(clock.activity.asleep, 1)
  controller.abort(reason)
  await slept
  assert.equal(clock.activity.asleep, 0)
  await assert.rejects(clock.sleep(10, controller.signal), reason)
  assert.equal(clock.activity.asleep, 0)
  await clock.advance(20)
})

test('I3: a sleep of zero ends without an advance', limit, async () => {
  await new ManualClock().sleep(0)
})

test('advance refuses what is no length of time', limit, async () => {
  const clock = new ManualClock()
  for (const bad of [-1, 1.5, Number.NaN]) await rejected('INVALID_ARGUMENT', () => clock.advance(bad))
  assert.equal(clock.now(), 0)
})
