/**
 * One figure about a stream of page views: PageViewStream.
 *
 *   node examples/08-page-view-generator.ts 9999
 *   npx kindling run examples/09-page-view-stream.ts pageCounts localhost 9999
 *
 * Figures: pageCounts, slidingPageCounts, errorRatePerZipCode, activeUserCount, popularUsersSeen.
 */
import { StreamingContext, seconds } from 'kindling'

interface PageView {
  readonly url: string
  readonly status: number
  readonly zipCode: string
  readonly userId: number
}

const [figure = 'pageCounts', host = 'localhost', port = '9999'] = process.argv.slice(2)

await using ssc = new StreamingContext({ appName: 'page views', batchDuration: seconds(1) })

const views = ssc.socketTextStream(host, Number(port)).map((line): PageView => {
  const [url = '', status, zipCode = '', userId] = line.split('\t')
  return { url, status: Number(status), zipCode, userId: Number(userId) }
})

const figures: Record<string, () => void> = {
  /** Views of each page in each batch. */
  pageCounts: () =>
    views
      .map(view => view.url)
      .countByValue()
      .print(),

  /** Views of each page in the last 10 s, every 2 s. */
  slidingPageCounts: () =>
    views
      .map(view => view.url)
      .countByValueAndWindow(seconds(10), seconds(2))
      .print(),

  /** The share of answers other than 200 in each zip code over the last 30 s, where it is above 5 %. */
  errorRatePerZipCode: () =>
    views
      .map(view => [view.zipCode, view.status])
      .groupByKeyAndWindow(seconds(30), seconds(2))
      .mapValues(statuses => statuses.filter(status => status !== 200).length / statuses.length)
      .filter(([, rate]) => rate > 0.05)
      .map(([zipCode, rate]) => `${zipCode}: ${(100 * rate).toFixed(1)} % errors`)
      .print(),

  /** How many different users were there in the last 15 s. */
  activeUserCount: () =>
    views
      .window(seconds(15), seconds(2))
      .transform(rdd => rdd.map(view => view.userId).distinct())
      .count()
      .map(n => `${n} active users`)
      .print(),

  /** Names of the users of each batch, from a table that does not change. */
  popularUsersSeen: () => {
    const names = ssc.sc.parallelize<[number, string]>([
      [1, 'Ann'],
      [2, 'Bob'],
      [3, 'Cid'],
    ])
    const seen = views.map(view => [view.userId, 1]).reduceByKey((a, b) => a + b)
    seen.transform(rdd => rdd.join(names).map(([, [n, name]]) => `saw ${name} ${n} times`)).print()
  },
}

const define = figures[figure]
if (define === undefined) throw new Error(`no figure ${figure}; there are ${Object.keys(figures).join(', ')}`)
define()

await ssc.start()
await ssc.awaitTermination()
