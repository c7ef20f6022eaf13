/** Reads ranges of objects, on whichever thread needs them. */
import type { Operator } from 'opendal'
import { SystemClock } from '../../base/clock.ts'
import type { RemoteReader } from '../../rdd/sources/remote-files.ts'
import { operatorOf } from './library.ts'
import { type ObjectStoreOptions, settingsOf } from './options.ts'
import { type Ask, patiently } from './patience.ts'

/** Read at a time; the next piece is on its way while one is used. */
const PIECE_BYTES = 4 * 1024 * 1024
/** Beyond the end of a range: as much as the rest of its last line takes, nearly always. */
const TAIL_BYTES = 64 * 1024

/** What reads need besides their range. */
interface Known {
  readonly bytes: number
  /** Which version of the object; a read of another one fails. */
  readonly version: { readonly ifMatch?: string }
}

/** @throws INVALID_ARGUMENT, UNSUPPORTED_SCHEME for options of no store */
export function objectReader(options: ObjectStoreOptions): RemoteReader {
  const store = settingsOf(options)
  const clock = new SystemClock()
  const ask = async <R>(path: string, call: Ask<R>, bytes = 0): Promise<R> => {
    const operator = await operatorOf(store)
    return patiently({ store, clock, what: `the file ${path}`, bytes }, () => call(operator))
  }
  const range = (path: string, offset: number, length: number, { version }: Pick<Known, 'version'>) =>
    length === 0
      ? Promise.resolve(Buffer.alloc(0))
      : ask(
          path,
          operator => operator.read(path, { offset: BigInt(offset), size: BigInt(length), ...version }),
          length,
        )
  return {
    read: (path, offset, length) => range(path, offset, length, { version: {} }),
    async *stream(path, offset, end = Number.POSITIVE_INFINITY) {
      const known = await ask(path, operator => knownOf(operator, path))
      const wanted = Math.min(known.bytes, end + TAIL_BYTES)
      const piece = (at: number): Promise<Uint8Array> => {
        const rest = at < wanted ? wanted - at : known.bytes - at
        // A short rest comes with the piece before it.
        const length = rest <= PIECE_BYTES + TAIL_BYTES ? rest : PIECE_BYTES
        const read = range(path, at, length, known)
        // Its failure is met where it is awaited, if anybody still reads then.
        read.catch(() => {})
        return read
      }
      let at = offset
      let next = at < wanted ? piece(at) : undefined
      while (at < known.bytes) {
        const bytes = await (next ?? piece(at))
        at += bytes.length
        next = at < wanted ? piece(at) : undefined
        yield bytes
      }
    },
  }
}

async function knownOf(operator: Operator, path: string): Promise<Known> {
  const found = await operator.stat(path)
  const { etag } = found
  const isTold = etag !== null && operator.capability().readWithIfMatch
  return { bytes: Number(found.contentLength ?? 0n), version: isTold ? { ifMatch: etag } : {} }
}
