// PLACEHOLDER
import type { InputSource } from '../input-source.ts'
import type { Receiver } from './receiver.ts'
export class ReceiverSource<T> implements InputSource<T> {
  name = 'x'
  constructor(_r: Receiver<T>) {}
  start(): void {}
  stop(): void {}
  plan() {
    return { rdd: undefined, numRecords: 0 }
  }
}
