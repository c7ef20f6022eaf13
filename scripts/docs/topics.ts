/** The reference pages by topic, and which page a name belongs on. */
import type { Declaration, Member } from './declarations.ts'

/** A page of docs/reference. */
export interface Topic {
  /** File name without `.md`. */
  readonly page: string
  readonly title: string
  readonly about: string
}

/** In reading order. */
export const topics: readonly Topic[] = [
  {
    page: 'contexts',
    title: 'Contexts',
    about: 'Where a program begins: contexts, how they are made, started and stopped.',
  },
  {
    page: 'rdd-transformations',
    title: 'RDD transformations',
    about: 'What makes an RDD of others. Nothing runs until an action is called.',
  },
  { page: 'rdd-actions', title: 'RDD actions', about: 'What runs a job. All give promises.' },
  {
    page: 'pair-operations',
    title: 'Pair operations',
    about: 'Operations of RDDs of `[key, value]`: they exist only there. Partitioners.',
  },
  { page: 'streams', title: 'Streams', about: 'What makes a stream of others, batch by batch.' },
  {
    page: 'windows-and-state',
    title: 'Windows and state',
    about: 'What looks at more than one batch: windows, state by key, and batches of the past.',
  },
  {
    page: 'sources-and-receivers',
    title: 'Sources and receivers',
    about: 'Where streams come from: sockets, files, queues, iterables, and sources of your own.',
  },
  { page: 'outputs', title: 'Outputs', about: 'What is done with each batch.' },
  {
    page: 'sinks',
    title: 'Sinks',
    about:
      'Where output goes, how it is delivered, and where bad records go. In one piece: [delivery](../delivery.md).',
  },
  {
    page: 'shared-values',
    title: 'Shared values',
    about: 'Values that tasks share: broadcasts, accumulators, captured variables, resources.',
  },
  { page: 'events', title: 'Events', about: 'What the engine tells about itself: listeners, logging.' },
  { page: 'time', title: 'Time', about: 'Durations, times, intervals, clocks.' },
  {
    page: 'database',
    title: 'SQL databases',
    about:
      'Any SQL database by a dialect of one’s own: `kindling/connectors/database`. How to use it: [connectors/database.md](../connectors/database.md).',
  },
  {
    page: 'flume',
    title: 'Flume',
    about:
      'Streams of Flume agents: `kindling/connectors/flume`. How to use it: [connectors/flume.md](../connectors/flume.md).',
  },
  {
    page: 'hdfs',
    title: 'HDFS',
    about:
      'Files of HDFS: `kindling/connectors/hdfs`. How to use it: [connectors/hdfs.md](../connectors/hdfs.md).',
  },
  {
    page: 'http',
    title: 'HTTP',
    about:
      'What others POST, server-sent events, WebSockets: `kindling/connectors/http`. How to use it: [connectors/http.md](../connectors/http.md).',
  },
  {
    page: 'kafka',
    title: 'Kafka',
    about:
      'Streams and RDDs of Kafka: `kindling/connectors/kafka`. How to use it: [connectors/kafka.md](../connectors/kafka.md).',
  },
  {
    page: 'object-store',
    title: 'Object stores',
    about:
      'Files of S3, Google Cloud Storage and Azure: `kindling/connectors/object-store`. How to use it: [connectors/object-store.md](../connectors/object-store.md).',
  },
  {
    page: 'kinesis',
    title: 'Kinesis',
    about:
      'Streams of Amazon Kinesis: `kindling/connectors/kinesis`. How to use it: [connectors/kinesis.md](../connectors/kinesis.md).',
  },
  {
    page: 'mqtt',
    title: 'MQTT',
    about:
      'Streams and a sink of MQTT brokers: `kindling/connectors/mqtt`. How to use it: [connectors/mqtt.md](../connectors/mqtt.md).',
  },
  {
    page: 'mysql',
    title: 'MySQL and MariaDB',
    about:
      'Batches into tables of MySQL and MariaDB: `kindling/connectors/mysql`. How to use it: [connectors/mysql.md](../connectors/mysql.md).',
  },
  {
    page: 'postgres',
    title: 'PostgreSQL',
    about:
      'Batches into tables of PostgreSQL: `kindling/connectors/postgres`. How to use it: [connectors/postgres.md](../connectors/postgres.md).',
  },
  {
    page: 'redis',
    title: 'Redis',
    about:
      'Batches into Redis: `kindling/connectors/redis`. How to use it: [connectors/redis.md](../connectors/redis.md).',
  },
  {
    page: 'sqlite',
    title: 'SQLite',
    about:
      'Batches into files of SQLite: `kindling/connectors/sqlite`. How to use it: [connectors/sqlite.md](../connectors/sqlite.md).',
  },
  {
    page: 'testing',
    title: 'Testing',
    about:
      'Streaming programs on a virtual clock and in simulated worlds: `kindling/testing`. In one piece: [testing](../testing.md).',
  },
]

/** Pages that are made from tables, to which the names of their topic are added. */
export const tablePages = ['errors', 'configuration'] as const

/** First rule that fits the file of a declaration decides. */
const byFile: readonly (readonly [RegExp, string])[] = [
  [/^src\/connectors\/database\//, 'database'],
  [/^src\/connectors\/flume\//, 'flume'],
  [/^src\/connectors\/hdfs\//, 'hdfs'],
  [/^src\/connectors\/http\//, 'http'],
  [/^src\/connectors\/kafka\//, 'kafka'],
  [/^src\/connectors\/object-store\//, 'object-store'],
  [/^src\/connectors\/kinesis\//, 'kinesis'],
  [/^src\/connectors\/mqtt\//, 'mqtt'],
  [/^src\/connectors\/mysql\//, 'mysql'],
  [/^src\/connectors\/postgres\//, 'postgres'],
  [/^src\/connectors\/redis\//, 'redis'],
  [/^src\/connectors\/sqlite\//, 'sqlite'],
  [/^src\/testing\//, 'testing'],
  [/^src\/(rdd\/sink|streaming\/delivery)\//, 'sinks'],
  [/^src\/base\/manual-clock/, 'testing'],
  [/^src\/base\/(time|clock)/, 'time'],
  [/^src\/base\/(errors|conditions|source-location)/, 'errors'],
  [/^src\/base\/config/, 'configuration'],
  [/^src\/base\/logger/, 'events'],
  [/listener|events/, 'events'],
  [/^src\/executor\/task-time/, 'events'],
  [/broadcast|accumulator|refreshing|executor\/(resource|lookup)|rdd\/functions\//, 'shared-values'],
  [/^src\/streaming\/(receiver|sources|direct)|^src\/streaming\/input-source/, 'sources-and-receivers'],
  [/^src\/streaming\/state|window/, 'windows-and-state'],
  [/^src\/ui\/|batches|output/, 'outputs'],
  [/^src\/streaming\/dstream\//, 'streams'],
  [/partitioner|pair|join/, 'pair-operations'],
  [/^src\/rdd\/.*(action|numeric|statistic|histogram|approx|bounded)/, 'rdd-actions'],
  [/^src\/(rdd|data)\//, 'rdd-transformations'],
]

/** The page of an exported name. */
export function topicOf(declaration: Declaration): string {
  return byFile.find(([pattern]) => pattern.test(declaration.file))?.[1] ?? 'contexts'
}

/** The page of a member, where a class is spread over several. */
export function topicOfMember(owner: Declaration, member: Member): string {
  const [signature = ''] = member.signatures
  if (owner.name === 'RDD') {
    if (/\): (Promise|AsyncIterable)/.test(signature)) return 'rdd-actions'
    return /\bthis: RDD<(readonly )?\[|this: Pairs/.test(signature)
      ? 'pair-operations'
      : 'rdd-transformations'
  }
  if (owner.name === 'DStream') {
    if (/window|state|^slice|^remember/i.test(member.name)) return 'windows-and-state'
    return /\): (void|Batches)/.test(signature) ? 'outputs' : 'streams'
  }
  if (owner.name === 'StreamingContext' && /Stream$/.test(member.name)) return 'sources-and-receivers'
  return topicOf(owner)
}
