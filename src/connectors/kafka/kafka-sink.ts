/** Topics as a sink. */
import type { BatchToken, ExactlyOnceSink, Sink, SinkOutput } from '../../rdd/sink/sink.ts'
import { outputDigest } from '../../rdd/sink/success-file.ts'
import { leaseByKey } from './cluster-pool.ts'
import { KEEP_MS, kafkaWriter, type StagedBlocks } from './record-writers.ts'
import { type KafkaSinkOptions, type KafkaSinkPlan, sinkPlanOf } from './sink-options.ts'
import { keepSinkTopics } from './sink-topics.ts'
import { TransactionalOutput } from './transactional-output.ts'

/**
 * A sink that writes records to topics, for `writeTo` of streams and RDDs.
 *
 * At least once unless told otherwise: the producer is idempotent, so that what it sends again by itself is there once, and a task or a
 * batch that runs again writes its records again. With `delivery: 'exactly-once'` each batch is written in one transaction, in which a
 * record of the topic `kindling-tokens` says so: who reads with `read_committed` sees it once, whole or not at all, whatever crashes.
 * Tasks stage their records in the topic `kindling-staging`, and the driver copies those of the attempts that count: everything goes over
 * the network three times, and the driver is what all of it goes through.
 *
 * Fails with KAFKA_TOPIC_NOT_FOUND, KAFKA_ACCESS_DENIED, KAFKA_UNREACHABLE once `deliveryTimeout` is over, KAFKA_REQUEST_FAILED for what
 * a broker refuses, such as a record that is too large, and SINK_FENCED when a later start of the program writes.
 *
 * @throws INVALID_ARGUMENT for options that mean nothing
 * @source Spark's sink `kafka` of Structured Streaming; the transactions are ours
 * @example
 * const sink = kafkaSink<[word: string, count: number]>({
 *   bootstrapServers: 'localhost:9092',
 *   topic: 'counts',
 *   key: ([word]) => word,
 *   value: ([, count]) => String(count),
 *   delivery: 'exactly-once',
 * })
 * sink.guarantee // => 'exactly-once'
 */
export function kafkaSink<T>(options: KafkaSinkOptions<T>): Sink<T> {
  const plan = sinkPlanOf(options)
  const { topic } = plan.record
  const name = `topic ${typeof topic === 'string' ? topic : 'of each record'} of Kafka at ${plan.settings.bootstrapServers.join(', ')}`
  const writer = ((token: Parameters<Sink<T>['writer']>[0]) =>
    kafkaWriter(plan, token)) as ExactlyOnceSink<T>['writer']
  if (!plan.isExactlyOnce) return { name, guarantee: 'at-least-once', writer, open: () => begin(plan) }
  const outputs = new Map<string, TransactionalOutput<T>>()
  const outputOf = (output: SinkOutput): TransactionalOutput<T> => {
    const key = outputKey(output)
    const known = outputs.get(key) ?? new TransactionalOutput(plan, name, output)
    outputs.set(key, known)
    return known
  }
  return {
    name,
    guarantee: 'exactly-once',
    by: 'transaction',
    writer,
    async open(session) {
      await begin(plan)
      // Nobody can follow epoch 0.
      if (session.epoch > 0) await outputOf(session).claim()
    },
    async committed(tokens) {
      const found: BatchToken[] = []
      for (const [, those] of Map.groupBy(tokens, outputKey)) {
        const held = await outputOf(those[0]!).held(those.map(({ batchTime }) => batchTime))
        found.push(...those.filter(({ batchTime }) => held.includes(batchTime)))
      }
      return found
    },
    commit: (batch, messages) => outputOf(batch).commit(batch, messages as readonly StagedBlocks[]),
    // What is staged is seen by nobody, and goes by the retention of its topic.
    abort() {},
    forget: (output, batchTime) => outputOf(output).forget(batchTime),
    async close(output) {
      const key = outputKey(output)
      await outputs.get(key)?.close()
      outputs.delete(key)
    },
  }
}

/** @throws KAFKA_TOPIC_NOT_FOUND, KAFKA_UNREACHABLE, KAFKA_ACCESS_DENIED */
async function begin<T>(plan: KafkaSinkPlan<T>): Promise<void> {
  const { cluster, release } = leaseByKey(`${plan.key} sink`, plan.settings, KEEP_MS)
  try {
    const { topic } = plan.record
    if (typeof topic === 'string') await cluster.layout([topic])
    if (plan.isExactlyOnce) await keepSinkTopics(plan, cluster)
  } finally {
    release()
  }
}

function outputKey(output: SinkOutput): string {
  return `${outputDigest(output)} ${output.epoch}`
}
