/** The sinks of a program: what they promise together with its sources, their start after a crash, and their end. */
import type { Config } from '../../base/config.ts'
import { configEntries } from '../../base/config.ts'
import { KindlingError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { Time } from '../../base/time.ts'
import { describeScope } from '../../rdd/scope.ts'
import type { OpenedCheckpoint } from '../checkpoint/open.ts'
import type { OperatorIds } from '../checkpoint/operator-ids.ts'
import type { OutputOperation } from '../dstream/host.ts'
import type { DStreamGraph } from '../graph.ts'
import type { DeadLettersWritten } from '../listener.ts'
import { describeGuarantee, guaranteeOf, isKept, type OutputGuarantee } from './guarantee.ts'
import type { SinkOperation } from './sink-operation.ts'

/** What it stands on. */
export interface DeliveryParts {
  readonly graph: DStreamGraph
  readonly conf: Config
  readonly logger: Logger
  /** Makes up a name for a program that has none. */
  newName(): string
  /** Another process has taken over. */
  onFenced(error: unknown): void
  onDeadLetters(event: DeadLettersWritten): void
}

/** See the file head. */
export class Delivery {
  private readonly parts: DeliveryParts
  private readonly started: SinkOperation[] = []
  private isClosed = false

  constructor(parts: DeliveryParts) {
    this.parts = parts
  }

  /** For each output, in order of definition. */
  guarantees(isSaved: boolean): OutputGuarantee[] {
    const { graph, conf } = this.parts
    return graph.outputs.map(output => guaranteeOf(output, { inputs: graph.inputs, conf, isSaved }))
  }

  /**
   * Says what holds for each output.
   *
   * @throws GUARANTEE_NOT_KEPT when more was demanded; INVALID_CONFIG without the dead letters that the failure policy needs; INVALID_ARGUMENT when two outputs have one id, or write to one place
   */
  check(isSaved: boolean): void {
    checkDistinct(this.parts.graph.outputs)
    const { failurePolicy } = configEntries
    if (this.parts.conf.get(failurePolicy) === 'dead-letter' && this.letterOutput === undefined)
      throw new KindlingError('INVALID_CONFIG', {
        key: failurePolicy.key,
        value: 'dead-letter',
        expected: 'another policy, or a program with ssc.deadLetters(sink)',
      })
    for (const guarantee of this.guarantees(isSaved)) {
      if (!isKept(guarantee)) throw notKept(guarantee)
      this.parts.logger.info(describeGuarantee(guarantee))
    }
  }

  /** The output that takes the input of batches that have failed: the first one of dead letters. */
  get letterOutput(): { readonly id: number; readonly sink: SinkOperation } | undefined {
    const { outputs } = this.parts.graph
    const id = outputs.findIndex(({ sink }) => sink?.takesDeadLetters === true)
    return id < 0 ? undefined : { id, sink: outputs[id]!.sink! }
  }

  /** Ends early once it is closed. @throws SINK_FAILED, SINK_FENCED */
  async start(ids: OperatorIds, opened: OpenedCheckpoint | undefined): Promise<void> {
    const { graph, logger, newName, onFenced, onDeadLetters } = this.parts
    const checkpoint = opened?.checkpoint
    const program = checkpoint?.program ?? newName()
    const epoch = checkpoint?.epoch ?? 0
    const pending = opened?.pending.map(({ time }) => time.milliseconds) ?? []
    for (const [sink, operatorId] of outputIds(graph.outputs, ids)) {
      if (this.isClosed) return
      const output = describeScope(sink.scope)
      const onWritten = (batchTime: Time, numRecords: number): void => {
        if (!sink.takesDeadLetters || numRecords === 0) return
        const records = numRecords === 1 ? '1 record' : `${numRecords} records`
        logger.warn(`dead letters: ${records} of the batch at ${batchTime} went to ${sink.name}`)
        onDeadLetters({ batchTime, output, sink: sink.name, numRecords })
      }
      this.started.push(sink)
      try {
        await sink.start({
          ...{ logger, pending, onFenced, onWritten },
          output: { program, operatorId, epoch },
          ended: () => checkpoint?.endedUpTo() ?? 0,
          guard: async () => checkpoint?.assertMine(),
        })
      } catch (error) {
        // A sink that waited for its server was closed meanwhile.
        if (!this.isClosed) throw error
      }
    }
  }

  /** Why a batch cannot be taken back: a sink of exactly once has it, or may have it. */
  notSkippable(time: Time): KindlingError | undefined {
    for (const { sink, scope } of this.parts.graph.outputs) {
      if (sink?.guarantee !== 'exactly-once') continue
      const standing = sink.standing(time)
      if (standing !== 'committed' && standing !== 'unsure') continue
      return new KindlingError('BATCH_NOT_SKIPPABLE', {
        time: String(time),
        sink: sink.name,
        output: describeScope(scope),
        key: configEntries.failurePolicy.key,
        held: standing === 'committed' ? 'holds' : 'may hold',
      })
    }
    return undefined
  }

  /** Closes the sinks; what fails is only told. */
  async close(): Promise<void> {
    this.isClosed = true
    for (const sink of this.started.splice(0))
      await sink.close().catch((error: Error) => this.parts.logger.warn(error.message, { error }))
  }
}

function notKept({ output, sink, guarantee, required, reasons }: OutputGuarantee): KindlingError {
  return new KindlingError('GUARANTEE_NOT_KEPT', {
    output: sink === undefined ? output : `${output} → ${sink}`,
    required,
    guarantee: guarantee === 'none' ? 'no guarantee across a crash' : guarantee,
    reasons: reasons.join('; '),
  })
}

/** @throws INVALID_ARGUMENT when two outputs have one id, or write to one place */
function checkDistinct(outputs: readonly OutputOperation[]): void {
  const ids = new Set<string>()
  const places = new Set<string>()
  for (const { sink } of outputs) {
    if (sink === undefined) continue
    if (sink.id !== undefined && ids.has(sink.id))
      throw new KindlingError('INVALID_ARGUMENT', {
        what: 'the id of an output',
        value: sink.id,
        expected: 'a name that no other output has',
      })
    if (sink.replaces && places.has(sink.name))
      throw new KindlingError('INVALID_ARGUMENT', {
        what: `the sink of ${describeScope(sink.scope)}`,
        value: sink.name,
        expected: 'one that no other output has: batches of both would have one name',
      })
    if (sink.id !== undefined) ids.add(sink.id)
    places.add(sink.name)
  }
}

/** The sinks in order of definition, with names that stay the same when the program runs again. */
function outputIds(
  outputs: readonly OutputOperation[],
  ids: OperatorIds,
): (readonly [SinkOperation, string])[] {
  const sinks = outputs.flatMap(({ stream, sink }) => (sink === undefined ? [] : [{ stream, sink }]))
  const taken = new Set(sinks.map(({ sink }) => sink.id))
  return sinks.map(({ stream, sink }) => {
    if (sink.id !== undefined) return [sink, sink.id]
    const structural = sink.takesDeadLetters ? 'deadLetters' : `${ids.of(stream)}/${sink.scope.name}`
    let id = structural
    for (let n = 2; taken.has(id); n++) id = `${structural}-${n}`
    taken.add(id)
    return [sink, id]
  })
}
