/**
 * What the driver and its workers tell each other. Everything is plain data that structured clone carries; functions travel as
 * descriptions, records as blocks.
 */
import type { WireError } from '../../base/errors.ts'
import type { LogLevel } from '../../base/logger.ts'
import type { FunctionDescription } from '../../rdd/functions/description.ts'
import type { TaskMetrics } from '../../rdd/ports.ts'
import type { MadeVersion, StateLayer } from '../../rdd/state-port.ts'
import type { JobProperties } from '../../scheduler/task.ts'
import type { FilePart } from '../../storage/spill-file.ts'
import type { ScopeData, StageData } from './stage-data.ts'

/** What a thread is started with. */
export interface WorkerSettings {
  readonly segments: string
  readonly yieldAfterMs: number
  readonly longCallMs: number
  /** What the shuffles of a task may hold. */
  readonly spillBytes: number
  /** The folder of its files, made with the first one. The driver removes it when the thread has ended. */
  readonly spillPath: string
}

/** A class that the program registered, and its codec. */
export type ClassParts = [
  C: abstract new (...args: never[]) => object,
  encode: (instance: object) => unknown,
  decode: (data: unknown) => object,
]

/** Records as bytes: of their own, or a view on shared memory. */
export interface BlockData {
  readonly bytes: Uint8Array
  readonly pairs: boolean
  readonly count: number
}

/** What a map task wrote for a reduce partition, where it is in a file. */
export interface FiledData {
  readonly path: string
  readonly parts: readonly FilePart[]
  readonly count: number
}

/** A version of a partition of state that a task begins with. */
export interface StateLease {
  readonly state: number
  readonly partition: number
  /** `undefined` before the first version. */
  readonly time: number | undefined
  /** What it is made of, when the worker does not have it. */
  readonly layers: readonly StateLayer[] | undefined
  /** Only read: newer versions are there, and the worker's own table is to stay as it is. */
  readonly isOld: boolean
  /** Whether the next layer is to stand by itself. */
  readonly wantsWhole: boolean
}

/** What a task reads. A place is `node/partition`, for what crossed a shuffle `node/partition/input`. */
export interface TaskInputs {
  /** Descriptors of source partitions. */
  readonly sources: readonly (readonly [node: number, partition: number, descriptor: unknown])[]
  /** Blocks of kept partitions that are there. */
  readonly kept: readonly (readonly [place: string, blocks: readonly BlockData[]])[]
  /** Blocks that crossed a shuffle, in map-partition order. */
  readonly shuffled: readonly (readonly [place: string, blocks: readonly (BlockData | FiledData)[]])[]
  /** Versions of state. */
  readonly states: readonly StateLease[]
  /** What making versions put out, where they are made already: the place is `state/partition/time`. */
  readonly outputs: readonly (readonly [place: string, blocks: readonly BlockData[]])[]
}

/** A task attempt, as a worker gets it. Its stage, and the values that the stage uses, came before. */
export interface TaskData {
  readonly id: number
  readonly jobId: number
  readonly stageId: number
  readonly partition: number
  readonly attempt: number
  readonly speculative: boolean
  readonly properties: JobProperties
  readonly inputs: TaskInputs
}

export type ToWorker =
  /** A function, or a function that gives a value. */
  | {
      readonly type: 'value'
      readonly id: number
      readonly description: FunctionDescription
      readonly accumulators: readonly AccumulatorData[]
    }
  /** The bytes of a broadcast; none: it was destroyed. */
  | { readonly type: 'broadcast'; readonly id: number; readonly bytes: Uint8Array | undefined }
  /** A registered class, as a function that gives it and its codec. */
  | { readonly type: 'class'; readonly name: string; readonly description: FunctionDescription }
  | { readonly type: 'stage'; readonly id: number; readonly data: StageData }
  | { readonly type: 'task'; readonly task: TaskData }
  | { readonly type: 'cancel'; readonly task: number; readonly error: WireError }
  /** Nothing refers to these any more. */
  | { readonly type: 'forget'; readonly stages: readonly number[]; readonly values: readonly number[] }
  /** Regions of shared memory that may be written again. */
  | { readonly type: 'free'; readonly regions: readonly number[] }
  /** Tables that other workers have now, or that nobody needs. */
  | { readonly type: 'drop-states'; readonly places: readonly string[] }
  | { readonly type: 'stop' }

/** An empty accumulator, as a function that gives it. */
export interface AccumulatorData {
  readonly id: number
  readonly name: string | undefined
  readonly zero: FunctionDescription
}

/** A map task's output. */
export type OutputData = RegionData | FileData

/** One in a file of the thread's folder. */
export interface FileData {
  readonly path: string
  /** By reduce partition. */
  readonly blocks: readonly Omit<FiledData, 'path'>[]
}

/** The blocks of all reduce partitions one after the other in one region. */
export interface RegionData {
  /** Names the region to the worker that wrote it; −1 where the bytes are not shared. */
  readonly region: number
  readonly bytes: Uint8Array
  /** Where the block of each reduce partition begins, and how long it is. */
  readonly starts: readonly number[]
  readonly lengths: readonly number[]
  readonly counts: readonly number[]
  readonly pairs: readonly boolean[]
}

/** A partition that was computed and is to be kept. */
export interface KeptData {
  /** Id of the node. */
  readonly node: number
  readonly partition: number
  readonly blocks: readonly BlockData[]
}

/** What an attempt added to an accumulator: the fields of its own copy. */
export interface UpdateData {
  readonly id: number
  readonly fields: Uint8Array
}

export type FromWorker =
  /** The thread takes messages. */
  | { readonly type: 'ready' }
  | {
      readonly type: 'done'
      readonly task: number
      /** One record; none: undefined. */
      readonly value: Uint8Array | undefined
      /** Whether `value` is a block of all records of the partition. */
      readonly rows: boolean
      readonly output: OutputData | undefined
      readonly kept: readonly KeptData[]
      readonly updates: readonly UpdateData[]
      readonly metrics: TaskMetrics
    }
  | { readonly type: 'failed'; readonly task: number; readonly error: WireError }
  /** A task made a version of state. */
  | {
      readonly type: 'version'
      readonly task: number
      readonly state: number
      readonly partition: number
      readonly made: MadeVersion
    }
  | {
      readonly type: 'long-call'
      readonly operators: readonly ScopeData[]
      readonly ms: number
      readonly records: number
    }
  /** For the log of the context. */
  | { readonly type: 'log'; readonly level: LogLevel; readonly message: string }
  /** A rejection that nobody handled, of no task that runs. */
  | { readonly type: 'floated'; readonly error: WireError }
