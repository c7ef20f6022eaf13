/**
 * Tasks on the caller's own thread, at most `capacity` at the same time, taken from one queue.
 *
 * A task gives the event loop its turn whenever its time slice is over, so timers, sockets and other tasks go on; one call of a
 * user function cannot be interrupted.
 */
import type { Activity } from '../base/activity.ts'
import { KindlingError } from '../base/errors.ts'
import type { Backend, Task, TaskEvents } from '../scheduler/task.ts'
import type { TaskQueue } from '../scheduler/task-queue.ts'
import type { TaskRunner } from './task-runner.ts'

/** Called before each attempt; what it throws fails the attempt, and a promise delays it. For fault injection in tests. */
export type TaskHook = (task: Task) => void | Promise<void>

/** See the file head. */
export class InlineBackend implements Backend {
  readonly capacity: number
  private readonly runner: TaskRunner
  private readonly activity: Activity
  private readonly hook: TaskHook | undefined
  private readonly queue: TaskQueue
  private readonly attempts = new Set<Promise<void>>()
  private running = 0
  private stopped = false
  private idle: PromiseWithResolvers<void> | undefined

  constructor(
    runner: TaskRunner,
    { capacity, queue }: { readonly capacity: number; readonly queue: TaskQueue },
    activity: Activity,
    hook?: TaskHook,
  ) {
    this.runner = runner
    this.queue = queue
    this.capacity = capacity
    this.activity = activity
    this.hook = hook
  }

  submit(tasks: readonly Task[], events: TaskEvents): void {
    this.queue.add(tasks, events)
    this.fill()
  }

  async stop(): Promise<void> {
    this.stopped = true
    for (const { task, events } of this.queue.drain())
      events.failed(task, new KindlingError('CONTEXT_STOPPED', { what: 'Running a task' }))
    if (this.running === 0) return
    this.idle ??= Promise.withResolvers()
    await this.idle.promise
  }

  async settled(): Promise<void> {
    await Promise.all(this.attempts)
  }

  private fill(): void {
    while (this.running < this.capacity && this.queue.size > 0) {
      const next = this.queue.take()!
      this.running++
      const attempt = this.run(next.task, next.events)
      this.attempts.add(attempt)
      void attempt.then(() => this.attempts.delete(attempt))
    }
  }

  private async run(task: Task, events: TaskEvents): Promise<void> {
    const end = this.activity.begin()
    let tell: () => void
    try {
      if (this.stopped) throw new KindlingError('CONTEXT_STOPPED', { what: 'Running a task' })
      task.signal.throwIfAborted()
      events.started(task)
      if (this.hook !== undefined) await this.hook(task)
      const result = await this.runner.run(task)
      tell = () => events.succeeded(task, result)
    } catch (error) {
      tell = () => events.failed(task, error)
    }
    this.running--
    this.queue.ended(task)
    tell()
    this.fill()
    end()
    if (this.running === 0) this.idle?.resolve()
  }
}
