/**
 * A receiver of a peer that sends records in order and keeps them until they are acknowledged. The connection takes time and breaks; then
 * the peer begins again with what was not acknowledged.
 */
import type { Random } from '../../base/random.ts'
import { Receiver } from '../../streaming/receiver/receiver.ts'
import type { Arrival } from './simulated-source.ts'
import type { Delay, Mortal, SimulatedWorld } from './world.ts'

const CONNECT: Delay = { usual: 20, longest: 500 }
const SENT: Delay = { usual: 3, longest: 60 }
const AGAIN_MS = 200
const BATCH = 3

/** What the peer knows; it outlives the program. */
export interface Peer {
  readonly name: string
  readonly arrivals: readonly Arrival[]
  /** So many were acknowledged. */
  acknowledged: number
}

/** See the file head. */
export class SimulatedReceiver<T> extends Receiver<T> {
  private readonly world: SimulatedWorld
  private readonly peer: Peer
  private readonly life: Mortal
  private readonly random: Random
  /** Grows with each connection. */
  private connection = 0

  constructor(world: SimulatedWorld, peer: Peer, life: Mortal & { readonly number: number }) {
    super()
    this.world = world
    this.peer = peer
    this.life = life
    this.random = world.random(`life ${life.number}, receiver ${peer.name}`)
  }

  override async onStart(): Promise<void> {
    const connection = ++this.connection
    await this.world.pause(CONNECT, this.random, this.life)
    void this.take(connection)
  }

  override onStop(): void {
    this.connection++
  }

  private async take(connection: number): Promise<void> {
    const { world, peer, random, life } = this
    const isOpen = (): boolean => connection === this.connection && !this.isStopped()
    for (let at = peer.acknowledged; at < peer.arrivals.length; ) {
      const sent = peer.arrivals.slice(at, at + 1 + random.int(BATCH))
      const time = Math.max(world.clock.now(), sent.at(-1)!.time)
      await new Promise<void>(resolve => world.at(time, random, life, resolve))
      await world.pause(SENT, random, life)
      if (!isOpen()) return
      if (world.strikes('disconnect', random, peer.name)) {
        this.restart('the connection broke: a simulated fault', undefined, AGAIN_MS)
        return
      }
      try {
        await this.storeMany(sent.map(({ record }) => record as T))
      } catch (error) {
        if (isOpen()) this.restart('the block was not stored', error, AGAIN_MS)
        return
      }
      at += sent.length
      // The answer may come too late, or never.
      await world.pause(SENT, random, life)
      world.note(`${peer.name}: acknowledged ${at}`)
      peer.acknowledged = Math.max(peer.acknowledged, at)
    }
  }
}
