/** Checked by the compiler: `npm run check:types`. Nothing here has to run. */
import { it } from 'node:test'
import {
  type DStream,
  type FutureAction,
  type MapWithStateDStream,
  type RDD,
  type State,
  StateSpec,
  type StreamingContext,
} from 'kindling'

type Equal<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false
function same<A, B>(_: Equal<A, B>): void {}

export function infers(ssc: StreamingContext, lines: DStream<string>, numbers: RDD<number>): void {
  const counts = lines
    .flatMap(line => line.split(' '))
    .map(word => [word, 1])
    .reduceByKey((a, b) => a + b)
  same<typeof counts, DStream<[string, number]>>(true)

  const windowed = counts.reduceByKeyAndWindow(
    (a, b) => a + b,
    (a, b) => a - b,
    '30s',
    '1s',
    { filter: ([, n]) => n > 0 },
  )
  same<typeof windowed, DStream<[string, number]>>(true)

  const mixed = ssc.transform([lines, counts], ([texts, pairs], time) => {
    same<typeof texts, RDD<string>>(true)
    same<typeof pairs, RDD<[string, number]>>(true)
    return texts.map(text => [text, time.milliseconds])
  })
  same<typeof mixed, DStream<[string, number]>>(true)

  const joined = counts.leftOuterJoin(counts.mapValues(n => String(n)))
  same<typeof joined, DStream<[string, [number, string | undefined]]>>(true)

  const state = counts.updateStateByKey<number>(
    (values, sum = 0, { key }) => values.reduce((a, b) => a + b, sum) + key.length,
  )
  same<typeof state, DStream<[string, number]>>(true)

  const mapped = counts.mapWithState(
    StateSpec.function((word, n, sum: State<number>) => {
      same<typeof word, string>(true)
      same<typeof n, number | undefined>(true)
      return sum.exists() ? [word, sum.get()] : undefined
    }),
  )
  same<typeof mapped, MapWithStateDStream<string, number, [string, number]>>(true)
  const snapshots = mapped.stateSnapshots()
  same<typeof snapshots, DStream<[string, number]>>(true)

  const fetched = lines.mapAsync(async word => [word, 1])
  same<typeof fetched, DStream<[string, number]>>(true)
  const plain = numbers.mapAsync(n => n > 0, { ordered: false })
  same<typeof plain, RDD<boolean>>(true)
  const generated = numbers.mapPartitionsAsync(async function* (records) {
    for await (const n of records) yield [n, String(n)] as const
  })
  same<typeof generated, RDD<readonly [number, string]>>(true)
  const future = fetched && numbers.collectAsync()
  same<typeof future, FutureAction<number[]>>(true)
  same<Awaited<typeof future>, number[]>(true)

  const grouped = numbers.groupBy(n => (n % 2 === 0 ? 'even' : 'odd'))
  same<typeof grouped, RDD<['even' | 'odd', number[]]>>(true)

  const both = numbers.zipPartitions(numbers.map(String), (ns, texts) => [[...ns, ...texts]])
  same<typeof both, RDD<(string | number)[]>>(true)
  const three = numbers.zipPartitions(
    numbers.map(String),
    numbers.map(n => n > 0),
    (ns, texts, flags) => [[[...ns].length, [...texts].join(''), [...flags][0]] as const],
  )
  same<typeof three, RDD<readonly [number, string, boolean | undefined]>>(true)

  const keyed = numbers.keyBy(n => String(n))
  const groups = keyed.cogroup(
    keyed.mapValues(n => n > 0),
    keyed.mapValues(n => [n]),
    4,
  )
  same<typeof groups, RDD<[string, [number[], boolean[], [number][]]]>>(true)
  const odd = numbers.collectPartial(n => (n % 2 ? String(n) : undefined))
  same<typeof odd, RDD<string>>(true)
  const even: Promise<{ buckets: number[]; counts: number[] }> = numbers.histogram(4)
  const counts2: Promise<number[]> = numbers.histogram([0, 1, 2])
  void even
  void counts2

  const literal = ssc.sc.parallelize([
    ['a', 1],
    ['b', 2],
  ])
  same<typeof literal, RDD<[string, number]>>(true)
  const flat = ssc.sc.parallelize([1, 2, 3])
  same<typeof flat, RDD<number>>(true)

  const total: Promise<number> = numbers.map(n => n * 2).reduce((a, b) => a + b)
  void total
}

export function refuses(lines: DStream<string>, numbers: RDD<number>): void {
  // @ts-expect-error strings are no pairs
  lines.reduceByKey((a, b) => a + b)
  // @ts-expect-error words have no sum
  numbers.map(n => String(n)).sum()
  // @ts-expect-error numbers are no pairs
  numbers.mapValues(n => n)
  // @ts-expect-error nor is an array of unknown length
  numbers.map(n => Array.of(n)).groupByKey()
  // @ts-expect-error the windows of words have no key
  lines.reduceByKeyAndWindow((a: never) => a, '30s')
  // @ts-expect-error a duration needs a unit
  lines.window('30')
}

it('types are checked by the compiler', () => {})
