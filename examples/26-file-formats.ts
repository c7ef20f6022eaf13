/**
 * Orders that appear as CSV, written on as Parquet and Avro, each batch once; rows that are none go to files of their own.
 *
 *   npx kindling run examples/26-file-formats.ts incoming checkpoint out
 *
 * Move files into `incoming` such as
 *
 *   customer,euros
 *   "Ann, of Ghent",12.50
 */
import { fileSink, StreamingContext, seconds } from 'kindling'

const [incoming = 'incoming', directory = 'checkpoint', out = 'out'] = process.argv.slice(2)

interface Order {
  readonly customer: string | undefined
  readonly euros: number
}

const schema = {
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'customer', type: 'string' },
    { name: 'euros', type: 'double' },
  ],
} as const

const ssc = await StreamingContext.getOrCreate(directory, () => {
  const ssc = new StreamingContext({ appName: 'orders', batchDuration: seconds(1) })
  const bad = ssc.deadLetters(fileSink(`${out}/bad`, { format: 'ndjson' }), { id: 'bad' })
  const orders = ssc
    .csvFileStream<Order>(incoming, { columns: { customer: 'string', euros: 'number' }, onError: bad })
    .uid('orders')
  orders.writeTo(fileSink(`${out}/parquet`, { format: 'parquet' }), {
    id: 'parquet',
    require: 'exactly-once',
  })
  orders.writeTo(fileSink(`${out}/avro`, { format: 'avro', schema }), { id: 'avro', require: 'exactly-once' })
  orders
    .map(({ euros }) => euros)
    .reduce((a, b) => a + b)
    .print()
  return ssc
})
await ssc.start()
await ssc.awaitTermination()
