/** Whoever runs a simulated program: starts it, lets time pass, and starts it again when it has died or stopped. */
import type { Incarnation } from '../incarnation.ts'
import type { StreamTest } from '../stream-test.ts'
import { codeOf, isOfUser, isOvertaken, isSimulated } from './is-simulated.ts'
import type { SimulatedMachine } from './machine.ts'
import type { SimulatedWorld } from './world.ts'

/** Virtual time within which the program must be done with what it began. */
const PATIENCE_MS = 600_000
const MOST_LIVES = 200
/** For how long it is down at most. */
const DOWN_MS = 1000

/** What it must know of the program. */
export interface SupervisedProgram {
  /** Has been built and not started. */
  readonly test: StreamTest
  /** Whether batches that fail for good are given up: then functions of the program may throw. */
  readonly givesUp: boolean
  /** Builds its next life. */
  beginAnew(): void
}

/** See the file head. Errors of the program that no fault explains are thrown. */
export class Supervisor {
  private readonly world: SimulatedWorld
  private readonly machine: SimulatedMachine
  private readonly program: SupervisedProgram
  private readonly test: StreamTest
  /** Whether nothing runs: it died, or is suspended. */
  private isDown = false
  private seenErrors = 0
  private lives = 1

  constructor(world: SimulatedWorld, machine: SimulatedMachine, program: SupervisedProgram) {
    const { test } = program
    this.world = world
    this.machine = machine
    this.program = program
    this.test = test
    world.onCrash = fault => {
      this.isDown = true
      machine.strike(fault, test.life)
    }
  }

  /** Starts the program, until it runs. */
  async start(): Promise<void> {
    while (!(await this.hasStarted())) await this.rebuild()
  }

  /** Lets time pass; a program that died or stopped meanwhile is started again. */
  async pass(ms: number): Promise<void> {
    await this.advance(ms)
    if (!this.isDown && this.test.ssc.getState() !== 'stopped') return
    await this.rebuild()
    await this.start()
  }

  /** Stops the program. Fails when something is left behind. */
  async end(): Promise<void> {
    await this.stop()
    for (const life of this.machine.overtaken()) await this.stopLife(life)
    const left = [...this.machine.unstopped(), ...this.machine.leftBehind()]
    if (left.length > 0) throw new Error(`the program left behind: ${left.join('; ')}`)
  }

  private async hasStarted(): Promise<boolean> {
    const { life, ssc } = this.test
    this.world.note(`life ${life.number} begins`)
    let failure: unknown
    const starting = ssc.start().catch((error: unknown) => {
      failure = error
    })
    void life.clock.activity.track(starting)
    await this.advance(0)
    if (this.isDown) return false
    if (failure !== undefined && !this.isExplained(failure)) throw failure
    return failure === undefined
  }

  private async rebuild(): Promise<void> {
    const { program, world } = this
    if (!this.isDown) await this.stop()
    if (++this.lives > MOST_LIVES)
      throw new Error(`the program has begun ${MOST_LIVES} times, and does not go on`)
    await this.advance(world.random(`downtime ${this.lives}`).int(DOWN_MS))
    this.isDown = false
    program.beginAnew()
  }

  private async stop(): Promise<void> {
    const { life } = this.test
    this.world.note(`life ${life.number} is stopped`)
    await this.stopLife(life)
    life.die()
  }

  /** Unless it dies meanwhile. */
  private async stopLife({ clock, context, death }: Incarnation): Promise<void> {
    const stopping = context.stop({ stopSparkContext: true })
    void clock.activity.track(stopping)
    await this.advance(0)
    await Promise.race([stopping, death])
  }

  private async advance(ms: number): Promise<void> {
    const { clock } = this.world
    const impatience = clock.schedule(clock.now() + ms + PATIENCE_MS, () => {
      throw new Error(`the program is not done after ${PATIENCE_MS} ms of virtual time`)
    })
    try {
      await clock.advance(ms)
    } finally {
      impatience.cancel()
    }
    this.assertErrors()
  }

  /** By a fault; by a function of a program that gives such batches up; or by one that was suspended while it started, and has taken over after this one. */
  private isExplained(error: unknown): boolean {
    if (this.program.givesUp && isOfUser(error)) return true
    return isSimulated(error) || (isOvertaken(error) && !this.machine.owns(this.test.life))
  }

  private assertErrors(): void {
    const { errors, overtakenErrors } = this.test
    const fresh = errors.slice(this.seenErrors)
    this.seenErrors = errors.length
    for (const error of fresh) {
      if (!this.isExplained(error)) throw error
      this.world.note(`error: ${codeOf(error)}`)
    }
    for (const error of overtakenErrors.splice(0)) {
      const isExplained =
        isSimulated(error) || isOvertaken(error) || (this.program.givesUp && isOfUser(error))
      if (!isExplained) throw error
      this.world.note(`error of one that was overtaken: ${codeOf(error)}`)
    }
  }
}
