// PLACEHOLDER
export interface QueueStreamOptions<T> {
  read?: T
}
export type QueueLike<T> = T[]
export function queueSource<T>(_d: QueueLike<T>, _o: QueueStreamOptions<T>): never {
  throw new Error()
}
