/** `_SUCCESS`: says that a directory of a batch is whole, which batch it is, and which files count. */
import { createHash } from 'node:crypto'
import { KindlingError } from '../../base/errors.ts'
import { type BatchToken, isSameBatch, type SinkOutput } from './sink.ts'

/** The file's name. */
export const SUCCESS = '_SUCCESS'

/** What the file says. */
export interface Success extends BatchToken {
  readonly files: readonly string[]
}

/** As one line of JSON, so that others can read it. */
export function successText(
  { program, operatorId, batchTime, epoch }: BatchToken,
  files: readonly string[],
): string {
  return `${JSON.stringify({ program, operatorId, batchTime, epoch, files })}\n`
}

/**
 * What a directory's file says of a batch; `undefined` when it says nothing of it: it is missing, or another's.
 *
 * @throws SINK_FENCED when a later epoch wrote it
 */
export function successOf(
  bytes: Uint8Array | undefined,
  batch: BatchToken,
  sink: string,
): Success | undefined {
  const said = parsed(bytes)
  if (said === undefined || !isSameBatch(said, batch)) return undefined
  if (said.epoch > batch.epoch) throw fenced(sink, batch, `epoch ${said.epoch} has written this batch`)
  return said
}

/** The files that count, whoever wrote them; `undefined` when it does not say. */
export function successFiles(bytes: Uint8Array): readonly string[] | undefined {
  return parsed(bytes)?.files
}

function parsed(bytes: Uint8Array | undefined): Success | undefined {
  const text = bytes === undefined ? '' : Buffer.from(bytes).toString()
  // Others' files of this name are empty, or hold something else.
  if (!text.startsWith('{')) return undefined
  try {
    const said = JSON.parse(text) as Success
    return Array.isArray(said.files) ? said : undefined
  } catch {
    return undefined
  }
}

export function fenced(sink: string, { operatorId, epoch }: SinkOutput, reason: string): KindlingError {
  return new KindlingError('SINK_FENCED', { sink, operator: operatorId, epoch, reason })
}

/** Tells the temporary files of outputs from each other. */
export function outputDigest({ program, operatorId }: SinkOutput): string {
  return createHash('sha256')
    .update(JSON.stringify([program, operatorId]))
    .digest('hex')
    .slice(0, 12)
}
