/**
 * Totals of orders as files that have each batch once, whatever happens to the program; lines that are no orders go to files of their own.
 *
 *   npx kindling run examples/12-exactly-once-files.ts incoming checkpoint out
 *
 * Move files of lines such as {"customer":"Ann","euros":12} into `incoming`. Kill the program (kill -9) and start it again: every batch
 * is a directory that is there once and whole.
 */
import { fileSink, StreamingContext, seconds } from 'kindling'

const [incoming = 'incoming', directory = 'checkpoint', out = 'out'] = process.argv.slice(2)

/** An order as a pair. @throws TypeError for what is none, so that it becomes a dead letter */
function parse(line: string): readonly [string, number] {
  const { customer, euros } = JSON.parse(line) as { readonly customer?: unknown; readonly euros?: unknown }
  if (typeof customer !== 'string' || typeof euros !== 'number') throw new TypeError('no order')
  return [customer, euros]
}

/** The program; called at each start, before the saved data is loaded into it. */
function build(): StreamingContext {
  const ssc = new StreamingContext({ appName: 'orders', batchDuration: seconds(1) })
  const bad = ssc.deadLetters(fileSink(`${out}/bad`, { format: 'ndjson' }), { id: 'bad' })
  const orders = ssc.textFileStream(incoming).uid('orders').map(parse, { onError: bad })
  const totals = orders
    .updateStateByKey<number>((euros, sum = 0) => euros.reduce((a, b) => a + b, sum))
    .uid('totals')
  totals.writeTo(fileSink(`${out}/totals`, { format: 'ndjson' }), {
    id: 'totals',
    require: 'exactly-once',
  })
  totals.print()
  return ssc
}

await using ssc = await StreamingContext.getOrCreate(directory, build)
await ssc.start()
await ssc.awaitTermination()
