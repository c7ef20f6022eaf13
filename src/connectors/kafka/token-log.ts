/**
 * Which batches of an output are written, and by which epoch it may be: records of a compacted topic, each written in the transaction of
 * its batch.
 *
 *   ["program","output",1795575694000] → 3      the batch of that time is there, of epoch 3
 *   ["program","output","epoch"]       → 3      the latest epoch that has begun
 */
import { SystemClock } from '../../base/clock.ts'
import { KindlingError } from '../../base/errors.ts'
import type { SinkOutput } from '../../rdd/sink/sink.ts'
import { outputDigest } from '../../rdd/sink/success-file.ts'
import type { KafkaCluster } from './cluster.ts'
import { type Lease, leaseByKey } from './cluster-pool.ts'
import type { OutRecord } from './out-record.ts'
import { readLog } from './read-log.ts'
import { KEEP_MS } from './record-writers.ts'
import type { KafkaSinkPlan } from './sink-options.ts'
import { nameOf, type TopicPartition } from './topic-partition.ts'

const EPOCH = 'epoch'
const PAUSE_MS = 20
const encoder = new TextEncoder()

/** What is known of an output. */
export class TokenLog {
  /** The latest that has begun; 0: none. */
  epoch = 0
  /** Of the batches that are there. */
  readonly batchTimes: Set<number> = new Set<number>()
  private readonly output: SinkOutput
  private readonly at: TopicPartition

  private constructor(output: SinkOutput, at: TopicPartition) {
    this.output = output
    this.at = at
  }

  /** As it stands once all transactions that have begun are over. The producer of the output is to be taken before. */
  static async read<T>(plan: KafkaSinkPlan<T>, output: SinkOutput, cluster: KafkaCluster): Promise<TokenLog> {
    const { settings, tokenTopic, deliveryTimeoutMs } = plan
    const [layout] = await cluster.layout([tokenTopic])
    const partition = Number.parseInt(outputDigest(output).slice(0, 8), 16) % layout!.leaders.length
    const at = { topic: tokenTopic, partition }
    const log = new TokenLog(output, at)
    const committed = { ...settings, isReadCommitted: true }
    const reading = { key: `${plan.key} tokens`, settings: committed, patienceMs: deliveryTimeoutMs }
    const lease = leaseByKey(reading.key, committed, KEEP_MS)
    try {
      const until = await log.stableEnd(cluster, lease, plan)
      const from = (await cluster.offsets('earliest', [at])).get(nameOf(at))!
      if (from < until)
        for await (const { key, value } of readLog({ ...at, fromOffset: from, untilOffset: until }, reading))
          log.take(key, value)
    } finally {
      lease.release()
    }
    return log
  }

  /** The records that say that a batch is there, and that others are not asked for any more. */
  batchRecords(batchTime: number, forgetBefore: number): OutRecord[] {
    const gone = this.before(forgetBefore).map(time => this.record(time, null))
    return [...gone, this.record(batchTime, this.output.epoch)]
  }

  /** They are written. */
  addBatch(batchTime: number, forgetBefore: number): void {
    for (const time of this.before(forgetBefore)) this.batchTimes.delete(time)
    this.batchTimes.add(batchTime)
  }

  epochRecord(): OutRecord {
    return this.record(EPOCH, this.output.epoch)
  }

  private before(batchTime: number): number[] {
    return [...this.batchTimes].filter(time => time < batchTime)
  }

  private record(of: number | typeof EPOCH, epoch: number | null): OutRecord {
    const { program, operatorId } = this.output
    const key = encoder.encode(JSON.stringify([program, operatorId, of]))
    const value = epoch === null ? null : encoder.encode(String(epoch))
    return { ...this.at, key, value, headers: [], timestamp: undefined }
  }

  private take(key: Uint8Array | undefined, value: Uint8Array | undefined): void {
    const [program, operatorId, of] = JSON.parse(Buffer.from(key ?? 'null').toString()) ?? []
    if (program !== this.output.program || operatorId !== this.output.operatorId) return
    if (of === EPOCH) this.epoch = Math.max(this.epoch, Number(Buffer.from(value ?? '0').toString()))
    else if (value === undefined) this.batchTimes.delete(of)
    else this.batchTimes.add(of)
  }

  /** The end of the log, once nothing before it is in doubt: that of others is over when the broker ends it. */
  private async stableEnd<T>(cluster: KafkaCluster, stable: Lease, plan: KafkaSinkPlan<T>): Promise<number> {
    const clock = new SystemClock()
    const until = clock.now() + plan.transactionTimeoutMs + plan.deliveryTimeoutMs
    const end = (await cluster.offsets('latest', [this.at])).get(nameOf(this.at))!
    for (;;) {
      const stableEnd = (await stable.cluster.offsets('latest', [this.at])).get(nameOf(this.at))!
      if (stableEnd >= end) return end
      if (clock.now() > until)
        throw new KindlingError('KAFKA_UNREACHABLE', {
          servers: plan.settings.bootstrapServers.join(', '),
          what: `the tokens in ${nameOf(this.at)}`,
          reason: 'a transaction in it does not end',
        })
      await clock.sleep(PAUSE_MS)
    }
  }
}
