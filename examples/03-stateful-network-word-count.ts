/**
 * A running count of the words of a text stream, one line for each word that comes in: StatefulNetworkWordCount.
 *
 *   nc -lk 9999                                                 in one terminal: type into it
 *   npx kindling run examples/03-stateful-network-word-count.ts localhost 9999
 *
 * The state is what `mapWithState` keeps for each word. A batch costs what its words cost, however many words are known.
 */
import { type State, StateSpec, StreamingContext, seconds } from 'kindling'

const [host = 'localhost', port = '9999'] = process.argv.slice(2)

await using ssc = new StreamingContext({ appName: 'running counts', batchDuration: seconds(1) })

const known = ssc.sc.parallelize<[string, number]>([
  ['hello', 1],
  ['world', 1],
])

const counting = StateSpec.function((word: string, one: number | undefined, state: State<number>) => {
  const sum = (state.getOption() ?? 0) + (one ?? 0)
  state.update(sum)
  return [word, sum] as const
}).initialState(known)

ssc
  .socketTextStream(host, Number(port))
  .flatMap(line => line.split(' '))
  .filter(word => word !== '')
  .map(word => [word, 1])
  .mapWithState(counting)
  .print()

await ssc.start()
await ssc.awaitTermination()
