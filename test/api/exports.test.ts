import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { it } from 'node:test'
import * as kindling from 'kindling'
import * as database from 'kindling/connectors/database'
import * as flume from 'kindling/connectors/flume'
import * as hdfs from 'kindling/connectors/hdfs'
import * as kafka from 'kindling/connectors/kafka'
import * as mysql from 'kindling/connectors/mysql'
import * as postgres from 'kindling/connectors/postgres'
import * as redis from 'kindling/connectors/redis'
import * as sqlite from 'kindling/connectors/sqlite'
import * as testing from 'kindling/testing'

it('the public names are those listed in exports.json: a new one is a reviewed line', () => {
  const listed = JSON.parse(readFileSync(new URL('./exports.json', import.meta.url), 'utf8'))
  const lists = {
    kindling,
    testing,
    'connectors/database': database,
    'connectors/flume': flume,
    'connectors/hdfs': hdfs,
    'connectors/kafka': kafka,
    'connectors/mysql': mysql,
    'connectors/postgres': postgres,
    'connectors/redis': redis,
    'connectors/sqlite': sqlite,
  }
  const names = Object.entries(lists).map(([entry, list]) => [entry, Object.keys(list).sort()])
  assert.deepEqual(Object.fromEntries(names), listed)
})
