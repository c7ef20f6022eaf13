/**
 * A running count of words that goes on after a crash where it was: RecoverableNetworkWordCount.
 *
 *   nc -lk 9999                                                 in one terminal: type into it
 *   npx kindling run examples/04-recoverable-network-word-count.ts localhost 9999 checkpoint counts.log
 *
 * Kill it as hard as you like (kill -9) and start it again: the counts are in the checkpoint directory, and each batch appends its
 * line to the file. A socket cannot be asked again, so words of a batch that was under way are lost; the program says so.
 */
import { appendFileSync } from 'node:fs'
import { StreamingContext, seconds } from 'kindling'

const [host = 'localhost', port = '9999', directory = 'checkpoint', file = 'counts.log'] =
  process.argv.slice(2)

/** The program; called at each start, before the saved data is loaded into it. */
function build(): StreamingContext {
  const ssc = new StreamingContext({ appName: 'recoverable counts', batchDuration: seconds(1) })

  // What tasks share: a value that they read, and a sum that they add to. Neither is part of a checkpoint.
  const excluded = ssc.sc.broadcast(new Set(['a', 'an', 'and', 'of', 'or', 'the']))
  const dropped = ssc.sc.longAccumulator('words left out')

  ssc
    .socketTextStream(host, Number(port))
    .flatMap(line => line.toLowerCase().split(/[^a-z]+/))
    .filter(word => word !== '')
    .filter(word => {
      const keep = !excluded.value.has(word)
      if (!keep) dropped.add(1)
      return keep
    })
    .map(word => [word, 1])
    .updateStateByKey<number>((ones, sum = 0) => sum + ones.length)
    .uid('counts')
    .foreachRDD(async (rdd, time) => {
      const counts = await rdd.sortByKey().collect()
      appendFileSync(file, `${JSON.stringify({ time: time.milliseconds, counts })}\n`)
      const sum = counts.reduce((all, [, n]) => all + n, 0)
      console.log(`${time}: ${counts.length} words, ${sum} in all, ${dropped.value} left out by this run`)
    })
  return ssc
}

await using ssc = await StreamingContext.getOrCreate(directory, build)
await ssc.start()
await ssc.awaitTermination()
