/**
 * A running count of words that goes on where an earlier run ended: RecoverableNetworkWordCount.
 *
 *   nc -lk 9999                                                 in one terminal: type into it
 *   npx kindling run examples/04-recoverable-network-word-count.ts localhost 9999 totals.json
 *
 * After each batch the totals are written to a file, which is replaced as a whole; a new run starts from it. So what a finished batch
 * counted survives a crash. Words of a batch that was under way are lost with the connection that brought them.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { StreamingContext, seconds } from 'kindling'

const [host = 'localhost', port = '9999', file = 'totals.json'] = process.argv.slice(2)

function earlierTotals(): [string, number][] {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : []
}

await using ssc = new StreamingContext({ appName: 'recoverable counts', batchDuration: seconds(1) })

// What tasks share: a value that they read, and a sum that they add to.
const excluded = ssc.sc.broadcast(new Set(['a', 'an', 'and', 'of', 'or', 'the']))
const dropped = ssc.sc.longAccumulator('words left out')

const earlier = earlierTotals()
console.log(`going on from ${earlier.length} words of ${file}`)

const totals = ssc
  .socketTextStream(host, Number(port))
  .flatMap(line => line.toLowerCase().split(/[^a-z]+/))
  .filter(word => word !== '')
  .filter(word => {
    const keep = !excluded.value.has(word)
    if (!keep) dropped.add(1)
    return keep
  })
  .map(word => [word, 1])
  .updateStateByKey<number>((ones, sum = 0) => sum + ones.length, {
    initialState: ssc.sc.parallelize(earlier),
  })

totals.foreachRDD(async (rdd, time) => {
  const pairs = await rdd.collect()
  writeFileSync(`${file}.next`, JSON.stringify(pairs))
  renameSync(`${file}.next`, file)
  const sum = pairs.reduce((all, [, n]) => all + n, 0)
  console.log(`${time}: ${pairs.length} words, ${sum} in all, ${dropped.value} left out`)
})

await ssc.start()
await ssc.awaitTermination()
