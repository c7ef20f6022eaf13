import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ManualClock } from '../../../src/base/clock.ts'
import type { DatabaseFault, SQLDialect } from '../../../src/connectors/database/dialect.ts'
import { connected, patiently, Session } from '../../../src/connectors/database/session.ts'
import { rejected } from '../../support/rejected.ts'

const dialect: SQLDialect = {
  server: 'a database',
  connect: async () => ({ query: async () => [], close: async () => {} }),
  explain: error => ({ fault: (error as Error).message as DatabaseFault, reason: 'so it said' }),
}

describe('patiently', () => {
  const passing: [DatabaseFault, boolean][] = [
    ['busy', true],
    ['unreachable', true],
    ['denied', false],
    ['failed', false],
  ]
  for (const [fault, isPassing] of passing)
    it(`asks again: ${fault}, ${isPassing}`, async () => {
      const clock = new ManualClock()
      let asked = 0
      const ask = async (): Promise<string> => {
        if (++asked < 4) throw new Error(fault)
        return 'done'
      }
      const answer = patiently(dialect, 'rows', { patienceMs: 1000, clock }, ask).catch(error => error.code)
      await clock.advance(1000)
      assert.equal(
        await answer,
        isPassing ? 'done' : fault === 'denied' ? 'DATABASE_ACCESS_DENIED' : 'DATABASE_FAILED',
      )
      assert.equal(asked, isPassing ? 4 : 1)
    })

  it('gives up when the patience is over, with pauses that grow up to a second', async () => {
    const clock = new ManualClock()
    const at: number[] = []
    const ask = async (): Promise<never> => {
      at.push(clock.now())
      throw new Error('busy')
    }
    const failed = rejected('DATABASE_UNREACHABLE', () =>
      patiently(dialect, 'rows', { patienceMs: 3500, clock }, ask),
    )
    await clock.advance(10_000)
    assert.match((await failed).message, /a database does not answer \(so it said; asked for rows\)/)
    assert.deepEqual(at, [0, 10, 30, 70, 150, 310, 630, 1270, 2270, 3270])
  })

  it('ends at once when its signal is aborted, also while the database is silent', async () => {
    for (const ask of [() => new Promise<never>(() => {}), async () => Promise.reject(new Error('busy'))]) {
      const cancel = new AbortController()
      const clock = new ManualClock()
      const patience = { patienceMs: 1000, signal: cancel.signal, clock }
      const failed = rejected('JOB_CANCELLED', () => patiently(dialect, 'rows', patience, ask))
      await clock.advance(0)
      cancel.abort()
      await failed
    }
  })
})

it('a connection that comes after its signal is closed', async () => {
  let closed = 0
  const cancel = new AbortController()
  const late = {
    ...dialect,
    connect: async () => ({ query: async () => [], close: async () => void closed++ }),
  }
  cancel.abort()
  await rejected('JOB_CANCELLED', () => connected(late, cancel.signal))
  assert.equal(closed, 1)
})

describe('Session', () => {
  it('makes a new connection after a failure, and runs the body again', async () => {
    const said: string[] = []
    let made = 0
    const watched: SQLDialect = {
      ...dialect,
      async connect() {
        const id = ++made
        return {
          async query(sql) {
            said.push(`${id} ${sql}`)
            return []
          },
          close: async () => void said.push(`${id} closed`),
        }
      },
    }
    const session = new Session(watched, { patienceMs: 1000 })
    const first = session.run('rows', async connection => {
      await connection.query('work')
      if (made === 1) throw new Error('unreachable')
      return made
    })
    const second = session.run('more', async connection => void (await connection.query('more')))
    assert.deepEqual([await first, await second], [2, undefined])
    await session.close()
    assert.deepEqual(said, ['1 work', '1 closed', '2 work', '2 more', '2 closed'])
  })
})
