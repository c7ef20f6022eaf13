// PLACEHOLDER
export type StreamLike<T> = Iterable<T>
export function iterableSource<T>(_d: StreamLike<T>): never {
  throw new Error()
}
