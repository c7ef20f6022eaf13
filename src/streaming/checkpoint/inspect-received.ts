/** What receivers have logged in a checkpoint directory: what waits for a batch, what a restart may need, and what it does not. */
import { framesOf } from '../receiver/log-frames.ts'
import type { BlocksPlan } from '../receiver/received-block-tracker.ts'
import { RECEIVED_FOLDER } from '../receiver/received-log.ts'
import { type LoggedBatch, readLog } from './batch-log.ts'
import { countsFor } from './log-standing.ts'
import type { NumberedManifest } from './manifest.ts'
import { operatorFolder } from './operator-folder.ts'
import { MANIFESTS } from './retention.ts'
import type { CheckpointStorage } from './storage.ts'
import type { StoredFile } from './stored-files.ts'
import type { UnneededFile } from './unneeded.ts'

/** What an input has received and logged. */
export interface ReceivedInput {
  /** Its id, or the folder when no input of the program has it. */
  readonly id: string
  readonly segments: number
  readonly bytes: number
  readonly blocks: number
  readonly records: number
  /** Records that no batch has yet: they go to the first one after a restart. */
  readonly waitingRecords: number
  /** Parts that are not whole: a write that a crash interrupted, and nobody was told had been done. */
  readonly cut: readonly { readonly file: string; readonly reason: string }[]
}

/** See the file head. */
export interface ReceivedData {
  readonly inputs: readonly ReceivedInput[]
  readonly unneeded: readonly UnneededFile[]
}

/** @param manifests those that can be read, the newest first; at least one */
export async function inspectReceived(
  storage: CheckpointStorage,
  manifests: readonly NumberedManifest[],
  files: readonly StoredFile[],
): Promise<ReceivedData> {
  const segments = files.filter(({ file }) => SEGMENT.test(file))
  if (segments.length === 0) return { inputs: [], unneeded: [] }
  const kept = manifests.slice(0, MANIFESTS).map(({ manifest }) => manifest)
  const log = await readLog(
    storage,
    file => kept.some(manifest => countsFor(manifest, file)),
    () => {},
  )
  const logFrom = Math.min(...kept.map(manifest => manifest.logFrom))
  const plans = [...log.plans.values()]
  const ids = new Map(
    kept.flatMap(({ inputs }) => inputs.map(({ id }): [string, string] => [operatorFolder(id), id])),
  )
  const inputs: ReceivedInput[] = []
  const unneeded: UnneededFile[] = []
  for (const [folder, own] of Map.groupBy(segments, ({ file }) => file.split('/')[1]!)) {
    const id = ids.get(folder)
    if (id === undefined) {
      for (const { file, bytes } of own)
        unneeded.push({ file, bytes, why: 'received by an input that is gone' })
      continue
    }
    const standing = standingOf(id, plans, logFrom)
    const read = await Promise.all(own.map(segment => readSegment(storage, segment, standing)))
    const sum = (of: (segment: SegmentContent) => number): number =>
      read.reduce((all, one) => all + of(one), 0)
    inputs.push({
      id,
      segments: own.length,
      bytes: own.reduce((all, { bytes }) => all + bytes, 0),
      blocks: sum(({ blocks }) => blocks),
      records: sum(({ records }) => records),
      waitingRecords: sum(({ waitingRecords }) => waitingRecords),
      cut: read.flatMap(({ file, cut }) => (cut === undefined ? [] : [{ file, reason: cut }])),
    })
    for (const { file, bytes, isNeeded } of read)
      if (!isNeeded) unneeded.push({ file, bytes, why: 'received, and in old batches' })
  }
  return { inputs, unneeded }
}

const SEGMENT = new RegExp(`^${RECEIVED_FOLDER}/[^/]+/(\\d+)-\\d+\\.blocks$`)

/** Which blocks of an input have had their batch, and which files batches may need that run again. */
interface BlockStanding {
  readonly next: BlocksPlan['next'] | undefined
  readonly needed: ReadonlySet<string>
}

function standingOf(id: string, plans: readonly LoggedBatch[], logFrom: number): BlockStanding {
  const needed = new Set<string>()
  let next: BlocksPlan['next'] | undefined
  for (const { time, inputs } of plans) {
    const plan = inputs.find(input => input.id === id)?.plan as BlocksPlan | undefined
    if (plan === undefined) continue
    next = plan.next
    if (time > logFrom) for (const { file } of plan.blocks) needed.add(file)
  }
  return { next, needed }
}

interface SegmentContent extends StoredFile {
  readonly blocks: number
  readonly records: number
  readonly waitingRecords: number
  readonly cut: string | undefined
  readonly isNeeded: boolean
}

async function readSegment(
  storage: CheckpointStorage,
  segment: StoredFile,
  { next, needed }: BlockStanding,
): Promise<SegmentContent> {
  const bytes = (await storage.read(segment.file)) ?? new Uint8Array()
  const epoch = Number(SEGMENT.exec(segment.file)![1])
  let cut: string | undefined
  const frames = framesOf(bytes, reason => {
    cut = reason
  })
  const waits = ({ n }: { readonly n: number }): boolean =>
    next === undefined || epoch > next.epoch || (epoch === next.epoch && n >= next.n)
  let records = 0
  let waitingRecords = 0
  for (const { head } of frames) {
    records += head.records
    if (waits(head)) waitingRecords += head.records
  }
  const isNeeded = needed.has(segment.file) || frames.some(({ head }) => waits(head))
  return { ...segment, blocks: frames.length, records, waitingRecords, cut, isNeeded }
}
