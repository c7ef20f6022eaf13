/**
 * Starts a program that has been defined.
 *
 * 1. check it, before anything is touched: outputs, intervals, listeners named by the settings
 * 2. take over what is saved, or begin to save; only now is the zero time of the streams known
 * 3. open the sinks, and ask them what they hold
 * 4. start the sources, all at once
 * 5. give the sources the plans of batches that had not ended, and start the clockwork of batches
 *
 * A stop may come at any await: nothing further is started then.
 */
import { configEntries } from '../base/config.ts'
import { KindlingError } from '../base/errors.ts'
import type { EventOf, ListenerBus } from '../base/listener-bus.ts'
import { type Duration, Time } from '../base/time.ts'
import { withoutGroup } from '../context/job-properties.ts'
import type { SparkContext } from '../context/spark-context.ts'
import type { BatchRunner } from './batch/batch-runner.ts'
import type { WorkerAllocation } from './batch/worker-allocation.ts'
import { checkIntervals } from './checkpoint/intervals.ts'
import { type OpenedCheckpoint, openCheckpoint } from './checkpoint/open.ts'
import { type OperatorIds, operatorIds } from './checkpoint/operator-ids.ts'
import type { CheckpointStorage } from './checkpoint/storage.ts'
import type { Delivery } from './delivery/delivery.ts'
import type { InputDStream } from './dstream/input.ts'
import { extraListeners } from './extra-listeners.ts'
import type { DStreamGraph } from './graph.ts'
import type { SourceHost } from './input-source.ts'
import type { StreamingListener } from './listener.ts'
import { BatchRate, FIRST_RATE } from './receiver/batch-rate.ts'
import { TimeGrid } from './time-grid.ts'

/** A program, and what runs it. */
export interface Program {
  readonly sc: SparkContext
  readonly batchDuration: Duration
  readonly graph: DStreamGraph
  readonly bus: ListenerBus<StreamingListener>
  readonly delivery: Delivery
  readonly runner: BatchRunner
  readonly allocation: WorkerAllocation
}

/** How it is started. */
export interface StartSettings {
  /** Where it is saved; `undefined`: it is not. */
  readonly storage: CheckpointStorage | undefined
  /** Begin anew when the saved data cannot be used. */
  readonly createOnError: boolean
  /** Whether a stop has begun. */
  isStopping(): boolean
  /** The program can no longer be changed, and counts as started: called before its sources are. */
  activate(): void
}

/** See the file head. */
export async function startProgram(program: Program, settings: StartSettings): Promise<void> {
  const { sc, batchDuration, graph, bus, delivery, runner, allocation } = program
  const { generator } = runner
  if (sc.isStopped) throw new KindlingError('CONTEXT_STOPPED', { what: 'start' })
  graph.validate()
  const isElastic = allocation.prepare()
  sc.warmUp()
  runner.properties = withoutGroup(sc.localProperties())
  if (sc.conf.has(configEntries.extraListeners.key)) {
    for (const listener of await extraListeners(sc.conf)) bus.add(listener)
    if (settings.isStopping()) return
  }
  const ids = operatorIds(graph)
  checkIntervals(ids.streams, settings.storage !== undefined)
  if (settings.storage === undefined && ids.streams.some(stream => stream.state !== undefined))
    sc.logger.info('no checkpoint directory is set: the state of this program ends with its process')
  delivery.check(settings.storage !== undefined)
  const opened = await open(program, settings, ids)
  if (settings.isStopping()) return
  if (opened === undefined) {
    const zeroTime = generator.firstTime().minus(batchDuration)
    graph.initialize(TimeGrid.starting(zeroTime.milliseconds, batchDuration.milliseconds))
  }
  runner.saved = opened?.checkpoint
  await delivery.start(ids, opened)
  if (settings.isStopping()) return
  settings.activate()
  await Promise.all(graph.inputs.map(input => input.source.start(sourceHost(program, input, opened))))
  if (settings.isStopping()) return
  await opened?.resume()
  if (settings.isStopping()) return
  if (opened === undefined) generator.start(graph.zeroTime.plus(batchDuration))
  else generator.resume(new Time(opened.last), opened.pending)
  if (isElastic) {
    bus.add(allocation)
    allocation.start()
  }
  bus.post('onStreamingStarted', { time: sc.clock.now() })
}

/** Takes over what is saved, or begins to save; `undefined` without a storage. */
async function open(
  { sc, batchDuration, graph, runner }: Program,
  { storage, createOnError }: StartSettings,
  ids: OperatorIds,
): Promise<OpenedCheckpoint | undefined> {
  if (storage === undefined) return undefined
  const { clock, logger, conf, parallelism } = sc
  return openCheckpoint({
    ...{ storage, graph, ids, clock, logger, createOnError, parallelism },
    useParallelism: (time, recorded) => sc.useParallelism(time, recorded),
    batchMs: batchDuration.milliseconds,
    firstTime: () => runner.generator.firstTime(),
    newName: sc.newName,
    allowDrop: conf.get(configEntries.checkpointAllowDrop),
    onFatal: error => runner.giveUp(error),
  })
}

/** What the source of an input sees of its context. */
function sourceHost(
  { sc, batchDuration, graph, bus, runner }: Program,
  input: InputDStream<unknown>,
  opened: OpenedCheckpoint | undefined,
): SourceHost {
  const { conf, clock, logger } = sc
  return {
    ...{ sc, conf, clock, logger, batchDuration },
    zeroTime: graph.zeroTime,
    rateControl(settings = {}) {
      const initial = settings.initial ?? conf.get(configEntries.backpressureInitialRate) ?? FIRST_RATE
      input.rate = new BatchRate({ conf, batchDuration, streamId: input.streamId }, { ...settings, initial })
      return input.rate
    },
    startTime: opened?.since(input) ?? clock.now(),
    streamId: input.streamId,
    isSaved: opened !== undefined,
    receivedLog: opened?.checkpoint.receivedLog(input, {
      rollingMs: conf.get(configEntries.receiverLogRollingInterval),
      maxFailures: conf.get(configEntries.receiverLogMaxFailures),
      timeoutMs: conf.get(configEntries.blockStoreTimeout),
    }),
    post: (event, payload) => bus.post(event, payload as EventOf<StreamingListener, typeof event>),
    fail: error => runner.report(error),
  }
}
