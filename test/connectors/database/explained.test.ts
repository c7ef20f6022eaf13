/** What the errors of databases mean: only what passes is asked again. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { saidBy } from '../../../src/connectors/database/database-errors.ts'
import type { DatabaseFault } from '../../../src/connectors/database/dialect.ts'
import { explained as mysql } from '../../../src/connectors/mysql/mysql-dialect.ts'
import { explained as postgres } from '../../../src/connectors/postgres/postgres-dialect.ts'
import { explained as sqlite } from '../../../src/connectors/sqlite/sqlite-dialect.ts'

const way = { message: '', errors: [{ message: 'no way', code: 'ECONNREFUSED' }], code: 'ECONNREFUSED' }

const cases: [string, typeof mysql, object, DatabaseFault][] = [
  ['PostgreSQL', postgres, { message: 'm', code: '57P01' }, 'unreachable'],
  ['PostgreSQL', postgres, { message: 'm', code: '53300' }, 'unreachable'],
  ['PostgreSQL', postgres, { message: 'm', code: '53100' }, 'full'],
  ['PostgreSQL', postgres, { message: 'm', code: '08006' }, 'unreachable'],
  ['PostgreSQL', postgres, { message: 'm', code: '40P01' }, 'busy'],
  ['PostgreSQL', postgres, { message: 'm', code: '28P01' }, 'denied'],
  ['PostgreSQL', postgres, { message: 'm', code: '42501' }, 'denied'],
  ['PostgreSQL', postgres, { message: 'm', code: '42P01' }, 'failed'],
  ['PostgreSQL', postgres, way, 'unreachable'],
  ['PostgreSQL', postgres, { message: 'Connection terminated unexpectedly' }, 'unreachable'],
  ['PostgreSQL', postgres, { message: 'timeout expired' }, 'unreachable'],
  ['PostgreSQL', postgres, { message: 'The server does not support SSL connections' }, 'failed'],
  [
    'PostgreSQL',
    postgres,
    { message: 'self-signed certificate', code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
    'failed',
  ],
  ['PostgreSQL', postgres, new TypeError('client.foo is not a function'), 'failed'],
  ['MySQL', mysql, { message: 'm', errno: 1213 }, 'busy'],
  ['MySQL', mysql, { message: "The table 'words' is full", errno: 1114 }, 'full'],
  [
    'MySQL',
    mysql,
    { message: 'Got error 28 "No space left on device" from storage engine', errno: 1030 },
    'full',
  ],
  ['MySQL', mysql, { message: 'Can\'t create table `a` (errno: 28 "No space…")', errno: 1005 }, 'full'],
  ['MySQL', mysql, { message: 'Got error 122 from storage engine', errno: 1030 }, 'failed'],
  ['MySQL', mysql, { message: 'm', errno: 1053 }, 'unreachable'],
  ['MySQL', mysql, { message: 'm', errno: 1045 }, 'denied'],
  ['MySQL', mysql, { message: 'm', errno: 1146 }, 'failed'],
  ['MySQL', mysql, { message: 'm', code: 'PROTOCOL_CONNECTION_LOST' }, 'unreachable'],
  ['MySQL', mysql, { message: "Can't add new command when connection is in closed state" }, 'unreachable'],
  ['MySQL', mysql, { message: 'read ECONNRESET', code: 'ECONNRESET', errno: -104 }, 'unreachable'],
  ['MySQL', mysql, { message: 'self-signed certificate', code: 'HANDSHAKE_SSL_ERROR' }, 'failed'],
  ['MySQL', mysql, new TypeError('client.foo is not a function'), 'failed'],
  ['SQLite', sqlite, { message: 'm', errcode: 5 }, 'busy'],
  ['SQLite', sqlite, { message: 'm', errcode: 5 | (1 << 8) }, 'busy'],
  ['SQLite', sqlite, { message: 'm', errcode: 13 }, 'full'],
  ['SQLite', sqlite, { message: 'm', errcode: 10 | (3 << 8) }, 'unreachable'],
  ['SQLite', sqlite, { message: 'm', errcode: 8 }, 'denied'],
  ['SQLite', sqlite, { message: 'm', errcode: 14 }, 'failed'],
  ['SQLite', sqlite, new TypeError('m'), 'failed'],
]

describe('errors of databases', () => {
  for (const [name, explained, error, fault] of cases)
    it(`${name}: ${JSON.stringify(error)} ${saidBy(error)} is ${fault}`, () => {
      assert.equal(explained(error).fault, fault)
      assert.notEqual(explained(error).reason, '')
    })
})
