/**
 * The most frequent hashtags of a stream of posts, over the last 60 and the last 10 seconds: TwitterPopularTags.
 *
 *   nc -lk 9999                                                 in one terminal: type "#spark is like #kindling"
 *   npx kindling run examples/10-top-hashtags.ts localhost 9999
 */
import { type DStream, StreamingContext, seconds } from 'kindling'

const [host = 'localhost', port = '9999'] = process.argv.slice(2)

await using ssc = new StreamingContext({ appName: 'hashtags', batchDuration: seconds(2) })

const tags = ssc
  .socketTextStream(host, Number(port))
  .flatMap(post => post.match(/#\w+/g) ?? [])
  .map(tag => [tag.toLowerCase(), 1])

/** Counts over a window that is kept up to date: a slide costs what enters and what leaves. */
function countsOver(windowSeconds: number): DStream<[string, number]> {
  return tags.reduceByKeyAndWindow(
    (a, b) => a + b,
    (a, b) => a - b,
    seconds(windowSeconds),
    seconds(2),
    { filter: ([, count]) => count > 0 },
  )
}

for (const windowSeconds of [60, 10])
  countsOver(windowSeconds).foreachRDD(async rdd => {
    const sorted = rdd.sortBy(([, count]) => count, false)
    const top = await sorted.take(5)
    console.log(`popular in the last ${windowSeconds} s (${await rdd.count()} in all):`)
    for (const [tag, count] of top) console.log(`  ${tag} (${count} posts)`)
  })

await ssc.start()
await ssc.awaitTermination()
