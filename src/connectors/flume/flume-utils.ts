/** Streams of Flume. */
import type { TlsOptions } from 'node:tls'
import { capture } from '../../rdd/functions/explicit.ts'
import { StorageLevel } from '../../rdd/storage-level.ts'
import type { DStream } from '../../streaming/dstream/dstream.ts'
import { ReceiverSource } from '../../streaming/receiver/receiver-source.ts'
import { networkReceiver } from '../../streaming/receiver/thread/thread-receiver.ts'
import type { StreamingContext } from '../../streaming/streaming-context.ts'
import { FlumeReceiver } from './flume-receiver.ts'

/** An event of Flume. */
export interface FlumeEvent {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/** The rarer settings of a Flume stream. */
export interface FlumeStreamOptions {
  /** Default `MEMORY_AND_DISK_SER_2`. */
  readonly storageLevel?: StorageLevel
  /** For sinks with `compression-type = deflate`; it must be the same on both sides. Default false. */
  readonly enableDecompression?: boolean
  /** For sinks with `ssl = true`: key and certificate of this side, as Node takes them. */
  readonly tls?: Pick<TlsOptions, 'key' | 'cert' | 'ca' | 'pfx' | 'passphrase' | 'requestCert' | 'minVersion'>
}

/** Streams of Flume, by the names that Spark had for them. */
export const FlumeUtils = {
  /**
   * Events that the Avro sinks of Flume agents send here: this side listens, on `hostname` only. Needs the package `avsc`.
   *
   * Partitions: one for each batch of a sink. An agent is told that a batch is taken once its block is stored; with
   * `spark.streaming.receiver.writeAheadLog.enable`, once it is in the checkpoint directory, so that nothing acknowledged is lost. A batch that
   * is not acknowledged comes again: at least once.
   *
   * @param hostname of this machine, as the sinks know it. Use `127.0.0.1` for agents on this machine only
   * @throws FLUME_NOT_LISTENING (to listeners of the stream) when the port is taken
   * @source Spark FlumeUtils.createStream
   * @example
   * const events = FlumeUtils.createStream(ssc, '127.0.0.1', 41414)
   * const lines = events.map(({ body }) => new TextDecoder().decode(body)) // DStream<string>
   */
  createStream(
    ssc: StreamingContext,
    hostname: string,
    port: number,
    options: FlumeStreamOptions = {},
  ): DStream<FlumeEvent> {
    const { storageLevel = StorageLevel.MEMORY_AND_DISK_SER_2, ...settings } = options
    const address = { host: hostname, port }
    const make = capture(
      { FlumeReceiver, address, settings },
      (level?: StorageLevel) => new FlumeReceiver(address, settings, level),
    )
    return ssc.inputStream(
      new ReceiverSource<FlumeEvent>(
        given => networkReceiver(given, storageLevel, make),
        `Flume ${hostname}:${port}`,
      ),
    )
  },
}
