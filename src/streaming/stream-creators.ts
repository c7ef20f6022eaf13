/** How streams begin: a method for each kind of source. The StreamingContext has them all. */
import type { Time } from '../base/time.ts'
import type { CsvRecord } from '../context/known-files.ts'
import type { DeadLetter } from '../rdd/dead-letters/dead-letter.ts'
import type { CsvRow } from '../rdd/formats/csv-input.ts'
import type { CsvOptions } from '../rdd/formats/csv-rows.ts'
import { capture } from '../rdd/functions/explicit.ts'
import type { Mapped, RDD } from '../rdd/rdd.ts'
import { currentScope, describeScope, operator } from '../rdd/scope.ts'
import { listInputFiles } from '../rdd/sources/file-listing.ts'
import type { RemoteFiles } from '../rdd/sources/remote-files.ts'
import { checkRecordBytes } from '../rdd/sources/source-node.ts'
import { StorageLevel } from '../rdd/storage-level.ts'
import type { OnErrorOptions } from './delivery/tried-stream.ts'
import { DirectInput } from './direct/direct-input.ts'
import type { DirectSource } from './direct/direct-source.ts'
import type { DStream } from './dstream/dstream.ts'
import type { AnyStream } from './dstream/recipe.ts'
import { transformed, unioned } from './dstream/transformed.ts'
import type { InputSource } from './input-source.ts'
import { Receiver } from './receiver/receiver.ts'
import { ReceiverSource } from './receiver/receiver-source.ts'
import { type ReceiverStreamOptions, ThreadReceiver } from './receiver/thread/thread-receiver.ts'
import { type FileStreamOptions, fileSource, textFileSource } from './sources/file.ts'
import { iterableSource, type StreamLike } from './sources/iterable.ts'
import { type QueueLike, type QueueStreamOptions, queueSource } from './sources/queue.ts'
import { rawSocketSource } from './sources/raw-socket.ts'
import { socketSource, socketTextSource, socketTextSources } from './sources/socket.ts'
import type { BadLine, BytesConverter } from './sources/socket-receiver.ts'
import {
  type CsvStreamOptions,
  csvStream,
  FileStreamsInPlace,
  type FilesToTake,
} from './sources/streams-in-place.ts'

/** The part of a StreamingContext that makes streams. */
export abstract class StreamCreators {
  /** @internal The stream of a source, registered with its context under the name of the calling method. */
  protected abstract input<T>(name: string, source: InputSource<T>): DStream<T>

  /**
   * Lines of text from a TCP server. The connection is made again after `spark.streaming.receiverRestartDelay` when it fails or
   * ends.
   *
   * Shape: one string for each line, without its end; bytes that are no UTF-8 become U+FFFD. Partitions: one for each block
   * interval in which something came. Delivery: what was not received when the connection broke is the sender's matter. With worker
   * threads (`local[N]`) the connection is read on a thread of its own; when that ends, text on its way is lost with it.
   *
   * @param options.onError takes lines longer than `kindling.text.maxLineBytes`: where in their connection they began, how long they were,
   * and their first 4 KiB. They are an input of the program beside the lines. Without it such a line is dropped, and told to
   * `onReceiverError`
   * @example
   * ssc.socketTextStream('localhost', 9999).flatMap(line => line.split(' ')) // for a test: nc -lk 9999
   */
  socketTextStream(
    host: string,
    port: number,
    level: StorageLevel = StorageLevel.MEMORY_AND_DISK_SER_2,
    { onError }: OnErrorOptions = {},
  ): DStream<string> {
    if (onError === undefined) return this.input('socketTextStream', socketTextSource(host, port, level))
    return operator('socketTextStream', () => {
      const { lines, longLines } = socketTextSources(host, port, level)
      const stream = this.input('socketTextStream', lines)
      onError.add(receivedLetters(this.input('longLines', longLines)))
      return stream
    })
  }

  /**
   * Records that `converter` makes of the bytes of each connection to a TCP server. With worker threads it runs where sockets are
   * read, if it can travel there, else on the program's own thread.
   *
   * @example
   * ssc.socketStream('localhost', 9999, async function* (bytes) {
   *   for await (const piece of bytes) yield piece.length
   * })
   */
  socketStream<T>(
    host: string,
    port: number,
    converter: BytesConverter<T>,
    level: StorageLevel = StorageLevel.MEMORY_AND_DISK_SER_2,
  ): DStream<T> {
    return this.input('socketStream', socketSource(host, port, converter, level))
  }

  /**
   * Records of blocks that another program encoded: frames of 4 bytes, big-endian, with the length of a block, and the block in the
   * format of docs/reference/block-format.md. Nothing is decoded before a task needs it.
   *
   * Partitions: one for each block. Delivery: as `socketTextStream`.
   *
   * @source Spark RawInputDStream
   * @example
   * await using sender = await rawSocketSender(() => [['a', 'b'], ['c']])
   * t.collect('out', ssc.rawSocketStream<string>('127.0.0.1', sender.port))
   * await t.until(async () => {
   *   await t.run(1)
   *   return t.out('out').batches.flat().length === 3
   * })
   * t.out('out').batches.flat() // => ['a', 'b', 'c']
   */
  rawSocketStream<T>(
    host: string,
    port: number,
    level: StorageLevel = StorageLevel.MEMORY_AND_DISK_SER_2,
  ): DStream<T> {
    return this.input('rawSocketStream', rawSocketSource<T>(host, port, level))
  }

  /**
   * Records that a receiver of your own stores. Partitions: one for each block interval in which something came, and for each block it
   * stores itself.
   *
   * With `thread`, the receiver runs on one thread beside the program's, with all others that ask for it: what it computes holds up
   * neither batches nor timers. It travels as functions do; a function that makes it is safest. `store`, `storeMany` and the rest mean
   * the same there. When that thread ends, its receivers start again on another; single records on their way are lost with it.
   *
   * @param receiver or a function that makes it
   * @throws CLOSURE_NOT_TRANSFERABLE, CAPTURE_REASSIGNED, INVALID_ARGUMENT, with `thread`, for what cannot go there
   * @source Spark ReceiverInputDStream
   * @example
   * class Greeting extends Receiver<string> {
   *   override async onStart() {
   *     await this.store('hello')
   *   }
   * }
   * ssc.receiverStream(new Greeting()) // => [['hello'], []]
   * ssc.receiverStream(() => new Greeting(), { thread: true }) // the same, on the thread of receivers
   */
  receiverStream<T>(
    receiver: Receiver<T> | (() => Receiver<T>),
    { thread = false }: ReceiverStreamOptions = {},
  ): DStream<T> {
    const isMade = receiver instanceof Receiver
    if (!thread) return this.input('receiverStream', new ReceiverSource(isMade ? receiver : receiver()))
    const away = new ThreadReceiver<T>(
      isMade ? capture({ receiver }, () => receiver) : receiver,
      isMade ? receiver.storageLevel : undefined,
    )
    const name = isMade ? receiver.constructor.name : receiver.name
    return this.input('receiverStream', new ReceiverSource(away, name === '' ? 'receiver' : name))
  }

  /**
   * One queued RDD (or array) for each batch, or all that wait; then empty RDDs, or the default of the options. What is pushed to the
   * queue later comes too. For tests and experiments: a restart from a checkpoint is refused.
   *
   * @example
   * ssc.queueStream([[1, 2], sc.parallelize([3])]) // => [[1, 2], [3], []]
   */
  queueStream<T extends Mapped>(queue: QueueLike<T>, opts: QueueStreamOptions<T> = {}): DStream<T> {
    return this.input('queueStream', queueSource(queue, opts))
  }

  /**
   * Lines of the text files that appear in a directory. Publish files by an atomic rename; they are found by modification time, and each
   * is read once.
   *
   * @param directory or a glob of directories; one that does not exist yet is waited for
   * @param options.onError takes lines longer than `kindling.text.maxLineBytes`: where they begin, how long they are, and their first
   * 4 KiB. The files are read once more for that. Without it such a line fails the batch
   * @source Spark FileInputDStream
   * @example
   * t.collect('out', ssc.textFileStream(`${dir}/in`).filter(line => line.includes('ERROR')))
   * await ssc.start()
   * t.file('in/a.log', 'ok\nERROR disk full\n', { at: 500 })
   * await t.run(1)
   * t.out('out').batches // => [['ERROR disk full']]
   */
  textFileStream(directory: string, { onError }: OnErrorOptions = {}): DStream<string> {
    if (onError === undefined) return this.input('textFileStream', fileSource<string>(directory, {}))
    return operator('textFileStream', () => {
      const { source, longLines } = textFileSource(directory)
      const lines = this.input('textFileStream', source)
      onError.add(longLineLetters(lines, longLines))
      return lines
    })
  }

  /**
   * {@link StreamingContext.textFileStream} with a filter, old files, and a reader of your own.
   *
   * @example
   * const users = ssc.fileStream(`${dir}/in`, {
   *   filter: path => path.endsWith('.ndjson'),
   *   read: (sc, path) => sc.ndjsonFile<{ user: string }>(path).map(({ user }) => user),
   * })
   * t.collect('out', users)
   * await ssc.start()
   * t.file('in/a.ndjson', '{"user":"ann"}\n', { at: 500 })
   * await t.run(1)
   * t.out('out').batches // => [['ann']]
   */
  fileStream<T = string>(directory: string, opts: FileStreamOptions<T> = {}): DStream<T> {
    return this.input('fileStream', fileSource<T>(directory, opts))
  }

  /**
   * Streams of the files that appear in another place: in an object store, in HDFS.
   *
   * @param place an `ObjectStore`, `HdfsFiles`, or one of your own
   * @example
   * ssc.filesIn(place).textFileStream('in').filter(line => line.includes('o')) // => [['one', 'two'], []]
   */
  filesIn(place: RemoteFiles): FileStreamsInPlace {
    return new FileStreamsInPlace((name, source) => this.input(name, source), place)
  }

  /**
   * The rows of the CSV files that appear in a directory, as records; see {@link SparkContext.csvFile} and
   * {@link StreamingContext.textFileStream}.
   *
   * @param options.onError takes rows that are none; without it such a row fails the batch
   * @example
   * t.collect('out', ssc.csvFileStream(`${dir}/in`, { columns: { name: 'string', age: 'number' } }))
   * await ssc.start()
   * t.file('in/a.csv', 'name,age\nann,31\n', { at: 500 })
   * await t.run(1)
   * t.out('out').batches // => [[{ name: 'ann', age: 31 }]]
   */
  csvFileStream<T = CsvRecord>(
    directory: string,
    options: FilesToTake & CsvStreamOptions<T> = {},
  ): DStream<T> {
    const { filter, newFilesOnly } = options
    return csvStream(options, () =>
      this.input(
        'csvFileStream',
        fileSource<CsvRow>(directory, {
          ...(filter === undefined ? {} : { filter }),
          ...(newFilesOnly === undefined ? {} : { newFilesOnly }),
          read: (sc, path) => sc.localFiles().csvTexts(sizedFile(path), options as CsvOptions<never>),
        }),
      ),
    )
  }

  /**
   * The records, `recordBytes` each, of the binary files that appear in a directory; see {@link StreamingContext.textFileStream}.
   *
   * @throws INVALID_ARGUMENT unless `recordBytes` is a whole number of at least 1
   * @throws FILE_DAMAGED (fails the batch) when the length of a file is no multiple of `recordBytes`
   * @example
   * t.collect('out', ssc.binaryRecordsStream(`${dir}/in`, 2).map(bytes => Buffer.from(bytes).readUInt16BE()))
   * await ssc.start()
   * t.file('in/a.bin', new Uint8Array([0, 1, 1, 0]), { at: 500 })
   * await t.run(1)
   * t.out('out').batches // => [[1, 256]]
   */
  binaryRecordsStream(directory: string, recordBytes: number): DStream<Uint8Array> {
    checkRecordBytes(recordBytes)
    return this.input(
      'binaryRecordsStream',
      fileSource<Uint8Array>(directory, { read: (sc, path) => sc.binaryRecords(path, recordBytes) }),
    )
  }

  /**
   * The records of an async iterable, an iterable, a Node stream or a web stream. It is read as fast as batches take them.
   *
   * @example
   * ssc.iterableStream([1, 2, 3]).map(n => n * 2) // => [[2, 4, 6], []]
   */
  iterableStream<T>(input: StreamLike<T>): DStream<T> {
    return this.input('iterableStream', iterableSource(input))
  }

  /**
   * The stream of a direct source: the driver plans which ranges a batch reads, and tasks read exactly these.
   *
   * Partitions: those that the source makes, mostly one for each range. Delivery: with a checkpoint directory plans and positions are
   * written down before anything is read, so each record is in one batch, also after a crash. Rate: with back-pressure what batches can
   * take, and at first 100,000 records/s or `spark.streaming.backpressure.initialRate`.
   *
   * @throws RECORD_NOT_ENCODABLE (fails the batch) for ranges or positions that are no data
   * @source Spark KafkaUtils.createDirectStream, for any source
   * @example
   * const source: DirectSource<number, number, number> = {
   *   name: 'squares',
   *   plan: ({ position = 0 }) => ({ ranges: [position], position: position + 1, numRecords: 1 }),
   *   read: (sc, ranges) => sc.fromPartitions(ranges, n => [n * n]),
   *   close() {},
   * }
   * ssc.directStream(source) // => [[0], [1], [4]]
   */
  directStream<T, R, P>(source: DirectSource<T, R, P>): DStream<T> {
    return this.input('directStream', new DirectInput(source))
  }

  /**
   * The stream of an input that does all of what the engine asks by itself. Mostly {@link StreamingContext.directStream} or
   * {@link StreamingContext.receiverStream} is what you want.
   *
   * @example
   * ssc.inputStream({
   *   name: 'ones',
   *   start() {},
   *   stop() {},
   *   plan: () => ({ rdd: sc.parallelize([1]), numRecords: 1 }),
   * }) // => [[1], [1]]
   */
  inputStream<T>(source: InputSource<T>): DStream<T> {
    return this.input('inputStream', source)
  }

  /**
   * The records of several streams.
   *
   * @throws INVALID_ARGUMENT for none, or unless all slide alike
   * @example
   * ssc.union([words, lines]) // => [['a', 'b', 'a', 'to be or'], ['b', 'not to be']]
   */
  union<T>(streams: readonly DStream<T>[]): DStream<T> {
    return unioned(streams)
  }

  /**
   * Any function of the RDDs of several streams, called on the driver for each batch.
   *
   * @param f gets the RDDs in the order of the streams, each with the type of its stream
   * @throws INVALID_ARGUMENT for none, or unless all slide alike and belong to this context
   * @throws NO_RDD (fails the batch) when a stream has no RDD, or `f` gives none
   * @example
   * ssc.transform([pairs, words], ([counts, all]) => counts.keys().union(all)) // => [['a', 'b', 'a', 'b', 'a'], ['a', 'b']]
   */
  transform<const T extends readonly unknown[], R>(
    streams: readonly [...{ [I in keyof T]: DStream<T[I]> }],
    f: (rdds: { [I in keyof T]: RDD<T[I]> }, time: Time) => RDD<R>,
  ): DStream<R> {
    return transformed('transform', streams as readonly AnyStream[], f as never)
  }
}

/** The letters of lines that a socket had and that are too long. */
function receivedLetters(lines: DStream<BadLine>): DStream<DeadLetter> {
  const name = describeScope(currentScope('socketTextStream'))
  return lines.derive<DeadLetter>('deadLetters', {
    dependencies: [lines as AnyStream],
    compute(time) {
      const place = { operator: name, batchTime: time.milliseconds }
      return lines
        .getOrCompute(time)
        ?.mapPartitionsWithIndex((partition, found) =>
          Array.from(found, (line, index) => ({ value: undefined, ...line, ...place, partition, index })),
        )
    },
  })
}

/** The letters of lines of text that are too long, with the stream as the operation that they are from. */
function longLineLetters(
  lines: DStream<string>,
  longLines: (rdd: RDD<string>) => RDD<DeadLetter> | undefined,
): DStream<DeadLetter> {
  const name = describeScope(currentScope('textFileStream'))
  return lines.derive<DeadLetter>('deadLetters', {
    dependencies: [lines as AnyStream],
    compute(time) {
      const rdd = lines.getOrCompute(time)
      const letters = rdd === undefined ? undefined : longLines(rdd)
      const place = { operator: name, batchTime: time.milliseconds }
      return letters?.mapPartitionsWithIndex((partition, found) =>
        Array.from(found, letter => ({ ...letter, ...place, partition })),
      )
    },
  })
}

/** A file of this machine, which was found before. */
function sizedFile(path: string): { readonly path: string; readonly bytes: number }[] {
  return listInputFiles(path).map(file => ({ path: file.path, bytes: file.size }))
}
