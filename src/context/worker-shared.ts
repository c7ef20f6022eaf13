/** Broadcasts and accumulators of a worker thread. */
import type { Logger } from '../base/logger.ts'
import { encodeRecords } from '../data/codec.ts'
import type { UpdateData } from '../executor/threads/messages.ts'
import type { WorkerShared } from '../executor/threads/worker-loop.ts'
import type { TaskResult } from '../scheduler/task.ts'
import { type AccumulatorV2, accumulatorOf, adoptAccumulator, fieldsOfUpdate } from './accumulator.ts'
import { ReceivedBroadcasts } from './broadcast.ts'

/** See the file head. */
export class ThreadShared implements WorkerShared {
  private readonly broadcasts = new ReceivedBroadcasts()
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
    return accumulatorOf(id)
  }

  putAccumulator(id: number, name: string | undefined, zero: object): object {
    const accumulator = zero as AccumulatorV2<never, unknown>
    return accumulatorOf(id) ?? adoptAccumulator(accumulator, { id, name, logger: this.logger })
  }

  updates(result: TaskResult): UpdateData[] {
    return result.updates.map(update => ({
      id: update.id,
      fields: encodeRecords([fieldsOfUpdate(update)]),
    }))
  }
}
