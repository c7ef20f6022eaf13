/** What a reader sees in a topic. */

import { bytes } from '../../src/connectors/kafka/deserializers.ts'
import { libraryCluster } from '../../src/connectors/kafka/library-cluster.ts'
import { settingsOf } from '../../src/connectors/kafka/params.ts'
import { type BytesRecord, readLog } from '../../src/connectors/kafka/read-log.ts'
import { nameOf } from '../../src/connectors/kafka/topic-partition.ts'

/** All records of a topic that a reader with `read_committed` sees now, partition by partition. */
export async function committedRecords(brokers: string, topic: string): Promise<BytesRecord[]> {
  const settings = settingsOf({
    bootstrapServers: brokers,
    isolationLevel: 'read_committed',
    keyDeserializer: bytes,
    valueDeserializer: bytes,
  })
  const cluster = libraryCluster(settings)
  const records: BytesRecord[] = []
  try {
    const [layout] = await cluster.layout([topic])
    const partitions = layout!.leaders.map((_, partition) => ({ topic, partition }))
    const first = await cluster.offsets('earliest', partitions)
    const ends = await cluster.offsets('latest', partitions)
    for (const at of partitions) {
      const range = { ...at, fromOffset: first.get(nameOf(at))!, untilOffset: ends.get(nameOf(at))! }
      if (range.fromOffset === range.untilOffset) continue
      const reading = { key: `reader of ${brokers}`, settings, patienceMs: 30_000 }
      for await (const record of readLog(range, reading)) records.push(record)
    }
  } finally {
    await cluster.close()
  }
  return records
}

/** Their values as text, sorted. */
export async function committedTexts(brokers: string, topic: string): Promise<string[]> {
  const records = await committedRecords(brokers, topic)
  return records.map(({ value }) => Buffer.from(value ?? 'null').toString()).sort()
}
