/**
 * An output that is written exactly once: each batch in one transaction, with its token.
 *
 *   take the transactional id ─▶ read the tokens ─▶ transaction: staged records, token ─▶ … next batch
 *            ▲                    later epoch: SINK_FENCED      │
 *            └──────────────── lost it, or no answer ◀──────────┘
 *
 * Whoever takes the id ends what was on its way under it. So what the tokens say stays true until this one's transaction is over, or that
 * fails: nobody can have written in between. What was in doubt is found out in the same way, by taking the id and reading.
 */
import { SystemClock } from '../../base/clock.ts'
import { isKindlingError, KindlingError } from '../../base/errors.ts'
import type { BatchToken, SinkOutput } from '../../rdd/sink/sink.ts'
import { fenced, outputDigest } from '../../rdd/sink/success-file.ts'
import { leaseByKey } from './cluster-pool.ts'
import { TransactionalProducer, TransactionLost } from './library-producer.ts'
import { type OutRecord, RecordGroup, recordsOf } from './out-record.ts'
import { readLog } from './read-log.ts'
import { KEEP_MS, type StagedBlocks } from './record-writers.ts'
import type { KafkaSinkPlan } from './sink-options.ts'
import { TokenLog } from './token-log.ts'

interface Session {
  readonly producer: TransactionalProducer
  readonly log: TokenLog
}

type Send = (records: readonly OutRecord[]) => Promise<void>

const PAUSE_MS = 100

/** See the file head. Its steps follow each other. */
export class TransactionalOutput<T> {
  private readonly plan: KafkaSinkPlan<T>
  private readonly sink: string
  private readonly output: SinkOutput
  private session: Session | undefined
  private last: Promise<unknown> = Promise.resolve()
  private forgetBefore = Number.NEGATIVE_INFINITY

  constructor(plan: KafkaSinkPlan<T>, sink: string, output: SinkOutput) {
    this.plan = plan
    this.sink = sink
    this.output = output
  }

  /** Earlier epochs can write nothing from here on. @throws SINK_FENCED */
  claim(): Promise<void> {
    return this.step(async ({ producer, log }) => {
      if (log.epoch >= this.output.epoch) return
      await producer.transact(send => send([log.epochRecord()]))
      log.epoch = this.output.epoch
    })
  }

  /** @throws SINK_FENCED */
  held(batchTimes: readonly number[]): Promise<readonly number[]> {
    return this.step(({ log }) => batchTimes.filter(time => log.batchTimes.has(time)))
  }

  /** @throws SINK_FENCED, KAFKA_UNREACHABLE, KAFKA_REQUEST_FAILED */
  commit({ batchTime }: BatchToken, blocks: readonly StagedBlocks[]): Promise<void> {
    return this.step(async ({ producer, log }) => {
      if (log.batchTimes.has(batchTime)) return
      const { forgetBefore } = this
      await producer.transact(async send => {
        await this.copy(blocks, send)
        await send(log.batchRecords(batchTime, forgetBefore))
      })
      log.addBatch(batchTime, forgetBefore)
    })
  }

  /** Tokens before it are taken away with the next commit. */
  forget(batchTime: number): void {
    this.forgetBefore = Math.max(this.forgetBefore, batchTime)
  }

  async close(): Promise<void> {
    await this.last
    await this.leave()
  }

  /** The records of a partition of a batch stay in their order. */
  private async copy(blocks: readonly StagedBlocks[], send: Send): Promise<void> {
    const { plan } = this
    const reading = { key: `${plan.key} sink`, settings: plan.settings, patienceMs: plan.deliveryTimeoutMs }
    const group = new RecordGroup()
    const topics = new Set<string>()
    for (const [partition, those] of Map.groupBy(blocks, block => block.partition)) {
      const wanted = new Set(those.flatMap(({ offsets }) => offsets))
      if (wanted.size === 0) continue
      const ordered = [...wanted].sort((a, b) => a - b)
      const range = { fromOffset: ordered[0]!, untilOffset: ordered.at(-1)! + 1 }
      for await (const { offset, value } of readLog(
        { topic: plan.stagingTopic, partition, ...range },
        reading,
      )) {
        if (!wanted.delete(offset)) continue
        for (const record of recordsOf(value!)) {
          if (!topics.has(record.topic)) await this.find(record.topic)
          topics.add(record.topic)
          const full = group.add(record)
          if (full !== undefined) await send(full)
        }
      }
      if (wanted.size > 0) throw this.stagedGone(partition, wanted)
    }
    await send(group.take())
  }

  /** Asked before it is written to: the library asks again and again for one that is not there. */
  private async find(topic: string): Promise<void> {
    const lease = leaseByKey(`${this.plan.key} sink`, this.plan.settings, KEEP_MS)
    try {
      await lease.cluster.layout([topic])
    } finally {
      lease.release()
    }
  }

  private stagedGone(partition: number, offsets: ReadonlySet<number>): KindlingError {
    return new KindlingError('KAFKA_DATA_LOST', {
      partition: `${this.plan.stagingTopic}-${partition}`,
      from: Math.min(...offsets),
      until: Math.max(...offsets) + 1,
      reason: 'prepared records were removed before their batch was committed',
    })
  }

  private step<R>(body: (session: Session) => R | Promise<R>): Promise<R> {
    const done = this.last.then(() => this.tried(body))
    this.last = done.catch(() => {})
    return done
  }

  /** Again with a session of its own, while the broker does not answer or the transactional id was taken away. */
  private async tried<R>(body: (session: Session) => R | Promise<R>): Promise<R> {
    const clock = new SystemClock()
    const until = clock.now() + this.plan.deliveryTimeoutMs
    for (;;) {
      try {
        this.session?.producer.hold(true)
        this.session ??= await this.begin()
        const done = await body(this.session)
        // Between batches it does not keep the process alive.
        this.session.producer.hold(false)
        return done
      } catch (error) {
        await this.leave()
        const isLost = error instanceof TransactionLost
        if (!isLost && !isKindlingError(error, 'KAFKA_UNREACHABLE')) throw error
        if (clock.now() + PAUSE_MS > until) throw isLost ? this.lost(error) : error
        await clock.sleep(PAUSE_MS)
      }
    }
  }

  private async begin(): Promise<Session> {
    const { plan, output } = this
    const id = `kindling-${outputDigest(output)}`
    const lease = leaseByKey(`${plan.key} sink`, plan.settings, KEEP_MS)
    const producer = await TransactionalProducer.take(id, plan, plan.transactionTimeoutMs).catch(error => {
      lease.release()
      throw error
    })
    try {
      const log = await TokenLog.read(plan, output, lease.cluster)
      if (log.epoch > output.epoch) throw fenced(this.sink, output, `epoch ${log.epoch} has begun`)
      return { producer, log }
    } catch (error) {
      await producer.close()
      throw error
    } finally {
      lease.release()
    }
  }

  private async leave(): Promise<void> {
    const { session } = this
    this.session = undefined
    await session?.producer.close()
  }

  private lost(error: TransactionLost): KindlingError {
    const servers = this.plan.settings.bootstrapServers.join(', ')
    const what = `a transaction of ${this.sink}`
    return new KindlingError(
      'KAFKA_REQUEST_FAILED',
      { servers, what, reason: error.message },
      { cause: error },
    )
  }
}
