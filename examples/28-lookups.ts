/**
 * Orders, a line `customer amount currency` each, with what is known elsewhere: names by key from a database, rates as a whole from a file
 * that others write anew.
 *
 *   npx kindling run examples/28-lookups.ts customers.db rates.json incoming
 */
import { promises } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { lookup, refreshing, resource, StreamingContext, seconds } from 'kindling'

const [file, ratesFile, incoming] = process.argv.slice(2)
if (file === undefined || ratesFile === undefined || incoming === undefined)
  throw new Error('usage: 28-lookups.ts DATABASE RATES FOLDER')

// Each thread has a connection, and keeps the names that it has found.
const customers = resource(() => new DatabaseSync(file, { readOnly: true }), { dispose: db => db.close() })
const names = lookup(
  (ids: readonly string[]) => {
    const asked = ids.map(() => '?').join()
    const rows = customers
      .get()
      .prepare(`SELECT id, name FROM customers WHERE id IN (${asked})`)
      .all(...ids)
    return rows.map(({ id, name }): [string, string] => [String(id), String(name)])
  },
  { maxEntries: 50_000, ttl: '10 min' },
)
const load = async (): Promise<Record<string, number>> =>
  JSON.parse(await promises.readFile(ratesFile, 'utf8'))
const rates = await refreshing(load, { every: '2 s', maxAge: '1 h' })

const ssc = new StreamingContext({ appName: 'orders', batchDuration: seconds(1) })
ssc
  .textFileStream(incoming)
  .map(line => line.split(' '))
  .mapAsync(async ([id = '', amount, currency = '']) => {
    const name = (await names.get(id)) ?? `customer ${id}`
    return { name, amount: Number(amount), currency }
  })
  // One version of the rates for all of a batch.
  .transform((orders, time) => {
    const now = rates.at(ssc.sc, time)
    return orders.map(({ name, amount, currency }) => [name, amount * (now.value[currency] ?? Number.NaN)])
  })
  .reduceByKey((a, b) => a + b)
  .print()
await ssc.start()
await ssc.awaitTermination()
