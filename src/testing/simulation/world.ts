/**
 * The world in which a simulated program lives: time, chance, faults, and the log of what happened.
 *
 * Everything that takes time (a message, a write, an answer) is an event: planned with a delay drawn from the seed, and put in the log
 * when it happens. Each part of the world draws from numbers of its own, so that what one part does changes nothing for another.
 *
 * I1  Between two events everything that the first one set off comes to rest.
 * I2  Events of one moment happen in an order that is drawn too.
 */
import { ManualClock } from '../../base/clock.ts'
import { Random } from '../../base/random.ts'
import { chancesOf, MOST_FAULTS, SIMULATED_FAULTS, type SimulatedFault, UNLIMITED } from './faults.ts'

/** Something that happened. */
export interface SimulationEvent {
  /** Virtual time in ms. */
  readonly time: number
  /** `worker 1: ended task 3.0`, `fault: crash`. */
  readonly what: string
}

/** Something that can die: its events do not happen then. While it is suspended, they wait. */
export interface Mortal {
  readonly isDead: boolean
  /** In ms. */
  readonly suspendedUntil: number
}

interface Planned {
  readonly at: number
  readonly rank: number
  readonly owner: Mortal
  run(): void
}

/** What happens to the program as a whole. */
const PROGRAM_FAULTS = ['crash', 'power-loss', 'suspension'] as const
export type ProgramFault = (typeof PROGRAM_FAULTS)[number]

/** Delays in ms; most are short. */
export interface Delay {
  readonly usual: number
  readonly longest: number
}

/** See the file head. */
export class SimulatedWorld {
  readonly id: number
  readonly clock: ManualClock = new ManualClock(0, { closed: true })
  readonly log: SimulationEvent[] = []
  /** How often each fault came. */
  readonly hits: Record<SimulatedFault, number>
  /** Called when it is time for the program to die. */
  onCrash: (fault: ProgramFault) => void = () => {}
  private readonly seed: Random
  private readonly chances: ReadonlyMap<SimulatedFault, number>
  private readonly crashes: Random
  private readonly planned: Planned[] = []
  private isCalm = false
  /** So many may still come. */
  private left: number
  private names = 0

  /** @param rate how many times as often as usual faults come */
  constructor(seed: number | string, faults: readonly SimulatedFault[], rate = 1) {
    this.seed = new Random(seed)
    this.chances = chancesOf(faults, rate, this.seed.fork('chances'))
    this.left = 1 + this.seed.fork('number of faults').int(MOST_FAULTS)
    this.crashes = this.seed.fork('crashes')
    this.hits = Object.fromEntries(SIMULATED_FAULTS.map(fault => [fault, 0])) as typeof this.hits
    this.id = nextId++
    worlds.set(this.id, this)
  }

  /** Numbers for a part of the world. */
  random(part: string): Random {
    return this.seed.fork(part)
  }

  /** A name that nothing else has here. */
  newName(): string {
    return `name-${this.names++}`
  }

  note(what: string): void {
    this.log.push({ time: this.clock.now(), what })
  }

  /** No more faults from now on. */
  calmDown(): void {
    this.isCalm = true
    this.note('no more faults')
  }

  /** Whether a fault comes now; it is noted then. */
  strikes(fault: SimulatedFault, random: Random, where = ''): boolean {
    // Drawn in any case: a fault more or less does not change when others come.
    const drawn = random.next()
    const isLimited = !UNLIMITED.has(fault)
    if (this.isCalm || drawn >= this.chances.get(fault)! || (isLimited && this.left === 0)) return false
    if (isLimited) this.left--
    this.hits[fault]++
    this.note(`fault: ${fault}${where === '' ? '' : ` ${where}`}`)
    return true
  }

  /** A moment at which the program may die. Whether it did. */
  mayCrash(): boolean {
    for (const fault of PROGRAM_FAULTS)
      if (this.strikes(fault, this.crashes)) {
        this.onCrash(fault)
        return true
      }
    return false
  }

  /** Plans an event after a delay. */
  after(delay: Delay, random: Random, owner: Mortal, run: () => void): void {
    this.at(this.clock.now() + drawn(delay, random), random, owner, run)
  }

  /** Plans an event. */
  at(time: number, random: Random, owner: Mortal, run: () => void): void {
    this.plan({ at: time, rank: random.next(), owner, run })
  }

  /** Resolves after a delay, as long as the owner lives. */
  pause(delay: Delay, random: Random, owner: Mortal): Promise<void> {
    return new Promise(resolve => this.after(delay, random, owner, resolve))
  }

  /** Nobody looks for it any more. */
  end(): void {
    worlds.delete(this.id)
  }

  private plan(event: Planned): void {
    this.planned.push(event)
    this.clock.schedule(event.at, () => this.next())
  }

  private next(): void {
    const now = this.clock.now()
    let first = -1
    for (const [i, event] of this.planned.entries())
      if (event.at <= now && (first < 0 || isBefore(event, this.planned[first]!))) first = i
    const [event] = this.planned.splice(first, 1)
    const { owner, run, rank } = event!
    if (owner.isDead) return
    if (now < owner.suspendedUntil) this.plan({ at: owner.suspendedUntil, rank, owner, run })
    // It may be one of those that live on.
    else if (this.mayCrash()) this.plan({ at: now, rank, owner, run })
    else run()
  }
}

/** A delay in ms. */
export function drawn({ usual, longest }: Delay, random: Random): number {
  return random.next() < 0.9 ? random.int(usual + 1) : random.int(longest + 1)
}

function isBefore(a: Planned, b: Planned): boolean {
  return a.at === b.at ? a.rank < b.rank : a.at < b.at
}

let nextId = 0
/** Those that have not ended. */
const worlds = new Map<number, SimulatedWorld>()

/** A world by its number: what travels to workers as data finds the world again by it. */
export function worldOf(id: number): SimulatedWorld {
  return worlds.get(id)!
}
