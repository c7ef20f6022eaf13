import assert from 'node:assert/strict'
import { test } from 'node:test'
import { consoleLogger, silentLogger } from '../../src/base/logger.ts'

test('writes what is at or above its level, one line each, with fields as JSON', () => {
  const lines: string[] = []
  const logger = consoleLogger('info', line => lines.push(line))
  logger.debug('not this')
  logger.info('started')
  logger.warn('slow', { batch: 3, size: 10n })
  logger.error('broken', { error: new Error('why') })
  assert.equal(lines.length, 3)
  assert.match(lines[0] ?? '', /^\d{4}-\d\d-\d\dT[\d:.]+Z INFO {2}started$/)
  assert.match(lines[1] ?? '', /Z WARN {2}slow \{"batch":3,"size":"10"\}$/)
  assert.match(lines[2] ?? '', /Z ERROR broken \{"error":"Error: why\\n {4}at /)
  for (const line of lines) assert.ok(!line.includes('\n'))
})

test('fields that are no JSON do not stop the program', () => {
  const lines: string[] = []
  const cyclic: { self?: object } = {}
  cyclic.self = cyclic
  consoleLogger('debug', line => lines.push(line)).debug('x', cyclic)
  assert.match(lines[0] ?? '', /x \(fields cannot be written as JSON\)$/)
})

test('the silent logger takes everything', () => {
  silentLogger.debug('a')
  silentLogger.info('a', {})
  silentLogger.warn('a')
  silentLogger.error('a')
})
