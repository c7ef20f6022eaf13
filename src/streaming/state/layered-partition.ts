/**
 * The versions of one partition whose table is with a worker: the layers that the worker gave; see `rdd/state-port.ts`.
 *
 * Layers before the last whole one go when no version that is remembered needs them. A worker is asked for a whole one when the others
 * have as many keys as it: so the layers are at most about twice the table, and a key that is touched costs its layer twice.
 */
import type { ChunkSource } from '../../data/chunk.ts'
import type {
  AwayState,
  EncodedRecords,
  MadeVersion,
  PartitionMaker,
  StateLayer,
} from '../../rdd/state-port.ts'
import { sourceOfBlocks } from '../../storage/block.ts'
import { contentOf, type LayerContent, layerOf } from './layer.ts'
import { PRESENT, type RowSource, type SlotRows } from './slots.ts'
import { type Before, MAX_INCREMENTS } from './table-partition.ts'
import type { PartitionState, StateImage } from './versions.ts'
import { firstOf, loaded } from './worker-partition.ts'

interface Version {
  readonly madeOf: number | undefined
  readonly output: readonly EncodedRecords[]
}

/** Fewer keys than this are not worth a whole layer. */
const WHOLE_FROM = 4096
/** So many layers are put together at most when a table is made anew. */
const MAX_LAYERS = 100

/** See the file head. */
export class LayeredPartition implements PartitionState {
  private readonly versions = new Map<number, Version>()
  private layers: StateLayer[] = []
  /** The newest version, if nobody remembers it any more: the next one is made of it. */
  private unwanted: number | undefined
  /** Of the last image that was taken. */
  private imaged: { readonly time: number; readonly increments: number } | undefined

  get oldest(): number | undefined {
    return this.versions.keys().next().value
  }

  get newest(): number | undefined {
    return this.layers.at(-1)?.time
  }

  /** Whether the next layer should be a whole one. */
  get wantsWhole(): boolean {
    const at = this.layers.findLastIndex(layer => layer.isWhole)
    if (at < 0) return true
    let changed = 0
    for (let i = at + 1; i < this.layers.length; i++) changed += this.layers[i]!.count
    return changed >= Math.max(WHOLE_FROM, this.layers[at]!.count) || this.layers.length - at >= MAX_LAYERS
  }

  has(time: number): boolean {
    return this.versions.has(time)
  }

  /** Takes in the next version. False when it is of no use: it is there already, or was made of another than the newest. */
  adopt({ madeOf, layer, output }: MadeVersion): boolean {
    const { newest } = this
    if (newest !== undefined && layer.time <= newest) return false
    if (!layer.isWhole && madeOf !== newest) return false
    this.layers.push(layer)
    this.versions.set(layer.time, { madeOf, output })
    if (this.unwanted !== undefined) this.forget(this.unwanted)
    this.unwanted = undefined
    return true
  }

  make(): Promise<void> {
    throw new Error('versions of this partition are made by workers')
  }

  /** The layers that make up a version. */
  layersOf(time: number): readonly StateLayer[] {
    const end = this.layers.findLastIndex(layer => layer.time <= time) + 1
    const start = this.layers.findLastIndex((layer, i) => i < end && layer.isWhole)
    return this.layers.slice(start, end)
  }

  read(time: number): ChunkSource {
    const { table } = loaded(this.layersOf(time))
    const { keys, values, flags } = table.allSlots()
    const isShown = (_: unknown, row: number): boolean => flags[row] === PRESENT
    return sourceOfBlocks([{ kind: 'pairs', keys: keys.filter(isShown), values: values.filter(isShown) }])
  }

  outputOf(time: number): readonly EncodedRecords[] {
    return this.versions.get(time)!.output
  }

  output(time: number): ChunkSource {
    return sourceOfBlocks(this.outputOf(time).map(records => ({ kind: 'encoded', ...records })))
  }

  image(time: number, isWhole = false): StateImage {
    const layers = this.layersOf(time)
    const last = this.imaged
    const after = last === undefined ? [] : layers.filter(layer => layer.time > last.time)
    const isIncrement =
      !isWhole &&
      last !== undefined &&
      last.increments < MAX_INCREMENTS &&
      after.every(layer => !layer.isWhole) &&
      layers.some(layer => layer.time === last.time)
    this.imaged = { time, increments: isIncrement ? last.increments + 1 : 0 }
    const contents = (isIncrement ? after : layers).map(contentOf)
    const panesFrom = contents.at(-1)?.panesFrom ?? Number.POSITIVE_INFINITY
    const panes = contents.flatMap(content => content.panes)
    return {
      base: isIncrement ? last.time : undefined,
      rows: rowsOf(contents),
      hasSlots: true,
      panes: panes.filter(pane => pane.time >= panesFrom),
      panesFrom,
    }
  }

  restore(time: number, { table, panes }: Before): void {
    const whole = { time, isWhole: true }
    this.layers = [layerOf(whole, table.allSlots(), { panes, panesFrom: firstOf(panes) })]
    this.versions.set(time, { madeOf: undefined, output: [] })
  }

  madeOf(time: number): number | undefined {
    return this.versions.get(time)?.madeOf
  }

  undo(time: number): void {
    if (time !== this.newest || !this.versions.delete(time)) return
    this.layers.pop()
  }

  forget(time: number): void {
    if (!this.versions.has(time)) return
    if (time === this.newest) {
      this.unwanted = time
      return
    }
    this.versions.delete(time)
    const needed = this.oldest!
    const start = this.layers.findLastIndex(layer => layer.isWhole && layer.time <= needed)
    if (start > 0) this.layers = this.layers.slice(start)
  }
}

/** The slots of several layers, run by run; of several rows of one slot the last counts. */
function rowsOf(contents: readonly LayerContent[]): RowSource {
  const runs = allRuns(contents)
  return {
    next: () => runs.next().value,
    close: () => void runs.return(undefined),
  }
}

function* allRuns(contents: readonly LayerContent[]): Generator<SlotRows, undefined> {
  for (const { runs } of contents) yield* runs()
  return undefined
}

let nextId = 0

/** What workers are told of the state of an operator. */
export function awayState(
  maker: PartitionMaker,
  partitions: readonly LayeredPartition[],
  adopt: AwayState['adopt'],
): AwayState {
  return {
    id: nextId++,
    maker,
    newest: partition => partitions[partition]!.newest,
    layersOf: (partition, time) => partitions[partition]!.layersOf(time),
    wantsWhole: partition => partitions[partition]!.wantsWhole,
    outputOf: (partition, time) => partitions[partition]!.outputOf(time),
    adopt,
  }
}
