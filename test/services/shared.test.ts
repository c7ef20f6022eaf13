/** The servers that other tests share are there and serve. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { names, services } from '../../scripts/services/catalogue.ts'
import { isRunning } from '../../scripts/services/processes.ts'
import { ownServer, service } from './service.ts'

for (const name of names) {
  const shared = service(name)
  it(`${name} tells clients how to reach it`, { skip: shared.skip }, () => {
    assert.ok(Object.values(shared.connection).every(value => value !== '' && value !== 0))
    assert.ok(services[name].needs.length > 0)
  })
}

it('a server of one test keeps its port and data when it is killed', {
  skip: service('redis').skip,
}, async () => {
  await using redis = ownServer('redis')
  const first = await redis.start()
  const before = redis.state()
  assert.ok(before.kind === 'running')

  await redis.end('SIGKILL')
  assert.deepEqual(redis.state(), { kind: 'broken', reason: 'server ended' })
  assert.deepEqual(await redis.start(), first)
  const after = redis.state()
  assert.ok(after.kind === 'running')
  assert.notDeepEqual(after.processes, before.processes)

  await redis.remove()
  assert.deepEqual(redis.state(), { kind: 'stopped' })
  assert.ok(!after.processes.some(isRunning))
})
