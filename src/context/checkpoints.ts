/**
 * Writes marked RDDs down after a job, and cuts their lineage.
 *
 * 1. `checkpoint` marks a node.
 * 2. A job over it, or over something computed from it, ends. A second job writes the node's partitions to
 *    `<directory>/<uuid>/rdd-<id>/part-NNNNN` as object files, and its partitioner to `_partitioner` (or keeps its blocks:
 *    `localCheckpoint`). The folder appears whole or not at all.
 * 3. From then on whoever looks at the node's lineage finds a source that reads those files (`lineageOf`).
 * 4. Once every job that began before has ended, the node lets go of its parents, so that their memory can be freed.
 *
 * With `spark.cleaner.referenceTracking.cleanCheckpoints` the files go when nothing refers to the node any more: whoever was computed from
 * it refers to it, unless it is written down itself.
 *
 * I1  A node is written once, by one job at a time; a job that fails leaves it as it was, to be written after the next.
 *
 * @source Spark RDD.doCheckpoint, ReliableCheckpointRDD.scala
 */
import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { isKindlingError, KindlingError } from '../base/errors.ts'
import type { ChunkSource } from '../data/chunk.ts'
import { decodeRecords, encodeRecords } from '../data/codec.ts'
import { cutLineage, lineageOf, type Node, parentsOf, type SourceNode } from '../rdd/nodes.ts'
import { writeDirectory } from '../rdd/output-directory.ts'
import { partitionerFromData, partitionerToData } from '../rdd/partitioner-data.ts'
import type { JobRunner } from '../rdd/ports.ts'
import { RDD } from '../rdd/rdd.ts'
import { describeScope, inScope, type OperatorScope } from '../rdd/scope.ts'
import { ObjectFileSource } from '../rdd/sources/object-file.ts'
import { sourceNode } from '../rdd/sources/source-node.ts'
import { StorageLevel } from '../rdd/storage-level.ts'
import type { DAGScheduler } from '../scheduler/dag-scheduler.ts'
import type { JobProperties } from '../scheduler/task.ts'
import type { BlockStore } from '../storage/block-store.ts'
import { blockSource } from './literals.ts'

const PARTITIONER_FILE = '_partitioner'

/** The checkpoints of one context; see the file head. */
export class Checkpoints {
  directory: string | undefined
  /** Whether anything was ever marked: without, jobs need not look. */
  anyMarked = false
  private readonly context: JobRunner
  private readonly scheduler: DAGScheduler
  private readonly blocks: BlockStore
  /** Removes the files of nodes that nothing refers to; `undefined`: they stay. */
  private readonly unused: FinalizationRegistry<string> | undefined

  /** @param cleans whether the files of RDDs that nothing refers to any more are removed */
  constructor(context: JobRunner, scheduler: DAGScheduler, blocks: BlockStore, cleans: boolean) {
    this.context = context
    this.scheduler = scheduler
    this.blocks = blocks
    // What cannot be removed is in nobody's way.
    if (cleans)
      this.unused = new FinalizationRegistry(
        folder => void rm(folder, { recursive: true, force: true }).catch(() => {}),
      )
  }

  /** @throws OUTPUT_FAILED */
  setDirectory(directory: string): void {
    // Unique among programs that share the directory, also when they start at the same moment.
    const own = join(resolve(directory), randomUUID())
    try {
      mkdirSync(own, { recursive: true })
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new KindlingError('OUTPUT_FAILED', { path: own, reason }, { cause: error })
    }
    this.directory = own
  }

  /** Marks a node; one that is written already stays as it is. @throws CHECKPOINT_DIR_NOT_SET */
  mark(node: Node, kind: 'reliable' | 'local', scope: OperatorScope): void {
    if (kind === 'reliable' && this.directory === undefined)
      throw new KindlingError('CHECKPOINT_DIR_NOT_SET', { operation: describeScope(scope) })
    const known = node.checkpoint
    if (known?.source !== undefined || known?.kind === kind) return
    node.checkpoint = { kind, scope, writing: false, source: undefined, path: undefined }
    this.anyMarked = true
  }

  /** Writes what a job over `node` has made due. A failure is the action's failure, as in Spark. */
  async afterJob(node: Node, { batchTime }: JobProperties): Promise<void> {
    // Batches build on RDDs of earlier ones without end, so all marked ancestors are written, the oldest first (SPARK-6847).
    for (const marked of dueNodes(node, batchTime !== undefined)) await this.write(marked)
  }

  private async write(node: Node): Promise<void> {
    const mark = node.checkpoint!
    if (mark.writing || mark.source !== undefined) return
    mark.writing = true
    try {
      mark.source = mark.kind === 'local' ? await this.keep(node) : await this.writeFiles(node)
    } finally {
      mark.writing = false
    }
    if (mark.source !== undefined) void this.scheduler.afterRunningJobs().then(() => cutLineage(node))
  }

  private async writeFiles(node: Node): Promise<SourceNode> {
    const { scope } = node.checkpoint!
    const folder = join(this.directory!, `rdd-${node.id}`)
    await writeDirectory(new RDD(this.context, node), folder, scope, { format: 'object' })
    const data = node.partitioner === undefined ? undefined : partitionerToData(node.partitioner)
    if (data !== undefined) await writeFile(join(folder, PARTITIONER_FILE), encodeRecords([data]))
    node.checkpoint!.path = folder
    this.unused?.register(node, folder)
    return fileSource(folder, node.numPartitions, scope)
  }

  /** `undefined` when the blocks were dropped meanwhile. */
  private async keep(node: Node): Promise<SourceNode | undefined> {
    const { scope } = node.checkpoint!
    const all = Array.from({ length: node.numPartitions }, (_, p) => p)
    const missing = all.filter(p => !this.blocks.has(node, p))
    if (missing.length > 0 && node.storage !== StorageLevel.NONE)
      await this.context.runRequest({ node, sink: { kind: 'count' }, scope, partitions: missing })
    const kept = (await Promise.all(all.map(p => this.blocks.get(node, p)))).filter(
      blocks => blocks !== undefined,
    )
    return kept.length < all.length ? undefined : inScope(scope, () => blockSource('localCheckpoint', kept))
  }
}

/** Marked nodes that a job over `node` has computed: the nearest, or with `all` also those behind them, oldest first. */
function dueNodes(node: Node, all: boolean): Node[] {
  const due: Node[] = []
  const seen = new Set<Node>()
  const stack = [node]
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (seen.has(next)) continue
    seen.add(next)
    const { checkpoint } = next
    if (checkpoint !== undefined && checkpoint.source === undefined) {
      due.push(next)
      if (!all) continue
    }
    const { narrow, shuffled } = parentsOf(lineageOf(next))
    stack.push(...narrow, ...shuffled.map(input => input.node))
  }
  return due.reverse()
}

/** An RDD's node over the files of a checkpoint. @throws INPUT_PATH_NOT_FOUND @throws CHECKPOINT_DAMAGED */
export async function checkpointedNode(folder: string, scope: OperatorScope): Promise<SourceNode> {
  const names = await readdir(folder).catch(error => {
    throw new KindlingError('INPUT_PATH_NOT_FOUND', { path: folder }, { cause: error })
  })
  const parts = names.filter(name => /^part-\d+$/.test(name)).sort()
  parts.forEach((name, p) => {
    const path = partPath(folder, p)
    if (join(folder, name) !== path)
      throw new KindlingError('CHECKPOINT_DAMAGED', { path, reason: 'it does not exist' })
  })
  const source = fileSource(folder, parts.length, scope)
  if (!names.includes(PARTITIONER_FILE)) return source
  const [data] = decodeRecords(await readFile(join(folder, PARTITIONER_FILE)))
  return { ...source, partitioner: partitionerFromData(data) }
}

function fileSource(folder: string, numPartitions: number, scope: OperatorScope): SourceNode {
  const paths = Array.from({ length: numPartitions }, (_, p) => partPath(folder, p))
  return inScope(scope, () => sourceNode('checkpoint', 'ReliableCheckpointRDD', paths, partSource))
}

/** Says of a file that cannot be read that nothing can be computed in its place. */
function partSource(path: string): ChunkSource {
  const file = new ObjectFileSource(path)
  return {
    asynchronous: true,
    next: () =>
      file.next().catch(error => {
        const damaged = isKindlingError(error) && error.code !== 'CLASS_NOT_REGISTERED'
        if (!damaged) throw error
        throw new KindlingError('CHECKPOINT_DAMAGED', { path, reason: error.message }, { cause: error })
      }),
    close: () => file.close(),
  }
}

function partPath(folder: string, partition: number): string {
  return join(folder, `part-${String(partition).padStart(5, '0')}`)
}
