import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { it } from 'node:test'
import * as kindling from 'kindling'
import * as database from 'kindling/connectors/database'
import * as flume from 'kindling/connectors/flume'
import * as hdfs from 'kindling/connectors/hdfs'
import * as http from 'kindling/connectors/http'
import * as kafka from 'kindling/connectors/kafka'
import * as kinesis from 'kindling/connectors/kinesis'
import * as mqtt from 'kindling/connectors/mqtt'
import * as mysql from 'kindling/connectors/mysql'
import * as objectStore from 'kindling/connectors/object-store'
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
    'connectors/http': http,
    'connectors/kafka': kafka,
    'connectors/object-store': objectStore,
    'connectors/kinesis': kinesis,
    'connectors/mqtt': mqtt,
    'connectors/mysql': mysql,
    'connectors/postgres': postgres,
    'connectors/redis': redis,
    'connectors/sqlite': sqlite,
  }
  const names = Object.entries(lists).map(([entry, list]) => [entry, Object.keys(list).sort()])
  assert.deepEqual(Object.fromEntries(names), listed)
})
