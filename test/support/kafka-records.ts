/** What a reader sees in a topic. */
import { bytes } from '../../src/connectors/kafka/deserializers.ts'
import { libraryCluster } from '../../src/connectors/kafka/library-cluster.ts'
import { settingsOf } from '../../src/connectors/kafka/params.ts'
import { type BytesRecord, readLog } from '../../src/connectors/kafka/read-log.ts'
import { nameOf, type TopicPartition } from '../../src/connectors/kafka/topic-partition.ts'
import { until } from '../../src/testing/until.ts'

/** All records of a topic that a reader with `read_committed` sees, partition by partition, once no transaction is open in it. */
export async function committedRecords(brokers: string, topic: string): Promise<BytesRecord[]> {
  const settings = settingsOf({
    bootstrapServers: brokers,
    isolationLevel: 'read_committed',
    keyDeserializer: bytes,
    valueDeserializer: bytes,
  })
  const cluster = libraryCluster(settings)
  const all = libraryCluster({ ...settings, isReadCommitted: false })
  const records: BytesRecord[] = []
  try {
    const [layout] = await cluster.layout([topic])
    const partitions = layout!.leaders.map((_, partition) => ({ topic, partition }))
    const first = await cluster.offsets('earliest', partitions)
    const ends = await all.offsets('latest', partitions)
    // A transaction is over in each partition only a moment after its commit was answered.
    const isStable = async ({ topic, partition }: TopicPartition): Promise<boolean> => {
      const name = nameOf({ topic, partition })
      return (await cluster.offsets('latest', [{ topic, partition }])).get(name)! >= ends.get(name)!
    }
    for (const at of partitions) {
      await until(() => isStable(at), { timeoutMs: 90_000 })
      const range = { ...at, fromOffset: first.get(nameOf(at))!, untilOffset: ends.get(nameOf(at))! }
      if (range.fromOffset === range.untilOffset) continue
      const reading = { key: `reader of ${brokers}`, settings, patienceMs: 30_000 }
      for await (const record of readLog(range, reading)) records.push(record)
    }
  } finally {
    await cluster.close()
    await all.close()
  }
  return records
}

/** Their values as text, sorted. */
export async function committedTexts(brokers: string, topic: string): Promise<string[]> {
  const records = await committedRecords(brokers, topic)
  return records.map(({ value }) => Buffer.from(value ?? 'null').toString()).sort()
}
