/** What can go wrong in a simulation, and how often. */
import type { Random } from '../../base/random.ts'

/**
 * - `crash`: the process of the program dies at any point; what it wrote is there
 * - `power-loss`: the machine goes down: of what was not brought to the disk a part, all or nothing is there
 * - `suspension`: the process does nothing for a while, as after SIGSTOP; another takes its place, and then it goes on
 * - `torn-write`: what was being written in that moment is there in part
 * - `worker-death`: a worker dies, and what it was sent or had sent is lost
 * - `worker-hang`: a worker does nothing any more, until it is ended
 * - `slow-worker`: messages to and from a worker take ten times as long for a while
 * - `task-failure`: an attempt at a task fails before it begins
 * - `write-error`, `read-error`: the disk or the storage fails (EIO)
 * - `disk-full`: nothing can be written for a while (ENOSPC)
 * - `lost-answer`: a storage did what it was asked for, and says that it failed
 * - `source-failure`: a source cannot be asked
 * - `late-data`: records arrive late, so in another order
 * - `disconnect`: the connection of a receiver breaks
 * - `damaged-file`: a file into which a task put what did not fit into its memory is cut off, changed or gone
 */
export const SIMULATED_FAULTS = [
  'crash',
  'power-loss',
  'suspension',
  'torn-write',
  'worker-death',
  'worker-hang',
  'slow-worker',
  'task-failure',
  'write-error',
  'read-error',
  'disk-full',
  'lost-answer',
  'source-failure',
  'late-data',
  'disconnect',
  'damaged-file',
] as const

/** See {@link SIMULATED_FAULTS}. */
export type SimulatedFault = (typeof SIMULATED_FAULTS)[number]

/** How likely each is, each time that it could happen. */
const CHANCE: Readonly<Record<SimulatedFault, number>> = {
  crash: 0.002,
  'power-loss': 0.001,
  suspension: 0.001,
  'torn-write': 0.9,
  'worker-death': 0.004,
  'worker-hang': 0.004,
  'slow-worker': 0.2,
  'task-failure': 0.01,
  'write-error': 0.004,
  'read-error': 0.003,
  'disk-full': 0.001,
  'lost-answer': 0.004,
  'source-failure': 0.02,
  'late-data': 0.2,
  disconnect: 0.03,
  'damaged-file': 0.02,
}

/** Of these any number may come: they only change how things go, or belong to another fault. */
export const UNLIMITED: ReadonlySet<SimulatedFault> = new Set(['torn-write', 'slow-worker', 'late-data'])
/** Of all others together so many at most, so that the program gets somewhere. */
export const MOST_FAULTS = 10

/** Those that a simulation may have, each with its chance in it: every one comes often, seldom, or not at all. */
export function chancesOf(
  faults: readonly SimulatedFault[],
  rate: number,
  random: Random,
): ReadonlyMap<SimulatedFault, number> {
  return new Map(
    SIMULATED_FAULTS.map(fault => {
      const weight = random.int(3)
      return [fault, faults.includes(fault) ? Math.min(0.9, CHANCE[fault] * rate * weight * weight) : 0]
    }),
  )
}
