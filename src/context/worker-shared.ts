/** Broadcasts and accumulators of a worker. */
import type { Logger } from '../base/logger.ts'
import { encodeRecords } from '../data/codec.ts'
import type { UpdateData } from '../executor/threads/messages.ts'
import type { WorkerShared } from '../executor/threads/worker-loop.ts'
import type { TaskResult } from '../scheduler/task.ts'
import { type AccumulatorV2, adoptAccumulator, fieldsOfUpdate, KnownAccumulators } from './accumulator.ts'
import { ReceivedBroadcasts } from './broadcast.ts'

/** See the file head. */
export class ThreadShared implements WorkerShared {
  private readonly broadcasts = new ReceivedBroadcasts()
  private readonly accumulators = new KnownAccumulators()
  private readonly logger: Logger

  constructor(logger: Logger) {
    this.logger = logger
  }

  broadcast(id: number): unknown {
    return this.broadcasts.of(id)
  }

  putBroadcast(id: number, bytes: Uint8Array | undefined): void {
    this.broadcasts.put(id, bytes)
  }

  accumulator(id: number): unknown {
    return this.accumulators.of(id)
  }

  putAccumulator(id: number, name: string | undefined, zero: object): object {
    const known = this.accumulators.of(id)
    if (known !== undefined) return known
    const accumulator = adoptAccumulator(zero as AccumulatorV2<never, unknown>, {
      ...{ id, name, logger: this.logger },
    })
    this.accumulators.add(id, accumulator)
    return accumulator
  }

  updates(result: TaskResult): UpdateData[] {
    return result.updates.map(update => ({
      id: update.id,
      fields: encodeRecords([fieldsOfUpdate(update)]),
    }))
  }
}
