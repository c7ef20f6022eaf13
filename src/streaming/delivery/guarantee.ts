/**
 * What a program promises of each of its outputs across a crash: the weakest of
 *
 *   sources       whether what they gave a batch can be had again
 *   checkpoints   whether anybody knows after the crash which batches had ended
 *   the output    whether a batch that runs again counts once
 *
 *   source        checkpoint   output          together
 *   once          yes          exactly-once    exactly-once
 *   once          yes          repeats         at-least-once
 *   again         yes          any             at-least-once      (receivers: what was not acknowledged is sent again)
 *   none          yes          exactly-once    at-most-once       (the batch is not written twice, but its records may be lost)
 *   none          yes          repeats         none
 *   any           no           any             none
 */
import type { Config } from '../../base/config.ts'
import { configEntries } from '../../base/config.ts'
import { describeScope } from '../../rdd/scope.ts'
import type { OutputOperation } from '../dstream/host.ts'
import type { InputDStream } from '../dstream/input.ts'
import type { AnyStream } from '../dstream/recipe.ts'
import type { SourceGuarantee } from '../input-source.ts'

/** How often a record counts in an output, also across crashes; `none`: nothing is promised across a crash. */
export type Guarantee = 'exactly-once' | 'at-least-once' | 'at-most-once' | 'none'

/** What may be demanded of an output. */
export type RequiredGuarantee = 'exactly-once' | 'at-least-once'

/** What holds for an output. */
export interface OutputGuarantee {
  /** The operation and the line that called it. */
  readonly output: string
  /** Where it writes; `undefined` for outputs that are functions of the program. */
  readonly sink: string | undefined
  readonly guarantee: Guarantee
  /** What was demanded. */
  readonly required: RequiredGuarantee | undefined
  /** What keeps it from being stronger. */
  readonly reasons: readonly string[]
  /** What is apart from it. */
  readonly exceptions: readonly string[]
}

/** What a guarantee depends on besides the output. */
export interface GuaranteeParts {
  /** Of the program. */
  readonly inputs: readonly InputDStream<unknown>[]
  readonly conf: Config
  /** Whether there is a checkpoint directory. */
  readonly isSaved: boolean
}

export function guaranteeOf(
  { stream, scope, sink }: OutputOperation,
  { inputs, conf, isSaved }: GuaranteeParts,
): OutputGuarantee {
  const reasons: string[] = []
  const exceptions: string[] = []
  let source: SourceGuarantee = 'exactly-once'
  const reached = streamsUnder(stream)
  for (const { source: input } of inputs.filter(each => reached.has(each as AnyStream))) {
    const given = sourceGuarantee(input, conf)
    if (given === 'none') reasons.push(`${input.name} cannot give again what a crash interrupts`)
    if (given === 'at-least-once')
      reasons.push(`${input.name} may be sent again what it had taken in and not yet acknowledged`)
    source = weaker(source, given)
  }
  if (!isSaved) reasons.push('there is no checkpoint directory: after a crash nobody knows where it was')
  const isOnce = sink !== undefined && sink.guarantee !== 'at-least-once'
  if (sink === undefined) reasons.push(`a batch that a crash interrupts runs its ${scope.name} again`)
  else if (!isOnce) reasons.push(`${sink.name} takes a batch again that a crash interrupts`)
  if (sink?.guarantee === 'idempotent') exceptions.push('a batch may be seen in part until it is whole')
  exceptions.push(...policyExceptions(conf))
  return {
    output: describeScope(scope),
    sink: sink?.name,
    guarantee: together(source, isSaved, isOnce),
    required: sink?.required,
    reasons,
    exceptions,
  }
}

function together(source: SourceGuarantee, isSaved: boolean, isOnce: boolean): Guarantee {
  if (!isSaved) return 'none'
  if (source === 'none') return isOnce ? 'at-most-once' : 'none'
  return source === 'exactly-once' && isOnce ? 'exactly-once' : 'at-least-once'
}

/** Whether what is kept is as strong as what is demanded. */
export function isKept({ guarantee, required }: OutputGuarantee): boolean {
  if (required === undefined || guarantee === 'exactly-once') return true
  return guarantee === required
}

/** `saveAsTextFiles at app.ts:3:4 → files out-*: exactly-once` */
export function describeGuarantee({ output, sink, guarantee, reasons, exceptions }: OutputGuarantee): string {
  const target = sink === undefined ? '' : ` → ${sink}`
  const why = guarantee === 'exactly-once' || reasons.length === 0 ? '' : `: ${reasons.join('; ')}`
  const but = exceptions.length === 0 ? '' : ` (${exceptions.join('; ')})`
  const level = guarantee === 'none' ? 'no guarantee across a crash' : guarantee
  return `${output}${target}: ${level}${why}${but}`
}

function policyExceptions(conf: Config): string[] {
  const { failurePolicy } = configEntries
  const policy = conf.get(failurePolicy)
  if (policy === 'skip') return [`batches that fail for good are skipped, and told (${failurePolicy.key})`]
  if (policy === 'dead-letter')
    return [`the input of batches that fail for good goes to dead letters (${failurePolicy.key})`]
  if (policy === 'continue')
    return [`batches that fail for good are missing until a restart runs them again (${failurePolicy.key})`]
  return []
}

/** A stream and all that it is computed from. */
function streamsUnder(stream: AnyStream): ReadonlySet<AnyStream> {
  const all = new Set<AnyStream>([stream])
  for (const each of all) for (const parent of each.dependencies) all.add(parent)
  return all
}

function sourceGuarantee(source: InputDStream<unknown>['source'], conf: Config): SourceGuarantee {
  if (source.guarantee !== undefined) return source.guarantee(conf)
  return source.describe === undefined || source.restore === undefined ? 'none' : 'exactly-once'
}

function weaker(a: SourceGuarantee, b: SourceGuarantee): SourceGuarantee {
  if (a === 'none' || b === 'none') return 'none'
  return a === 'at-least-once' ? a : b
}
