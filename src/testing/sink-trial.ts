/** One sink on trial: the driver and the tasks of processes that write to a place, and what a reader must see there. */
import { isDeepStrictEqual } from 'node:util'
import { describeValue, isKindlingError, KindlingError } from '../base/errors.ts'
import { silentLogger } from '../base/logger.ts'
import { decodeRecords, encodeRecords } from '../data/codec.ts'
import type { BatchToken, ExactlyOnceSink, Sink } from '../rdd/sink/sink.ts'

/** Somewhere that a sink writes to: a directory, a table. */
export interface SinkPlace<T> {
  /** A sink that writes there, as each process that starts makes one of its own. */
  sink(): Sink<T>
  /** The records that a reader sees now, in any order. */
  read(): readonly T[] | Promise<readonly T[]>
  /** What is there besides, that should have been cleared away; names, for messages. Default: not looked at. */
  leftovers?(): readonly string[] | Promise<readonly string[]>
  /** From now on nothing can be written there. Default: failures are not tried. */
  break?(): void | Promise<void>
  /** Called after each case. */
  dispose?(): void | Promise<void>
}

/** One process that writes to the place. */
export class Driver<T> {
  readonly sink: Sink<T>
  private readonly epoch: number

  constructor(sink: Sink<T>, epoch: number) {
    this.sink = sink
    this.epoch = epoch
  }

  get once(): ExactlyOnceSink<T> {
    return this.sink as ExactlyOnceSink<T>
  }

  token(batchTime: number): BatchToken {
    return { program: 'conformance', operatorId: 'out', batchTime, epoch: this.epoch }
  }

  async open(): Promise<this> {
    const { program, operatorId, epoch } = this.token(0)
    await this.sink.open?.({ program, operatorId, epoch, logger: silentLogger })
    return this
  }

  async close(): Promise<void> {
    await this.sink.close?.(this.token(0))
  }

  /** One attempt, up to its message: as data, since it comes from elsewhere. */
  async attempt(
    batchTime: number,
    at: { readonly partition: number; readonly attempt?: number; readonly isAbandoned?: boolean },
    records: readonly T[],
  ): Promise<unknown> {
    const { partition, attempt = 0, isAbandoned = false } = at
    const writer = await this.sink.writer({ ...this.token(batchTime), partition, attempt })
    try {
      for (const record of records) await writer.write([record])
      if (isAbandoned) return await writer.abort()
      return decodeRecords(encodeRecords([await writer.prepare()]))[0]
    } finally {
      await writer.close?.()
    }
  }

  /** Begins, and prepares a partition for each list of records. */
  async prepare(batchTime: number, partitions: readonly (readonly T[])[]): Promise<unknown[]> {
    await this.sink.begin?.(this.token(batchTime))
    const messages: unknown[] = []
    for (const [partition, records] of partitions.entries())
      messages.push(await this.attempt(batchTime, { partition }, records))
    return messages
  }

  async commit(batchTime: number, messages: readonly unknown[]): Promise<void> {
    await this.sink.commit?.(this.token(batchTime), messages)
  }

  async write(batchTime: number, partitions: readonly (readonly T[])[]): Promise<void> {
    await this.commit(batchTime, await this.prepare(batchTime, partitions))
  }

  async held(...batchTimes: readonly number[]): Promise<readonly number[]> {
    const tokens = batchTimes.map(time => this.token(time))
    return (await this.once.committed(tokens)).map(({ batchTime }) => batchTime)
  }
}

/** A place under trial. */
export class Trial<T> {
  readonly place: SinkPlace<T>
  private readonly records: readonly T[]
  private readonly drivers: Driver<T>[] = []

  constructor(place: SinkPlace<T>, records: readonly T[]) {
    this.place = place
    this.records = records
  }

  /** Some of the records, in two partitions; other ones for each `n`. */
  some(n: 0 | 1): readonly (readonly T[])[] {
    const from = n * 3
    return [this.records.slice(from, from + 1), this.records.slice(from + 1, from + 3)]
  }

  start(epoch: number): Promise<Driver<T>> {
    const driver = new Driver(this.place.sink(), epoch)
    this.drivers.push(driver)
    return driver.open()
  }

  /** Lets go of what drivers hold that died in a case, but not with their process. */
  async end(): Promise<void> {
    for (const driver of this.drivers) {
      try {
        await driver.close()
      } catch {
        // The case has told what is wrong.
      }
    }
  }

  fail(reason: string): never {
    throw new KindlingError('SINK_NOT_CONFORMING', { sink: this.place.sink().name, reason })
  }

  /** A reader sees exactly these. */
  async expect(when: string, ...parts: readonly (readonly (readonly T[])[])[]): Promise<void> {
    const texts = (records: readonly T[]): string[] => records.map(record => describeValue(record)).sort()
    const expected = texts(parts.flat(2))
    const seen = texts(await this.place.read())
    if (isDeepStrictEqual(seen, expected)) return
    this.fail(`${when}, readers see ${describeValue(seen)} instead of ${describeValue(expected)}`)
  }

  async expectNothingElse(when: string): Promise<void> {
    const left = (await this.place.leftovers?.()) ?? []
    if (left.length > 0) this.fail(`${when}, this is left over: ${left.join(', ')}`)
  }

  async expectHeld(driver: Driver<T>, asked: readonly number[], expected: readonly number[]): Promise<void> {
    const held = [...(await driver.held(...asked))].sort((a, b) => a - b)
    if (!isDeepStrictEqual(held, [...expected]))
      this.fail(
        `committed gives ${describeValue(held)} of ${describeValue(asked)}, instead of ${describeValue(expected)}`,
      )
  }

  /** A late step of a driver that was overtaken: refused by SINK_FENCED, or without effect. */
  async overtaken(step: () => Promise<unknown>): Promise<void> {
    try {
      await step()
    } catch (error) {
      if (!isKindlingError(error, 'SINK_FENCED'))
        throw new KindlingError(
          'SINK_NOT_CONFORMING',
          {
            sink: this.place.sink().name,
            reason: `a driver that was overtaken is to be refused with SINK_FENCED, not ${describeValue(error)}`,
          },
          { cause: error },
        )
    }
  }

  async rejects(when: string, step: () => Promise<unknown>): Promise<void> {
    try {
      await step()
    } catch {
      return
    }
    this.fail(`${when}, and nothing was thrown`)
  }
}
