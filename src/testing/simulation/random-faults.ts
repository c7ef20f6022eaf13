/** Every place at which a test could plan a fault is one where a simulation may have one. */
import { KindlingError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { type FaultPlace, type FaultPoint, Faults } from '../faults.ts'
import type { Incarnation } from '../incarnation.ts'
import type { SimulatedWorld } from './world.ts'

/** See the file head. */
export class RandomFaults extends Faults {
  private readonly world: SimulatedWorld
  private readonly random: Random

  constructor(world: SimulatedWorld) {
    super()
    this.world = world
    this.random = world.random('places')
  }

  override arrive(
    point: FaultPoint,
    { name, stage, partition, attempt }: FaultPlace,
    _crashed: undefined,
    life: Incarnation,
  ): void | Promise<void> {
    const { world } = this
    const which = point === 'task' ? `${stage}/${partition}.${attempt}` : name
    if (world.mayCrash())
      return new Promise(resolve => world.at(world.clock.now(), this.random, life, resolve))
    world.note(`${point} ${which}`)
    if (point === 'task' && world.strikes('task-failure', this.random, which))
      throw new KindlingError('PLANNED_FAULT', { point })
  }
}
