// PLACEHOLDER
import v8 from 'node:v8'
export function encodeRecords(records: readonly unknown[]): Uint8Array {
  return v8.serialize(records)
}
export function decodeRecords(bytes: Uint8Array): unknown[] {
  return v8.deserialize(bytes) as unknown[]
}
export function encodePairs(keys: readonly unknown[], values: readonly unknown[]): Uint8Array {
  return v8.serialize({ keys, values })
}
export function decodePairs(bytes: Uint8Array): { keys: unknown[]; values: unknown[] } {
  return v8.deserialize(bytes) as { keys: unknown[]; values: unknown[] }
}
export function copyValue<T>(v: T): T {
  return isImmutable(v) ? v : structuredClone(v)
}
export function isImmutable(v: unknown): boolean {
  return (typeof v !== 'object' || v === null) && typeof v !== 'function' && typeof v !== 'symbol'
}
