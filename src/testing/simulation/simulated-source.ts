/**
 * A log of records elsewhere, as Kafka has them: records arrive in the order that chance has, batches take ranges of it, and tasks read
 * them over a network that is slow and fails.
 */
import type { Random } from '../../base/random.ts'
import type { Time } from '../../base/time.ts'
import type { SparkContext } from '../../context/spark-context.ts'
import type { RDD } from '../../rdd/rdd.ts'
import type { BatchInput, InputSource, SourceHost } from '../../streaming/input-source.ts'
import { diskOf } from './disk.ts'
import { type Delay, type Mortal, type SimulatedWorld, worldOf } from './world.ts'

const ASKED: Delay = { usual: 3, longest: 100 }
/** By how many batches records may be late. */
const LATEST = 3

/** A record, and when it arrives. */
export interface Arrival {
  readonly time: number
  readonly record: unknown
}

/** Records of batch i are made in the course of its interval. In order of arrival. */
export function arrivalsOf(
  world: SimulatedWorld,
  name: string,
  batches: readonly (readonly unknown[])[],
  batchMs: number,
): Arrival[] {
  const random = world.random(`records of ${name}`)
  const arrivals = batches.flatMap((records, i) =>
    records.map(record => {
      const late = world.strikes('late-data', random, name) ? random.int(LATEST * batchMs) : 0
      return { time: i * batchMs + random.int(batchMs) + late, record }
    }),
  )
  return arrivals.sort((a, b) => a.time - b.time)
}

/** Where records are: data that travels. */
interface Range {
  readonly world: number
  readonly life: number
  readonly name: string
  readonly from: number
  readonly to: number
}

interface Description {
  readonly from: number
  readonly to: number
  readonly partitions: number
}

/** The logs of each world, by name. */
const logs = new WeakMap<SimulatedWorld, Map<string, readonly Arrival[]>>()

/** Makes a log known to those who read it. */
export function keepLog(world: SimulatedWorld, name: string, arrivals: readonly Arrival[]): void {
  const ofWorld = logs.get(world) ?? new Map<string, readonly Arrival[]>()
  logs.set(world, ofWorld.set(name, arrivals))
}

/** Reads a range, in a task. */
export async function* readRange({ world, life, name, from, to }: Range): AsyncGenerator<unknown> {
  for (let at = from; at < to; ) {
    const many = Math.min(to, at + 4)
    const step = { what: `fetch ${name} from ${at}`, kind: 'read', run: () => {} } as const
    await diskOf(world).take(life, step)
    for (; at < many; at++) yield logs.get(worldOf(world))!.get(name)![at]!.record
  }
}

/** See the file head. */
export class SimulatedSource<T> implements InputSource<T> {
  readonly name: string
  private readonly world: SimulatedWorld
  private readonly life: Mortal & { readonly number: number }
  private readonly sc: SparkContext
  private readonly partitions: number
  private readonly random: Random
  private next = 0
  private last: Description

  constructor(
    name: string,
    parts: {
      readonly world: SimulatedWorld
      readonly life: Mortal & { readonly number: number }
      readonly sc: SparkContext
      readonly partitions: number
    },
  ) {
    this.name = name
    this.world = parts.world
    this.life = parts.life
    this.sc = parts.sc
    this.partitions = parts.partitions
    this.random = parts.world.random(`life ${parts.life.number}, source ${name}`)
    this.last = { from: 0, to: 0, partitions: this.partitions }
  }

  async start(_host: SourceHost): Promise<void> {
    await this.asked('find')
  }

  stop(): void {}

  async plan(_time: Time): Promise<BatchInput<T>> {
    await this.asked('plan')
    const { world, next } = this
    const log = logs.get(world)!.get(this.name)!
    let to = next
    while (to < log.length && log[to]!.time <= world.clock.now()) to++
    this.last = { from: next, to, partitions: this.partitions }
    this.next = to
    world.note(`${this.name}: planned ${next} to ${to}`)
    return { rdd: this.rdd(this.last), numRecords: to - next }
  }

  describe(): Description {
    return this.last
  }

  restore(_time: Time, description: unknown): () => RDD<T> {
    const range = description as Description
    this.next = range.to
    return () => this.rdd(range)
  }

  private async asked(what: string): Promise<void> {
    const { world, random, life } = this
    await world.pause(ASKED, random, life)
    if (world.strikes('source-failure', random, `${this.name}, ${what}`))
      throw new Error(`${this.name} does not answer: a simulated fault`)
  }

  private rdd({ from, to, partitions }: Description): RDD<T> {
    const { name } = this
    const place = { world: this.world.id, life: this.life.number, name }
    const at = (p: number): number => from + Math.floor((p * (to - from)) / partitions)
    const ranges = Array.from({ length: partitions }, (_, p) => ({ ...place, from: at(p), to: at(p + 1) }))
    return this.sc.fromPartitions<Range, T>(ranges, readRange as (range: Range) => AsyncIterable<T>)
  }
}
