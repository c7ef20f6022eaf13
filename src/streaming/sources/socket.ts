// PLACEHOLDER
export type BytesConverter<T> = (x: AsyncIterable<Uint8Array>) => AsyncIterable<T>
export function socketSource<T>(..._d: unknown[]): import('../input-source.ts').InputSource<T> {
  throw new Error()
}
export function socketTextSource(..._d: unknown[]): never {
  throw new Error()
}
