/** The machine on which a simulated program runs: workers, a disk, and a place for checkpoints. It outlives the program. */
import type { ManualClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/logger.ts'
import type { Random } from '../../base/random.ts'
import type { SparkContextOptions } from '../../context/spark-context.ts'
import { LocalStorage } from '../../streaming/checkpoint/local-storage.ts'
import type { CheckpointStorage } from '../../streaming/checkpoint/storage.ts'
import type { Incarnation } from '../incarnation.ts'
import type { TestMachine } from '../stream-test.ts'
import { SimulatedDisk } from './disk.ts'
import { RandomFaults } from './random-faults.ts'
import { SimulatedFiles } from './simulated-files.ts'
import { SimulatedStorage } from './simulated-storage.ts'
import { type SimulatedWorker, simulatedCarriers } from './workers.ts'
import type { ProgramFault, SimulatedWorld } from './world.ts'

/** For how long a process is suspended at most. */
const SUSPENDED_MS = 4000

/** See the file head. */
export class SimulatedMachine implements TestMachine {
  readonly clock: ManualClock
  readonly faults: RandomFaults
  readonly disk: SimulatedDisk
  readonly savesOn: 'disk' | 'storage'
  private readonly world: SimulatedWorld
  private readonly lives: Incarnation[] = []
  private readonly suspensions: Random
  private readonly workers: SimulatedWorker[] = []

  constructor(world: SimulatedWorld, savesOn: 'disk' | 'storage' | undefined) {
    this.world = world
    this.clock = world.clock
    this.suspensions = world.random('suspensions')
    this.faults = new RandomFaults(world)
    this.disk = new SimulatedDisk(world, number => this.lives[number]!)
    this.savesOn = savesOn ?? (world.random('place of checkpoints').int(2) === 0 ? 'disk' : 'storage')
  }

  context(life: Incarnation): Partial<SparkContextOptions> {
    const { world } = this
    this.lives.push(life)
    return {
      carriers: simulatedCarriers(world, life, silentLogger, worker => this.workers.push(worker)),
      newName: () => world.newName(),
    }
  }

  storage({ number }: Incarnation): CheckpointStorage {
    if (this.savesOn === 'storage') return new SimulatedStorage('checkpoint', this.world.id, number)
    const files = new SimulatedFiles(this.world.id, number)
    // As in a container: each process has the number of the one before.
    return new LocalStorage('/checkpoint', { files, writer: { host: 'simulated', pid: 1 } })
  }

  owns({ number }: Incarnation): boolean {
    return number === this.disk.owner
  }

  /** The program dies, or its machine; or it is suspended, and goes on later beside the one that takes its place. */
  strike(fault: ProgramFault, life: Incarnation): void {
    if (fault === 'suspension') {
      life.suspend(this.clock.now() + this.suspensions.int(SUSPENDED_MS))
      return
    }
    for (const each of fault === 'power-loss' ? this.lives : [life]) each.die()
    this.disk.interrupt()
    if (fault === 'power-loss') this.disk.losePower()
  }

  /** All lives of the program end. */
  end(): void {
    for (const life of this.lives) life.die()
  }

  /** Processes that were overtaken and have stopped by themselves; their workers have not. */
  overtaken(): Incarnation[] {
    return this.lives.filter(({ isDead, context }) => !isDead && context.getState() === 'stopped')
  }

  /** Processes that were overtaken and have not stopped by themselves. */
  unstopped(): string[] {
    return this.lives
      .filter(({ isDead, context }) => !isDead && context.getState() !== 'stopped')
      .map(({ number }) => `life ${number}, which was overtaken, still runs`)
  }

  /** What a program that has ended left behind: workers that run, steps of the disk that are under way. */
  leftBehind(): string[] {
    return [
      ...this.workers.filter(worker => !worker.isDead).map(worker => `${worker.name} runs`),
      ...this.disk.stepsUnderWay().map(what => `the disk is at: ${what}`),
    ]
  }
}
