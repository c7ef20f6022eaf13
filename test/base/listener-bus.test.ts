import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { ListenerBus } from '../../src/base/listener-bus.ts'
import { consoleLogger, silentLogger } from '../../src/base/logger.ts'
import { thrown } from '../support/rejected.ts'

interface Events {
  onNumber(event: number): void | Promise<void>
  onText(event: string): void
}

function busWithLog(capacity: number): { bus: ListenerBus<Events>; lines: string[]; clock: ManualClock } {
  const lines: string[] = []
  const clock = new ManualClock()
  const logger = consoleLogger('debug', line => lines.push(line))
  return { bus: new ListenerBus<Events>({ capacity, logger, clock }), lines, clock }
}

const turn = () => new Promise(resolve => setImmediate(resolve))

test('delivers in order, later than post, to each listener that has the method', async () => {
  const { bus } = busWithLog(1000)
  const seen: unknown[] = []
  bus.add({ onNumber: n => void seen.push(n), onText: t => void seen.push(t) })
  bus.add({ onText: t => void seen.push(`second ${t}`) })
  bus.post('onNumber', 1)
  bus.post('onText', 'a')
  bus.post('onNumber', 2)
  assert.deepEqual(seen, [])
  await Promise.resolve()
  assert.deepEqual(seen, [])
  await bus.drain()
  assert.deepEqual(seen, [1, 'a', 'second a', 2])
})

test('drain resolves when the events posted before are delivered, though more keep coming', {
  timeout: 5000,
}, async () => {
  const bus = new ListenerBus<Events>({ capacity: 10_000, logger: silentLogger })
  const seen: number[] = []
  const busy = {
    onNumber: (n: number) => {
      seen.push(n)
      bus.post('onNumber', n + 1000)
    },
  }
  bus.add(busy)
  await bus.drain()
  for (let n = 0; n < 500; n++) bus.post('onNumber', n)
  await bus.drain()
  // Without it the posting would go on for ever.
  bus.remove(busy)
  assert.deepEqual(
    seen.slice(0, 500),
    Array.from({ length: 500 }, (_, n) => n),
  )
})

test('gives the event loop a turn in a long queue', async () => {
  const { bus } = busWithLog(10_000)
  let delivered = 0
  bus.add({ onNumber: () => void delivered++ })
  for (let n = 0; n < 1000; n++) bus.post('onNumber', n)
  await turn()
  assert.ok(delivered > 0 && delivered < 1000, String(delivered))
  await bus.drain()
  assert.equal(delivered, 1000)
})

test('a listener that throws or rejects harms nobody and is logged', async () => {
  const { bus, lines, clock } = busWithLog(10)
  const seen: number[] = []
  bus.add({
    onNumber: () => {
      throw new Error('sync trouble')
    },
  })
  bus.add({ onNumber: async () => Promise.reject(new Error('async trouble')) })
  bus.add({ onNumber: n => void seen.push(n) })
  bus.post('onNumber', 1)
  bus.post('onNumber', 2)
  await clock.activity.idle()
  assert.deepEqual(seen, [1, 2])
  assert.equal(lines.filter(line => line.includes('sync trouble')).length, 4)
  assert.equal(lines.filter(line => line.includes('async trouble')).length, 2)
  assert.match(lines[0] ?? '', /ERROR A listener threw in onNumber/)
})

test('a full queue drops, counts, logs once, and goes on afterwards', async () => {
  const { bus, lines } = busWithLog(3)
  const seen: number[] = []
  bus.add({ onNumber: n => void seen.push(n) })
  for (let n = 0; n < 10; n++) bus.post('onNumber', n)
  assert.equal(bus.dropped, 7)
  await bus.drain()
  bus.post('onNumber', 99)
  await bus.drain()
  assert.deepEqual(seen, [0, 1, 2, 99])
  assert.equal(lines.length, 1)
  assert.match(lines[0] ?? '', /spark\.scheduler\.listenerbus\.eventqueue\.capacity/)
})

test('undelivered events and listeners at work count as activity', async () => {
  const { bus, clock } = busWithLog(10)
  let release = (): void => {}
  bus.add({ onNumber: () => new Promise<void>(resolve => (release = resolve)) })
  bus.post('onNumber', 1)
  assert.equal(clock.activity.pending, 1)
  await bus.drain()
  await turn()
  assert.equal(clock.activity.pending, 1)
  release()
  await clock.activity.idle()
  assert.equal(clock.activity.pending, 0)
})

test('knows whether the caller is inside a listener, also after an await', async () => {
  const { bus, clock } = busWithLog(10)
  const other = busWithLog(10).bus
  const inside: boolean[] = []
  bus.add({
    onNumber: async () => {
      inside.push(bus.insideListener, other.insideListener)
      await turn()
      inside.push(bus.insideListener)
    },
  })
  bus.post('onNumber', 1)
  assert.equal(bus.insideListener, false)
  await clock.activity.idle()
  assert.deepEqual(inside, [true, false, true])
  assert.equal(bus.insideListener, false)
})

test('a removed listener hears no more, one removed while delivering is not skipped over', async () => {
  const { bus } = busWithLog(10)
  const seen: string[] = []
  const second = { onNumber: () => void seen.push('second') }
  const first = {
    onNumber: () => {
      seen.push('first')
      bus.remove(first)
    },
  }
  bus.add(first)
  bus.add(second)
  bus.remove({})
  bus.post('onNumber', 1)
  bus.post('onNumber', 2)
  await bus.drain()
  assert.deepEqual(seen, ['first', 'second', 'second'])
})

test('stop delivers what waits and takes no more', async () => {
  const { bus, clock } = busWithLog(10)
  const seen: number[] = []
  bus.add({ onNumber: n => void seen.push(n) })
  bus.post('onNumber', 1)
  const stopped = bus.stop()
  bus.post('onNumber', 2)
  await stopped
  await bus.stop()
  assert.deepEqual(seen, [1])
  assert.equal(bus.dropped, 0)
  assert.equal(clock.activity.pending, 0)
})

test('a capacity below one is refused', () => {
  for (const capacity of [0, -1, 1.5]) {
    thrown('INVALID_ARGUMENT', () => new ListenerBus<Events>({ capacity, logger: silentLogger }))
  }
})
