/**
 * Lowers a partition of a lineage node to legs: sources, and the fused steps their records go through.
 *
 * Narrow steps are gathered on the way up until something that is no step: a source, a shuffle, a kept node, a function of whole
 * partitions, a re-arrangement. A union gives the legs of the parent it points to; a coalesced partition those of its group.
 */
import { KindlingError } from '../base/errors.ts'
import type { ChunkSource } from '../data/chunk.ts'
import { isFused, lineageOf, type Node, type SourceNode, type StateNode } from '../rdd/nodes.ts'
import { type Leg, PullSource } from '../rdd/segment/drive.ts'
import { iterateSource, sourceOfIterable } from '../rdd/segment/iterate.ts'
import type { FusedStep } from '../rdd/segment/plan.ts'
import { StorageLevel } from '../rdd/storage-level.ts'
import { Gathered } from '../shuffle/gathered.ts'
import { readShuffle } from '../shuffle/reader.ts'
import type { ShuffleStore } from '../shuffle/shuffle-store.ts'
import { type Block, blockOfPairs, blockOfRows, chunkOf, sourceOfBlocks } from '../storage/block.ts'
import type { BlockStore } from '../storage/block-store.ts'
import type { TaskTime } from './task-time.ts'

/** The stores that tasks read and write. */
export interface TaskStores {
  readonly blocks: Pick<BlockStore, 'get' | 'put'>
  /** Only the driver's can drop anything. */
  readonly shuffle: Pick<ShuffleStore, 'read' | 'put'> & Partial<Pick<ShuffleStore, 'dropDamaged'>>
}

/** Lowers partitions for one task attempt. */
export class Lowering {
  private readonly stores: TaskStores
  private readonly time: TaskTime

  constructor(stores: TaskStores, time: TaskTime) {
    this.stores = stores
    this.time = time
  }

  /** The legs of one partition of a node. */
  legs(node: Node, partition: number): readonly Leg[] {
    const steps: FusedStep[] = []
    let at = node
    for (;;) {
      if (at.storage !== StorageLevel.NONE) {
        const kept = at
        return this.withSteps([{ open: () => this.kept(kept, partition), steps: [] }], steps)
      }
      if (at.kind !== 'narrow' || lineageOf(at) !== at || !isFused(at.step)) break
      steps.unshift({ step: at.step, scope: at.scope })
      at = at.parent
    }
    return this.withSteps(this.bare(at, partition), steps)
  }

  private withSteps(legs: readonly Leg[], steps: readonly FusedStep[]): readonly Leg[] {
    if (steps.length === 0) return legs
    return legs.map(leg => ({ open: leg.open, steps: [...leg.steps, ...steps] }))
  }

  /** The legs of a node that is no fused step, without looking at what is kept of it. */
  private bare(given: Node, partition: number): readonly Leg[] {
    const node = lineageOf(given)
    switch (node.kind) {
      case 'source':
        return [{ open: () => this.opened(node, partition), steps: [] }]
      case 'narrow':
        if (node.step.op === 'mapPartitions') return [{ open: () => this.mapped(node, partition), steps: [] }]
        if (!isFused(node.step)) {
          const { f } = node.step
          const open = (): ChunkSource =>
            f(this.pull(node.parent, partition), this.time.info(node.scope), partition)
          return [{ open, steps: [] }]
        }
        return this.withSteps(this.legs(node.parent, partition), [{ step: node.step, scope: node.scope }])
      case 'union': {
        if (node.aligned) return node.parents.flatMap(parent => this.legs(parent, partition))
        let offset = partition
        for (const parent of node.parents) {
          if (offset < parent.numPartitions) return this.legs(parent, offset)
          offset -= parent.numPartitions
        }
        return []
      }
      case 'coalesce':
        return node.groupOf(partition).flatMap(p => this.legs(node.parent, p))
      case 'zip':
        return [{ open: () => this.zipped(node, partition), steps: [] }]
      case 'cartesian':
        return [{ open: () => this.cartesian(node, partition), steps: [] }]
      case 'shuffle': {
        const legsOf = (input: number): readonly Leg[] => this.legs(node.inputs[input]!.node, partition)
        return [
          { open: () => readShuffle(node, partition, this.stores.shuffle, legsOf, this.time), steps: [] },
        ]
      }
      case 'state':
        return [{ open: () => this.state(node, partition), steps: [] }]
      case 'stateOutput':
        return [{ open: () => this.stateOutput(node.parent, partition), steps: [] }]
    }
  }

  /** A partition's records, pulled. */
  pull(node: Node, partition: number): PullSource {
    return new PullSource(this.legs(node, partition), this.time)
  }

  private opened(node: SourceNode, partition: number): ChunkSource | Promise<ChunkSource> {
    const failed = (error: unknown): Error => this.time.failed(error, node.scope, undefined)
    return node.open(node.descriptors[partition], failed)
  }

  private mapped(node: Node & { kind: 'narrow' }, partition: number): ChunkSource | Promise<ChunkSource> {
    const f = node.step.f as unknown as (
      records: IterableIterator<unknown>,
      index: number,
    ) => Iterable<unknown>
    const input = this.pull(node.parent, partition)
    return after(input.prepare(), () =>
      this.callOnIterators(node, [input], ([records]) => f(records!, partition)),
    )
  }

  private zipped(node: Node & { kind: 'zip' }, partition: number): ChunkSource | Promise<ChunkSource> {
    const f = node.f as unknown as (...records: IterableIterator<unknown>[]) => Iterable<unknown>
    const inputs = node.parents.map(p => this.pull(p, partition))
    const waits = inputs.map(input => input.prepare()).filter(wait => wait !== undefined)
    const ready = waits.length === 0 ? undefined : Promise.all(waits)
    return after(ready, () => this.callOnIterators(node, inputs, iterators => f(...iterators)))
  }

  private async cartesian(node: Node & { kind: 'cartesian' }, partition: number): Promise<ChunkSource> {
    const width = node.right.numPartitions
    const left = this.pull(node.left, Math.floor(partition / width))
    await left.prepare()
    const right = await Gathered.of(ownRecords(this.pull(node.right, partition % width)), this.time.memory)
    // In the file they are read again for each record of the left side.
    const others = right.isFiled ? undefined : [...iterateSource(right.chunks())]
    const pairs = this.callOnIterators(node, [left], function* ([records]) {
      for (const record of records!)
        for (const other of others ?? iterateSource(right.chunks())) yield [record, other]
    })
    return {
      next: limit => pairs.next(limit),
      async close() {
        await pairs.close()
        right.release()
      },
    }
  }

  /** Calls a function of whole partitions; its inputs are closed when its output is. */
  private callOnIterators(
    node: Node,
    inputs: readonly ChunkSource[],
    call: (iterators: IterableIterator<unknown>[]) => Iterable<unknown>,
  ): ChunkSource {
    const { time } = this
    const failed = (error: unknown): Error => time.failed(error, node.scope, undefined)
    const iterators = inputs.map(iterateSource)
    let result: Iterable<unknown>
    try {
      result = call(iterators)
      if (result instanceof Promise)
        throw new KindlingError('PROMISE_RETURNED', {
          operation: node.scope.name,
          instead: 'mapPartitionsAsync',
        })
      if (typeof result?.[Symbol.iterator] !== 'function')
        throw new KindlingError('NOT_ITERABLE', { operation: node.scope.name, value: result })
    } catch (error) {
      for (const input of inputs) void input.close()
      throw failed(error)
    }
    const started = performance.now()
    let pausedAt = started
    const pause = (): boolean => {
      const now = performance.now()
      if (now - pausedAt < time.settings.yieldAfterMs) return false
      pausedAt = now
      return true
    }
    const output = sourceOfIterable(result, failed, pause)
    return {
      next: () => output.next(),
      async close() {
        await output.close()
        for (const input of inputs) await input.close()
      },
    }
  }

  /** The blocks of a kept partition; computed and kept first when they are not there. */
  private async kept(node: Node, partition: number): Promise<ChunkSource> {
    const { blocks } = this.stores
    const there = await blocks.get(node, partition)
    if (there !== undefined) return sourceOfBlocks(there)
    const made: Block[] = []
    const source = new PullSource(this.bare(node, partition), this.time)
    try {
      for (let chunk = await source.next(); chunk !== undefined; chunk = await source.next()) {
        made.push(blockOf(chunk))
        const pause = this.time.breathe()
        if (pause !== undefined) await pause
      }
    } catch (error) {
      throw this.time.failed(error, node.scope, undefined)
    } finally {
      await source.close()
    }
    await blocks.put(node, partition, made)
    return sourceOfBlocks(made)
  }

  private async state(node: StateNode, partition: number): Promise<ChunkSource> {
    await this.advance(node, partition)
    return node.versions.read(node.time, partition)
  }

  private async stateOutput(node: StateNode, partition: number): Promise<ChunkSource> {
    await this.advance(node, partition)
    return node.versions.output(node.time, partition)
  }

  /** Makes a version of state: those before it that are missing first, the oldest first. */
  private async advance(node: StateNode, partition: number): Promise<void> {
    const missing: StateNode[] = []
    for (let at: StateNode | undefined = node; at !== undefined; at = at.previous) {
      if (at.versions.has(at.time, partition)) break
      missing.push(at)
    }
    for (const version of missing.reverse()) {
      const inputs = version.inputs.map(input => this.pull(input, partition))
      const { scope } = version
      const task = {
        breathe: () => this.time.breathe(),
        failed: (error: unknown, value: unknown) => this.time.failed(error, scope, value),
      }
      await version.versions.advance(version, partition, inputs, task)
    }
  }
}

function blockOf(chunk: NonNullable<Awaited<ReturnType<ChunkSource['next']>>>): Block {
  if (chunk.kind === 'pairs') return blockOfPairs(chunk.keys, chunk.values)
  if (chunk.kind === 'rows') return blockOfRows(chunk.rows)
  return blockOfRows(chunk.text.split('\n').slice(0, -1))
}

/** `then` now, or once there is nothing to wait for. */
function after<R>(wait: Promise<unknown> | undefined, then: () => R): R | Promise<R> {
  return wait === undefined ? then() : wait.then(then)
}

/** The same records, none of which anybody else may change. */
function ownRecords(source: ChunkSource): ChunkSource {
  return {
    asynchronous: true,
    async next(limit) {
      const chunk = await source.next(limit)
      return chunk === undefined ? undefined : chunkOf(blockOf(chunk))
    },
    close: () => source.close(),
  }
}
