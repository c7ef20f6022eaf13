import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Broadcast, BroadcastStore } from '../../src/context/broadcast.ts'
import { onEachContext } from '../support/contexts.ts'
import { rejected, thrown } from '../support/rejected.ts'

onEachContext('broadcast', make => {
  it('is read by tasks, and keeps what the value was when it was made', async () => {
    const sc = make()
    const words = new Set(['a'])
    const options = { factor: 2, words, list: [{ n: 1 }] }
    const shared = sc.broadcast(options)
    words.add('b')
    options.factor = 3
    options.list[0]!.n = 9
    const rdd = sc.parallelize(['a', 'b'], 2)
    assert.deepEqual(await rdd.filter(w => shared.value.words.has(w)).collect(), ['a'])
    assert.deepEqual(await rdd.map(() => shared.value.factor + shared.value.list[0]!.n).collect(), [3, 3])
  })

  it('freezes plain objects and arrays all the way down (D62)', async () => {
    const sc = make()
    const shared = sc.broadcast({
      list: [{ n: 1 }],
      map: new Map([['k', { n: 1 }]]),
      bytes: new Uint8Array(2),
    })
    const { value } = shared
    assert.throws(() => (value.list[0]!.n = 2), TypeError)
    assert.throws(() => value.list.push({ n: 2 }), TypeError)
    assert.throws(() => (value.map.get('k')!.n = 2), TypeError)
    const error = await rejected('USER_CODE_FAILED', () =>
      sc.parallelize([1]).foreach(() => (shared.value.list[0]!.n = 5)),
    )
    assert.match(error.message, /read only property/)
    assert.deepEqual(shared.value.list, [{ n: 1 }])
  })

  it('refuses what is no data, naming the place (D62)', () => {
    const sc = make()
    assert.match(
      thrown('RECORD_NOT_ENCODABLE', () => sc.broadcast({ a: [() => 1] })).message,
      /value\.a\[0\]/,
    )
    class Own {}
    assert.match(thrown('RECORD_NOT_ENCODABLE', () => sc.broadcast(new Own())).message, /class Own/)
    thrown('RECORD_NOT_ENCODABLE', () => sc.broadcast(sc.parallelize([1])))
  })

  it('destroy makes each use an error, also in a task; unpersist does not', async () => {
    const sc = make()
    const [a, b] = [sc.broadcast(1), sc.broadcast(2)]
    assert.notEqual(a.id, b.id)
    a.unpersist()
    assert.equal(a.value, 1)
    a.destroy()
    a.destroy()
    thrown('BROADCAST_DESTROYED', () => a.value)
    thrown('BROADCAST_DESTROYED', () => a.unpersist())
    const rdd = sc.parallelize([1], 1)
    const error = await rejected('BROADCAST_DESTROYED', () => rdd.map(n => n + a.value).collect())
    assert.match(error.message, /operator map/)
    assert.equal(b.value, 2)
  })

  it('needs a running context', async () => {
    const sc = make()
    await sc.stop()
    thrown('CONTEXT_STOPPED', () => sc.broadcast(1))
  })
})

describe('the store of broadcasts', () => {
  it('finds a value by its id, until it is destroyed', () => {
    const store = new BroadcastStore()
    const made = store.put({ n: 1 })
    assert.ok(made instanceof Broadcast)
    assert.equal(store.read(made.id), made.value)
    made.destroy()
    thrown('BROADCAST_DESTROYED', () => store.read(made.id))
    assert.equal(store.size, 0)
  })
})
