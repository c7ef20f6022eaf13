import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runInThisContext } from 'node:vm'
import { ListenerBus } from '../../src/base/listener-bus.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { captureSite } from '../../src/base/source-location.ts'

test('names the file, line and column of the caller outside the engine', () => {
  const site = captureSite()
  assert.equal(site.location?.file, import.meta.filename)
  assert.equal(String(site), 'test/base/source-location.test.ts:9:16')
  assert.equal(String(site.location), String(site))
  assert.equal(site.location?.line, 9)
  assert.equal(site.location?.column, 16)
})

test('frames of the engine are skipped', async () => {
  // The bus lies in src/ and calls back: between this file and captureSite there are frames of the engine and of Node.
  const bus = new ListenerBus<{ on(event: number): void }>({ capacity: 1, logger: silentLogger })
  let text = ''
  bus.add({ on: () => void (text = String(captureSite())) })
  bus.post('on', 1)
  await bus.drain()
  assert.match(text, /^test\/base\/source-location\.test\.ts:/)
})

test('a stack without any file of the user is unknown', async () => {
  const site = await new Promise<ReturnType<typeof captureSite>>(resolve => {
    // Run by Node alone, from code that has no file.
    const run = runInThisContext('(capture, resolve) => setImmediate(() => resolve(capture()))', {
      filename: 'node:generated',
    })
    run(captureSite, resolve)
  })
  assert.equal(site.location, undefined)
  assert.equal(String(site), 'unknown')
})

test('leaves the settings of stacks as they were, also those a program set itself', () => {
  const limit = Error.stackTraceLimit
  const own = (): string => 'mine'
  const before = Error.prepareStackTrace
  try {
    Error.prepareStackTrace = own
    const site = captureSite()
    assert.match(String(site), /source-location\.test\.ts:/)
    assert.equal(Error.prepareStackTrace, own)
    assert.equal(Error.stackTraceLimit, limit)
  } finally {
    Error.prepareStackTrace = before
  }
})

test('a place outside the working directory keeps its whole path', () => {
  const capture = runInThisContext('capture => capture()', { filename: '/elsewhere/program.js' })
  const site: ReturnType<typeof captureSite> = capture(captureSite)
  assert.equal(String(site), '/elsewhere/program.js:1:12')
})

test('capturing is cheap enough to do at every call of an operator', () => {
  const n = 20_000
  for (let i = 0; i < n; i++) captureSite()
  const start = performance.now()
  for (let i = 0; i < n; i++) captureSite()
  const microseconds = ((performance.now() - start) / n) * 1000
  // Measured 1 to 2; the bound only catches formatting at capture, which costs ten times that.
  assert.ok(microseconds < 40, `${microseconds} µs`)
})
