/**
 * Runs jobs: cuts lineage into stages, asks `job-decisions.ts` what to do, and does it.
 *
 * A job ends when each of its partitions has a result, or at the first error that may not be tried again. Its promise rejects
 * with the user's own failure; tasks still running are told by their signal, and what they yield later is dropped.
 */
import type { KindlingError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import type { ShuffleNode } from '../rdd/nodes.ts'
import { type RangePartitioner, Reservoir } from '../rdd/partitioner.ts'
import type { JobRequest, TaskInput } from '../rdd/ports.ts'
import { recordsOf } from '../rdd/segment/interpret.ts'
import { RunningJob, type SchedulerParts } from './running-job.ts'
import { cutStages, type Stage, unsampledShuffles } from './stages.ts'
import type { JobProperties } from './task.ts'

/** Runs jobs; several may run at once. */
export class DAGScheduler {
  private readonly parts: SchedulerParts
  private readonly jobs = new Set<RunningJob>()
  /** Map stages being computed, by shuffle id: a second job that needs one waits for it instead of computing it again. */
  private readonly mapStages = new Map<number, Promise<unknown>>()
  private nextJobId = 0

  constructor(parts: SchedulerParts) {
    this.parts = parts
  }

  /** How many jobs run. */
  get activeJobs(): number {
    return this.jobs.size
  }

  /** Runs one job; see {@link JobRunner.runJob}. */
  async runJob<R>(request: JobRequest<R>, properties: JobProperties): Promise<R[]> {
    const { available } = this.parts
    for (const shuffle of unsampledShuffles(request.node, available))
      await this.sample(shuffle, request.signal, properties)
    for (;;) {
      const stage = cutStages(request.node, available)
      const elsewhere = this.computedElsewhere(stage)
      if (elsewhere.length === 0) return this.start(request, properties, stage)
      await Promise.allSettled(elsewhere)
    }
  }

  /** Fails every running job with `error`. */
  cancelAll(error: KindlingError): void {
    for (const job of [...this.jobs]) job.cancel(error)
  }

  private computedElsewhere(result: Stage): Promise<unknown>[] {
    if (this.mapStages.size === 0) return []
    const found: Promise<unknown>[] = []
    const stack = [...result.parents]
    for (let stage = stack.pop(); stage !== undefined; stage = stack.pop()) {
      const running = this.mapStages.get(shuffleIdOf(stage))
      if (running !== undefined) found.push(running)
      stack.push(...stage.parents)
    }
    return found
  }

  private start<R>(request: JobRequest<R>, properties: JobProperties, result: Stage): Promise<R[]> {
    const job = new RunningJob(
      this.nextJobId++,
      request as JobRequest<unknown>,
      properties,
      result,
      this.parts,
    )
    this.jobs.add(job)
    const ended = job.run()
    const over = ended.then(
      () => {},
      () => {},
    )
    const shuffleIds = job.stages.filter(s => s.output !== undefined).map(shuffleIdOf)
    for (const id of shuffleIds) this.mapStages.set(id, over)
    void over.then(() => {
      this.jobs.delete(job)
      for (const id of shuffleIds) if (this.mapStages.get(id) === over) this.mapStages.delete(id)
    })
    return ended as Promise<R[]>
  }

  /** Fixes the bounds of a range partitioner by a job over the keys of its input. */
  private async sample(
    shuffle: ShuffleNode,
    signal: AbortSignal | undefined,
    properties: JobProperties,
  ): Promise<void> {
    const partitioner = shuffle.partitioner as RangePartitioner
    const { node } = shuffle.inputs[0]!
    const size = partitioner.samplesPerInput(node.numPartitions)
    const run = async (
      records: TaskInput,
      task: { readonly partition: number; breathe(): Promise<void> | undefined },
    ) => {
      const reservoir = new Reservoir(size, new Random(shuffle.id).fork(task.partition))
      for (let chunk = await records.next(); chunk !== undefined; chunk = await records.next()) {
        if (chunk.kind === 'pairs') for (const key of chunk.keys) reservoir.offer(key)
        else for (const record of recordsOf(chunk)) reservoir.offer((record as readonly unknown[])[0])
        const pause = task.breathe()
        if (pause !== undefined) await pause
      }
      return reservoir
    }
    const { scope } = shuffle
    const sampling: JobRequest<Reservoir> = { node, sink: { kind: 'chunks', run }, scope, signal }
    const samples = await this.runJob(sampling, properties)
    partitioner.setBounds(samples.filter(s => s.count > 0))
  }
}

function shuffleIdOf(stage: Stage): number {
  const { shuffle, input } = stage.output!
  return shuffle.inputs[input]!.shuffleId!
}
