/**
 * A page of batch jobs over RDDs: word count, text search, Pi by chance, a join, averages, secondary sort.
 *
 *   npx kindling run examples/11-batch-rdds.ts [FILES]
 */
import { SparkContext } from 'kindling'

const [files = 'README.md'] = process.argv.slice(2)

await using sc = new SparkContext({ appName: 'batch' })

const lines = sc.textFile(files).cache()

// Word count: the five most frequent words.
const counts = lines
  .flatMap(line => line.toLowerCase().split(/[^a-z]+/))
  .filter(word => word.length > 3)
  .map(word => [word, 1])
  .reduceByKey((a, b) => a + b)
const top = await counts.sortBy(([, count]) => count, false).take(5)
console.log('words:', top.map(([word, count]) => `${word} ${count}`).join(', '))

// Text search: lines that match, without reading the files again.
console.log('headings:', await lines.filter(line => line.startsWith('#')).count(), 'of', await lines.count())

// Pi: the share of random points that fall into a circle.
const n = 200_000
const inside = await sc
  .parallelize(Array.from({ length: n }, (_, i) => i))
  .map(() => Number(Math.random() ** 2 + Math.random() ** 2 < 1))
  .fold(0, (a, b) => a + b)
console.log('pi is about', ((4 * inside) / n).toFixed(2))

// Join: names with their orders; an outer join keeps those without any.
const names = sc.parallelize<[number, string]>([
  [1, 'Ann'],
  [2, 'Bob'],
  [3, 'Cid'],
])
const orders = sc.parallelize<[number, number]>([
  [1, 30],
  [1, 5],
  [2, 12],
])
const totals = names
  .leftOuterJoin(orders.reduceByKey((a, b) => a + b))
  .map(([, [name, total]]) => `${name}: ${total ?? 'nothing'}`)
console.log('orders:', (await totals.collect()).sort().join(', '))

// Average by key: sum and count in one pass.
const averages = orders
  .aggregateByKey(
    [0, 0],
    ([sum = 0, count = 0], price) => [sum + price, count + 1],
    ([a = 0, b = 0], [c = 0, d = 0]) => [a + c, b + d],
  )
  .mapValues(([sum = 0, count = 1]) => sum / count)
console.log('averages:', JSON.stringify((await averages.collect()).sort()))

// Secondary sort: by word length, then by the alphabet, in total order over all partitions.
const byLength = counts.keys().sortBy(word => [word.length, word], false, 3)
console.log('longest:', (await byLength.take(3)).join(', '))
