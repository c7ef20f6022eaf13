/**
 * One life of a program under test, from its definition to its end or its death.
 *
 * Dead is dead: after `die` no timer of it fires, no task of it begins, no job of it ends, and nothing that it writes is written.
 * What still runs comes to one of these and stays there.
 */
import type { Clock } from '../base/clock.ts'
import { SparkContext, type SparkContextOptions } from '../context/spark-context.ts'
import type { JobRequest } from '../rdd/ports.ts'
import { contextStopped } from '../streaming/active-contexts.ts'
import type { StreamingContext } from '../streaming/streaming-context.ts'
import { MortalClock, never } from './mortal-clock.ts'

/** See the file head. */
export class Incarnation {
  readonly clock: MortalClock
  /** Resolves when it dies. */
  readonly death: Promise<void>
  context!: StreamingContext
  isDead = false
  /** Until when nothing of it happens, in ms. */
  suspendedUntil = 0
  /** Which life of the program, from 0. */
  readonly number: number
  private readonly died: () => void

  constructor(clock: Clock, number: number) {
    this.number = number
    this.clock = new MortalClock(clock)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.death = promise
    this.died = resolve
  }

  /** A context whose jobs never end after the death. */
  sparkContext(options: SparkContextOptions): SparkContext {
    return new MortalSparkContext({ ...options, clock: this.clock }, this)
  }

  /** What is given, while it lives; after that, nothing ever. */
  alive<T>(value: T | Promise<T>): Promise<T> {
    return Promise.resolve(value).then(
      result => (this.isDead ? never() : result),
      error => (this.isDead ? never() : Promise.reject(error)),
    )
  }

  /** Nothing of it happens for a while, as after SIGSTOP; then it goes on. */
  suspend(untilMs: number): void {
    this.suspendedUntil = untilMs
    this.clock.suspend(untilMs)
  }

  die(): void {
    if (this.isDead) return
    this.isDead = true
    contextStopped(this.context)
    this.clock.die()
    this.died()
  }

  /** Lets go of sockets and the like, which a real death would have closed, and of files in a folder for temporary ones. */
  async bury(): Promise<void> {
    await this.context.abandonSources()
    await this.context.sc.spillFolder.remove()
  }
}

class MortalSparkContext extends SparkContext {
  private readonly life: Incarnation

  constructor(options: SparkContextOptions, life: Incarnation) {
    super(options)
    this.life = life
  }

  override runRequest<R>(request: JobRequest<R>): Promise<R[]> {
    if (this.life.isDead) return never()
    return this.life.alive(super.runRequest(request))
  }
}
