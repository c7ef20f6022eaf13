/** A program that dies before and after every step of its sink: the table has each batch once, whole. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seconds } from 'kindling'
import { postgresSink } from 'kindling/connectors/postgres'
import { StreamTest } from 'kindling/testing'
import { service } from '../../services/service.ts'
import { INLINE } from '../../support/backends.ts'
import { type Database, database, STAGES } from './database.ts'

const batches = [['a', 'b', 'c'], [], ['b', 'b']]

function program({ connection }: Database): StreamTest {
  return new StreamTest({
    checkpointDir: true,
    master: 'local[2]',
    conf: INLINE,
    build: t =>
      t
        .input('in', batches, { partitions: 2 })
        .map(word => [word])
        .writeTo(t.sink(postgresSink<string[]>({ connection, table: 'words' })), { require: 'exactly-once' }),
  })
}

describe('batches in PostgreSQL', { skip: service('postgres').skip }, () => {
  const points = ['open', 'begin', 'writer', 'write', 'prepare', 'commit'] as const
  for (const point of points)
    for (const when of ['before', 'after'] as const)
      it(`survive a crash ${when} ${point}`, async () => {
        for (const nth of point === 'open' ? [1] : [1, 3]) {
          await using db = await database('word text')
          await using t = program(db)
          t.crashAt(`sink-${point}-${when}`, { nth })
          await t.run(batches.length)
          assert.equal(t.crashed, true, `${nth}`)
          await t.crashAndRestart({ downFor: seconds(2) })
          await t.run(Math.max(0, batches.length - Math.floor(t.clock.now() / 1000)))
          assert.deepEqual(t.errors, [])
          assert.deepEqual(await db.values(STAGES), [])
          assert.deepEqual(await db.values('SELECT word FROM words ORDER BY 1'), batches.flat().sort())
        }
      })
})
