import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Config, type ConfigEntry, configEntries } from '../../src/base/config.ts'
import { minutes, seconds } from '../../src/base/time.ts'
import { thrown } from '../support/rejected.ts'

test('what is not set has its default', () => {
  const config = new Config()
  assert.equal(config.get(configEntries.blockInterval), 200)
  assert.equal(config.get(configEntries.taskMaxFailures), 4)
  assert.equal(config.get(configEntries.backpressureEnabled), true)
  assert.equal(config.get(configEntries.receiverMaxRate), undefined)
  assert.equal(config.get(configEntries.textMaxLineBytes), 64 * 1024 * 1024)
  assert.equal(config.has('spark.streaming.blockInterval'), false)
  assert.equal(config.getRaw('spark.streaming.blockInterval'), undefined)
})

test('every default is accepted by its own key', () => {
  const keys = new Set<string>()
  for (const entry of Object.values<ConfigEntry<unknown>>(configEntries)) {
    assert.ok(!keys.has(entry.key), entry.key)
    keys.add(entry.key)
    if (entry.default === undefined) continue
    // The default is the parsed value: in ms whatever the unit.
    const raw = entry.expected.startsWith('a duration') ? `${entry.default}ms` : entry.default
    assert.deepEqual(entry.parse(raw), entry.default, entry.key)
  }
})

test('durations, sizes, numbers and flags are understood in each of their forms', () => {
  const table: [ConfigEntry<unknown>, unknown, unknown][] = [
    [configEntries.blockInterval, '100ms', 100],
    [configEntries.blockInterval, '1', 1],
    [configEntries.blockInterval, 250, 250],
    [configEntries.blockInterval, ' 2s ', 2000],
    [configEntries.blockInterval, '2S', 2000],
    [configEntries.blockInterval, '1.5s', 1500],
    [configEntries.blockInterval, seconds(3), 3000],
    [configEntries.fileMinRememberDuration, '90', 90_000],
    [configEntries.fileMinRememberDuration, 90, 90_000],
    [configEntries.fileMinRememberDuration, '5m', 300_000],
    [configEntries.fileMinRememberDuration, minutes(2), 120_000],
    [configEntries.textMaxLineBytes, '64m', 64 * 2 ** 20],
    [configEntries.textMaxLineBytes, '64mb', 64 * 2 ** 20],
    [configEntries.textMaxLineBytes, '64 MiB', 64 * 2 ** 20],
    [configEntries.textMaxLineBytes, '1k', 1024],
    [configEntries.textMaxLineBytes, '100b', 100],
    [configEntries.textMaxLineBytes, '100', 100],
    [configEntries.textMaxLineBytes, 100, 100],
    [configEntries.taskMaxFailures, '8', 8],
    [configEntries.taskMaxFailures, 8n, 8],
    [configEntries.backpressureIntegral, '0.5', 0.5],
    [configEntries.backpressureIntegral, '1e-2', 0.01],
    [configEntries.unpersist, 'FALSE', false],
    [configEntries.unpersist, false, false],
    [configEntries.appName, 7, '7'],
  ]
  for (const [entry, raw, expected] of table) {
    assert.equal(new Config({ [entry.key]: raw }).get(entry), expected, `${entry.key}=${String(raw)}`)
  }
})

test('a value that cannot be is refused when it is set, naming key, value and what is expected', () => {
  const message = thrown(
    'INVALID_CONFIG',
    () => new Config({ 'spark.streaming.blockInterval': 'soon' }),
  ).message
  assert.match(
    message,
    /spark\.streaming\.blockInterval is 'soon', but must be a duration .* number of ms, from 1 ms up/,
  )
  const table: [ConfigEntry<unknown>, readonly unknown[]][] = [
    [
      configEntries.blockInterval,
      ['', '0', -1, '-5ms', 1.5, '0.5ms', 'NaN', Number.NaN, Number.POSITIVE_INFINITY, '5 parsecs', null, {}],
    ],
    [configEntries.textMaxLineBytes, ['', '0', '-1', '64 megs', '1.5m', '1g', Number.POSITIVE_INFINITY]],
    [configEntries.taskMaxFailures, ['0', '1.5', 'many', '', '0x10', '1 2']],
    [configEntries.backpressureIntegral, ['-0.1', 'x', Number.NaN]],
    [configEntries.unpersist, ['yes', '1', '']],
    [configEntries.appName, ['', ' ']],
    [configEntries.backpressureRateEstimator, ['other']],
  ]
  for (const [entry, values] of table) {
    for (const value of values) {
      const error = thrown('INVALID_CONFIG', () => new Config().set(entry.key, value))
      assert.ok(error.message.includes(entry.key), error.message)
      assert.ok(error.message.includes(entry.expected), error.message)
    }
  }
})

test('a refused value leaves the earlier one', () => {
  const config = new Config({ 'spark.task.maxFailures': 2 })
  thrown('INVALID_CONFIG', () => config.set('spark.task.maxFailures', 0))
  assert.equal(config.get(configEntries.taskMaxFailures), 2)
})

test('set, unset, copy', () => {
  const config = new Config({ a: 1, b: undefined })
  const copy = config.with({ a: 2, 'spark.master': 'local' })
  assert.deepEqual(config.entries(), [['a', '1']])
  assert.deepEqual(copy.entries(), [
    ['a', '2'],
    ['spark.master', 'local'],
  ])
  assert.equal(copy.set('a', undefined).has('a'), false)
  assert.equal(config.getRaw('a'), '1')
  thrown('INVALID_CONFIG', () => config.set('any.key', { an: 'object' }))
})

test('an older name is understood, and the newer one wins', () => {
  const { fileMinRememberDuration } = configEntries
  const config = new Config({ 'spark.streaming.minRememberDuration': '30s' })
  assert.equal(config.get(fileMinRememberDuration), 30_000)
  assert.ok(config.has(fileMinRememberDuration.key))
  assert.match(config.warnings()[0] ?? '', /old name.*spark\.streaming\.fileStream\.minRememberDuration/)
  assert.equal(config.with({ [fileMinRememberDuration.key]: '20s' }).get(fileMinRememberDuration), 20_000)
  thrown('INVALID_CONFIG', () => config.set('spark.streaming.minRememberDuration', 'x'))
})

test('warns of keys that are misspelt or without effect, and of no others', () => {
  const warned = new Config({
    'spark.streaming.blockIntervall': '1s',
    'kindling.task.yieldafter': 5,
    'kindling.colour': 'blue',
    'spark.streaming.kafka.maxRetries': 3,
  }).warnings()
  assert.equal(warned.length, 4)
  assert.match(warned[0] ?? '', /blockIntervall is unknown.*Did you mean spark\.streaming\.blockInterval\?/)
  assert.match(warned[1] ?? '', /Did you mean kindling\.task\.yieldAfter\?/)
  assert.match(warned[2] ?? '', /kindling\.colour is unknown and has no effect\.$/)
  assert.match(warned[3] ?? '', /no effect in this version/)
  const fine = {
    'spark.streaming.blockInterval': 5,
    'my.own.key': 1,
    'spark.serializer': 'x',
    'spark.streaming.internal.batchTime': 1,
  }
  assert.deepEqual(new Config(fine).warnings(), [])
})
