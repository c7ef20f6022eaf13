/**
 * Runs jobs: cuts lineage into stages, asks `job-decisions.ts` what to do, and does it.
 *
 * A job ends when each of its partitions has a result, or at the first error that may not be tried again. Its promise rejects
 * with the user's own failure; tasks still running are told by their signal, and what they yield later is dropped.
 */
import type { Timer } from '../base/clock.ts'
import type { KindlingError } from '../base/errors.ts'
import type { Node } from '../rdd/nodes.ts'
import type { JobRequest } from '../rdd/ports.ts'
import type { JobHistory } from './job-history.ts'
import { RunningJob, type SchedulerParts } from './running-job.ts'
import { cutStages, type Stage, unprepared } from './stages.ts'
import { type Submission, SubmittedJob } from './submitted-job.ts'

/** Runs jobs; several may run at once. */
export class DAGScheduler {
  private readonly parts: SchedulerParts
  private readonly submitted = new Set<SubmittedJob>()
  /** The running jobs, and what resolves when each has ended. */
  private readonly jobs = new Map<RunningJob, Promise<void>>()
  /** Map stages being computed, by shuffle id: a second job that needs one waits for it instead of computing it again. */
  private readonly mapStages = new Map<number, Promise<unknown>>()
  private nextJobId = 0
  /** The next look at slow tasks; only while jobs run. */
  private nextTick: Timer | undefined

  constructor(parts: SchedulerParts) {
    this.parts = parts
  }

  get history(): JobHistory {
    return this.parts.history
  }

  /** How many jobs run. */
  get activeJobs(): number {
    return this.jobs.size
  }

  /** Runs one job; see {@link JobRunner.runRequest}. */
  async runJob<R>(request: JobRequest<R>, submission: Submission): Promise<R[]> {
    const { available } = this.parts
    const submitted = new SubmittedJob(submission)
    this.submitted.add(submitted)
    try {
      submitted.throwIfCancelled()
      await this.prepare(request.node, submission)
      for (;;) {
        submitted.throwIfCancelled()
        const stage = cutStages(request.node, available)
        const elsewhere = this.computedElsewhere(stage)
        if (elsewhere.length === 0) return await this.start(request, submitted, stage)
        await submitted.wait(elsewhere)
      }
    } finally {
      submitted.end()
      this.submitted.delete(submitted)
    }
  }

  /** Runs the jobs that a job on `node` has to wait for; see {@link Preparation}. */
  async prepare(node: Node, submission: Submission): Promise<void> {
    for (const preparation of unprepared(node, this.parts.available))
      if (!preparation.ready) await preparation.prepare(request => this.runJob(request, submission))
  }

  /** Fails the jobs that match, also those that wait, with `error`. */
  cancelWhere(matches: (job: SubmittedJob) => boolean, error: KindlingError): void {
    for (const job of [...this.submitted]) if (matches(job)) job.cancel(error)
  }

  /** Resolves when all jobs that run now have ended: none of their tasks looks at lineage any more. */
  async afterRunningJobs(): Promise<void> {
    await Promise.all(this.jobs.values())
    await this.parts.backend.settled()
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

  private start<R>(request: JobRequest<R>, submitted: SubmittedJob, result: Stage): Promise<R[]> {
    const { properties } = submitted.submission
    const job = new RunningJob(
      this.nextJobId++,
      request as JobRequest<unknown>,
      properties,
      result,
      this.parts,
    )
    submitted.begin(job)
    const ended = job.run()
    const over = ended.then(
      () => {},
      () => {},
    )
    this.jobs.set(job, over)
    const shuffleIds = job.stages.filter(s => s.output !== undefined).map(shuffleIdOf)
    for (const id of shuffleIds) this.mapStages.set(id, over)
    this.tickLater()
    void over.then(() => {
      this.jobs.delete(job)
      if (this.jobs.size === 0) this.nextTick = void this.nextTick?.cancel()
      for (const id of shuffleIds) if (this.mapStages.get(id) === over) this.mapStages.delete(id)
    })
    return ended as Promise<R[]>
  }

  private tickLater(): void {
    const { clock, backend, limits } = this.parts
    if (limits.speculation === undefined || this.nextTick !== undefined || this.jobs.size === 0) return
    this.nextTick = clock.schedule(clock.now() + limits.speculation.intervalMs, () => {
      this.nextTick = undefined
      for (const job of this.jobs.keys()) job.tick(backend.capacity)
      this.tickLater()
    })
  }
}

function shuffleIdOf(stage: Stage): number {
  const { shuffle, input } = stage.output!
  return shuffle.inputs[input]!.shuffleId!
}
