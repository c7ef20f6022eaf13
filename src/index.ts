/** The public names of `kindling`. */

export { type Clock, SystemClock, type Timer } from './base/clock.ts'
export type { Condition } from './base/conditions.ts'
export { Config, type ConfigEntry, configEntries } from './base/config.ts'
export {
  type ErrorCode,
  type ErrorContext,
  type ErrorDomain,
  type ErrorRetry,
  isKindlingError,
  KindlingError,
} from './base/errors.ts'
export { consoleLogger, type Logger, type LogLevel, silentLogger } from './base/logger.ts'
export type { Site, SourceLocation } from './base/source-location.ts'
export {
  Duration,
  type DurationLike,
  type DurationText,
  type DurationUnit,
  Interval,
  milliseconds,
  minutes,
  seconds,
  Time,
} from './base/time.ts'
export { AccumulatorV2 } from './context/accumulator.ts'
export { CollectionAccumulator, DoubleAccumulator, LongAccumulator } from './context/accumulators.ts'
export { Broadcast } from './context/broadcast.ts'
export { FilesInPlace } from './context/files-in-place.ts'
export type { JobGroupOptions } from './context/job-control.ts'
export type {
  AvroReadOptions,
  CsvReadOptions,
  CsvRecord,
  MinPartitions,
  ParquetReadOptions,
} from './context/known-files.ts'
export type { RDDInfo } from './context/persisted-nodes.ts'
export { type Refreshing, type RefreshingOptions, refreshing } from './context/refreshing.ts'
export { SparkContext, type SparkContextOptions } from './context/spark-context.ts'
export type { JobInfo, StageInfo, StatusTracker } from './context/status-tracker.ts'
export { registerClass } from './data/registered-class.ts'
export { type Lookup, type LookupOptions, lookup } from './executor/lookup.ts'
export type { LookupKey, LookupLoad } from './executor/lookup-cache.ts'
export { type Resource, type ResourceOptions, resource } from './executor/resource.ts'
export type { LongCall } from './executor/task-time.ts'
export type { EffectOptions } from './rdd/actions.ts'
export type { BoundedDouble } from './rdd/approximate/estimates.ts'
export { PartialResult } from './rdd/approximate/partial-result.ts'
export type { CoalescerInput, PartitionCoalescer } from './rdd/arrange-operations.ts'
export type { AsyncCall } from './rdd/async-map.ts'
export type { MapAsyncOptions } from './rdd/async-operations.ts'
export type { DeadLetter, LetterError } from './rdd/dead-letters/dead-letter.ts'
export { RDDDeadLetters, type RDDOnErrorOptions } from './rdd/dead-letters/rdd-dead-letters.ts'
export type { TextOutputOptions } from './rdd/file-actions.ts'
export type { AvroInputOptions } from './rdd/formats/avro-input.ts'
export type { AvroOutputOptions } from './rdd/formats/avro-output.ts'
export type { AvroSchema } from './rdd/formats/avro-schema.ts'
export type { CsvInputOptions } from './rdd/formats/csv-input.ts'
export type { CsvOutputOptions } from './rdd/formats/csv-output.ts'
export type { CsvOptions, CsvType, StandardResult, StandardSchema } from './rdd/formats/csv-rows.ts'
export type { ParquetInputOptions } from './rdd/formats/parquet-input.ts'
export { capture } from './rdd/functions/explicit.ts'
export { FutureAction } from './rdd/future-action.ts'
export type { Dependency, Partition } from './rdd/introspection.ts'
export type { Histogram } from './rdd/numeric-actions.ts'
export type { CombineOptions } from './rdd/pair-operations.ts'
export type { ParquetOutputOptions, ParquetType } from './rdd/parquet-output.ts'
export { HashPartitioner, type Partitioner, type Partitioning, RangePartitioner } from './rdd/partitioner.ts'
export type { PipeOptions } from './rdd/pipe.ts'
export type { TaskMetrics } from './rdd/ports.ts'
export { type Compare, RDD } from './rdd/rdd.ts'
export type { FileFormatName, FileFormatOptions } from './rdd/sink/file-format.ts'
export { type FileSinkOptions, fileSink } from './rdd/sink/file-sink.ts'
export type { FileStorage } from './rdd/sink/file-storage.ts'
export { type RollingSinkOptions, rollingFileSink } from './rdd/sink/rolling-sink.ts'
export type {
  BatchToken,
  ExactlyOnceMeans,
  ExactlyOnceSink,
  RepeatingSink,
  Sink,
  SinkBase,
  SinkOutput,
  SinkSession,
  SinkWriter,
  WriterFactory,
  WriteToken,
} from './rdd/sink/sink.ts'
export type { WriteRDDOptions } from './rdd/sink/write-rdd.ts'
export type { ListingOptions, RemoteFile, RemoteFiles, RemoteReader } from './rdd/sources/remote-files.ts'
export type { PartitionReader, PartitionsOptions } from './rdd/sources/user-made.ts'
export { StatCounter } from './rdd/stat-counter.ts'
export { StorageLevel } from './rdd/storage-level.ts'
export type {
  AccumulatorUpdate,
  JobEnded,
  JobStarted,
  SparkListener,
  StageCompleted,
  StageSubmitted,
  TaskEnded,
  TaskStarted,
} from './scheduler/events.ts'
export { LocalStorage } from './streaming/checkpoint/local-storage.ts'
export type { CheckpointStorage, CheckpointWriter } from './streaming/checkpoint/storage.ts'
export type {
  GetOrCreateOptions,
  StopOptions,
  StreamingContextOptions,
  StreamingContextState,
} from './streaming/context-options.ts'
export { DeadLetters } from './streaming/delivery/dead-letters.ts'
export type { Guarantee, OutputGuarantee, RequiredGuarantee } from './streaming/delivery/guarantee.ts'
export type { WriteToOptions } from './streaming/delivery/sink-operation.ts'
export type { OnErrorOptions } from './streaming/delivery/tried-stream.ts'
export type {
  CompletedPlan,
  DirectHost,
  DirectPlan,
  DirectSource,
  PlanRequest,
} from './streaming/direct/direct-source.ts'
export type { Batch, Batches } from './streaming/dstream/batches.ts'
export { DStream } from './streaming/dstream/dstream.ts'
export type { WindowOptions } from './streaming/dstream/reduced-windowed.ts'
export type {
  BatchInput,
  InputSource,
  RateControl,
  RateSettings,
  SourceGuarantee,
  SourceHost,
} from './streaming/input-source.ts'
export type {
  BatchInfo,
  BatchSkipped,
  DeadLettersWritten,
  OutputOperationInfo,
  ReceiverInfo,
  StreamInputInfo,
  StreamingListener,
} from './streaming/listener.ts'
export { StatsReportListener } from './streaming/listener.ts'
export { Receiver } from './streaming/receiver/receiver.ts'
export type { ReceiverStreamOptions } from './streaming/receiver/thread/thread-receiver.ts'
export type { FileStreamOptions } from './streaming/sources/file.ts'
export type { StreamLike } from './streaming/sources/iterable.ts'
export type { QueueLike, QueueStreamOptions } from './streaming/sources/queue.ts'
export {
  type RawSocketSender,
  type RawSocketSenderOptions,
  rawFrame,
  rawSocketSender,
} from './streaming/sources/raw-socket.ts'
export type { BytesConverter } from './streaming/sources/socket-receiver.ts'
export {
  type CsvStreamOptions,
  FileStreamsInPlace,
  type FilesToTake,
} from './streaming/sources/streams-in-place.ts'
export type { MapWithStateDStream } from './streaming/state/map-with-state.ts'
export type { Migrate } from './streaming/state/state-schema.ts'
export { type State, type StateFunction, StateSpec } from './streaming/state/state-spec.ts'
export type { StateOptions } from './streaming/state/update-state.ts'
export type { StopReport } from './streaming/stop-report.ts'
export { StreamingContext } from './streaming/streaming-context.ts'
export { type LiveOutput, type LiveTableOptions, liveTable } from './ui/live-table.ts'
