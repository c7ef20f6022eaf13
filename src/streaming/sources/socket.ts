/**
 * TCP clients as sources: one connection, made again after a delay when it fails or ends.
 *
 * Text is cut into whole lines and stays bytes. While the rate limit or a lack of room makes the engine wait, the socket is paused, so
 * that the sender is slowed down by TCP itself.
 */
import { configEntries } from '../../base/config.ts'
import { KindlingError } from '../../base/errors.ts'
import { capture } from '../../rdd/functions/explicit.ts'
import type { StorageLevel } from '../../rdd/storage-level.ts'
import type { InputSource } from '../input-source.ts'
import { Receiver } from '../receiver/receiver.ts'
import { ReceiverSource } from '../receiver/receiver-source.ts'
import { networkReceiver } from '../receiver/thread/thread-receiver.ts'
import {
  type Address,
  type BadLine,
  type BytesConverter,
  SocketReceiver,
  SocketTextReceiver,
} from './socket-receiver.ts'

/** Lines of text. */
export function socketTextSource(
  host: string,
  port: number,
  level: StorageLevel,
  keepsLong = false,
): ReceiverSource<string> {
  const address = checkedAddress(host, port)
  return new ReceiverSource<string>(given => {
    const settings = { maxLineBytes: given.conf.get(configEntries.textMaxLineBytes), keepsLong }
    const make = capture(
      { SocketTextReceiver, address, settings },
      (to?: StorageLevel) => new SocketTextReceiver(address, settings, to),
    )
    return networkReceiver(given, level, make)
  }, `socket ${host}:${port}`)
}

/** Lines of text, and as a source of its own, with a log of its own, the lines that are too long. */
export function socketTextSources(
  host: string,
  port: number,
  level: StorageLevel,
): { readonly lines: InputSource<string>; readonly longLines: InputSource<BadLine> } {
  const lines = socketTextSource(host, port, level, true)
  const receiver = new LongLineReceiver(level)
  lines.onBad = bad => receiver.take(bad as BadLine)
  return { lines, longLines: new ReceiverSource<BadLine>(receiver, `long lines of ${lines.name}`) }
}

/** Gets what another receiver cannot take: it reads nothing itself. */
class LongLineReceiver extends Receiver<BadLine> {
  /** Those that came before it had started; `undefined` afterwards. */
  private early: BadLine[] | undefined = []

  override onStart(): void {
    const { early = [] } = this
    this.early = undefined
    for (const line of early) this.take(line)
  }

  take(line: BadLine): void {
    if (this.early === undefined) void this.handOver(line)
    else this.early.push(line)
  }

  private async handOver(line: BadLine): Promise<void> {
    try {
      await this.store(line)
    } catch (error) {
      this.reportError(`a line was dropped: ${line.error.message}`, error)
    }
  }
}

/** Records that a converter makes. */
export function socketSource<T>(
  host: string,
  port: number,
  converter: BytesConverter<T>,
  level: StorageLevel,
): InputSource<T> {
  const address = checkedAddress(host, port)
  const make = capture(
    { SocketReceiver, address, converter },
    (to?: StorageLevel) => new SocketReceiver(address, converter, to),
  )
  return new ReceiverSource<T>(given => networkReceiver(given, level, make), `socket ${host}:${port}`)
}

/** @throws INVALID_ARGUMENT for a port that is none */
export function checkedAddress(host: string, port: number): Address {
  if (Number.isInteger(port) && port > 0 && port < 65_536) return { host, port }
  throw new KindlingError('INVALID_ARGUMENT', {
    what: 'the port of a socket stream',
    value: port,
    expected: 'a whole number from 1 to 65535',
  })
}
