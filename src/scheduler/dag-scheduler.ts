/**
 * Runs jobs: cuts lineage into stages, asks `job-decisions.ts` what to do, and does it.
 *
 * A job ends when each of its partitions has a result, or at the first error that may not be tried again. Its promise rejects
 * with the user's own failure; tasks still running are told by their signal, and what they yield later is dropped.
 */
import type { KindlingError } from '../base/errors.ts'
import type { Node } from '../rdd/nodes.ts'
import type { JobRequest } from '../rdd/ports.ts'
import { RunningJob, type SchedulerParts } from './running-job.ts'
import { cutStages, type Stage, unprepared } from './stages.ts'
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

  /** Runs one job; see {@link JobRunner.runRequest}. */
  async runJob<R>(request: JobRequest<R>, properties: JobProperties): Promise<R[]> {
    const { available } = this.parts
    await this.prepare(request.node, request.signal, properties)
    for (;;) {
      const stage = cutStages(request.node, available)
      const elsewhere = this.computedElsewhere(stage)
      if (elsewhere.length === 0) return this.start(request, properties, stage)
      await Promise.allSettled(elsewhere)
    }
  }

  /** Runs the jobs that a job on `node` has to wait for; see {@link Preparation}. */
  async prepare(node: Node, signal: AbortSignal | undefined, properties: JobProperties): Promise<void> {
    for (const preparation of unprepared(node, this.parts.available))
      if (!preparation.ready)
        await preparation.prepare(request => this.runJob({ ...request, signal }, properties))
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
}

function shuffleIdOf(stage: Stage): number {
  const { shuffle, input } = stage.output!
  return shuffle.inputs[input]!.shuffleId!
}
