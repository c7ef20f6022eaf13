/**
 * Lines that come in small batches, kept as few large files of Parquet: each line once, also when the program is killed and started again.
 *
 *   npx kindling run examples/27-rolling-files.ts incoming checkpoint lake
 *
 * Move text files into `incoming`. Each batch is seen at once, as a small file of `lake/lines`; ten of them become one.
 */
import { LocalStorage, rollingFileSink, StreamingContext, seconds } from 'kindling'

const [incoming = 'incoming', directory = 'checkpoint', lake = 'lake'] = process.argv.slice(2)
const storage = new LocalStorage(lake)

const ssc = await StreamingContext.getOrCreate(directory, () => {
  const ssc = new StreamingContext({ appName: 'rolling files', batchDuration: seconds(1) })
  const lines = ssc.textFileStream(incoming).uid('lines')
  const sink = rollingFileSink<{ line: string }>('lines', {
    storage,
    format: 'parquet',
    columns: { line: 'STRING' },
    maxSmallFiles: 10,
  })
  lines.map(line => ({ line })).writeTo(sink, { id: 'lines', require: 'exactly-once' })
  lines.count().print()
  return ssc
})
await ssc.start()
await ssc.awaitTermination()
