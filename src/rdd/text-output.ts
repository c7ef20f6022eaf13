/** Records as lines: how one looks, and a file of them. */
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { FileFormat } from './sink/file-format.ts'

/** Characters gathered before they are written. */
const WRITE_CHARACTERS = 1 << 18

function pack(text: string): Promise<Buffer> {
  return promisify(gzip)(text)
}

/** How lines are packed. */
export type Compression = 'none' | 'gzip'

/** How a record looks as a line: strings as they are, tuples and records as JSON, the rest by `String`. */
export function textOf(record: unknown): string {
  if (typeof record !== 'object' || record === null) return String(record)
  if (record instanceof Date) return record.toISOString()
  return JSON.stringify(record, jsonValue)
}

/** A record as JSON, strings too; what JSON has no form for at the top (undefined) becomes null. */
export function jsonOf(record: unknown): string {
  return JSON.stringify(record, jsonValue) ?? 'null'
}

/** JSON has no bigint, Map, Set or bytes: digits, entries, members and base64 stand for them. */
function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (value instanceof Map || value instanceof Set) return [...value]
  return value
}

/** One line for each record. Packed, each piece is a member of its own: together they are one packed text. */
export function lineFormat(lineOf: (record: unknown) => string, compression: Compression): FileFormat {
  const bytesOf = (text: string): Buffer | Promise<Buffer> =>
    compression === 'gzip' ? pack(text) : Buffer.from(text)
  return {
    suffix: compression === 'gzip' ? '.gz' : '',
    open(put) {
      let text = ''
      return {
        async add(records) {
          for (const record of records) {
            text += `${lineOf(record)}\n`
            if (text.length < WRITE_CHARACTERS) continue
            await put(await bytesOf(text))
            text = ''
          }
        },
        async end() {
          await put(await bytesOf(text))
        },
      }
    },
  }
}
