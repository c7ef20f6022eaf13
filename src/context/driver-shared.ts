/** What the driver shares with its workers: broadcasts as bytes, accumulators by class and fields. */
import { KindlingError } from '../base/errors.ts'
import { decodeRecords, encodeRecords } from '../data/codec.ts'
import type { UpdateData } from '../executor/threads/messages.ts'
import type { DriverShared } from '../executor/threads/thread-backend.ts'
import { capture } from '../rdd/functions/explicit.ts'
import { readFunction } from '../rdd/functions/free-variables.ts'
import type { TaskUpdate } from '../scheduler/task.ts'
import { accumulatorOf, updateOfFields } from './accumulator.ts'
import type { BroadcastStore } from './broadcast.ts'

/** See the file head. */
export class ContextShared implements DriverShared {
  private readonly broadcasts: BroadcastStore
  /** In shared memory, once for all threads. */
  private readonly bytes = new Map<number, Uint8Array>()

  constructor(broadcasts: BroadcastStore) {
    this.broadcasts = broadcasts
  }

  broadcast(id: number): Uint8Array | undefined {
    let bytes = this.bytes.get(id)
    if (bytes === undefined && this.broadcasts.has(id)) {
      const encoded = encodeRecords([this.broadcasts.read(id)])
      bytes = new Uint8Array(new SharedArrayBuffer(encoded.length))
      bytes.set(encoded)
      this.bytes.set(id, bytes)
    }
    return bytes
  }

  /** The value was destroyed. */
  forget(id: number): void {
    if (!this.broadcasts.has(id)) this.bytes.delete(id)
  }

  accumulator(id: number): { readonly name: string | undefined; readonly zero: () => object } {
    const accumulator = accumulatorOf(id)
    if (accumulator === undefined)
      throw new KindlingError('ILLEGAL_STATE', {
        what: 'Adding to an accumulator',
        reason: 'the program does not hold it any more',
      })
    const C = accumulator.constructor as { readonly name: string; readonly prototype: object }
    if (readFunction(Function.prototype.toString.call(C))?.hasPrivateFields === true)
      throw new KindlingError('CLOSURE_NOT_TRANSFERABLE', {
        function: `that adds to accumulator ${accumulator.name ?? id}`,
        variable: 'it',
        type: `an accumulator of class ${C.name}, which has #private fields`,
        advice: 'Declare them with TypeScript’s private: an attempt’s copy travels by its fields.',
      })
    const fields = { ...accumulator.copyAndReset() }
    return {
      name: accumulator.name,
      zero: capture({ C, fields }, () => Object.assign(Object.create(C.prototype), fields) as object),
    }
  }

  update({ id, fields }: UpdateData): TaskUpdate | undefined {
    return updateOfFields(id, decodeRecords(fields)[0])
  }
}
