/** A whole program whose sink's server goes in the middle of a batch, and comes back: the program goes on by itself. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { type Sink, StreamingContext } from 'kindling'
import { until } from 'kindling/testing'
import { TcpProxy } from './tcp-proxy.ts'

/** Where the words of a program go: a server of this test alone, behind a proxy. Dispose of it. */
export interface KilledPlace extends AsyncDisposable {
  /** Of the server. */
  readonly target: number
  /** @param port of the proxy */
  sink(port: number): Sink<[string]>
  /** What is there, asked of the server itself. */
  words(): Promise<string[]>
  /** Names of what attempts have left. */
  leftovers?(): Promise<string[]>
  /** Kills the server at once, before the promise. Left out where the server would forget what it has confirmed: the network goes then. */
  kill?(): Promise<void>
  /** Starts it again over its data. */
  start?(): Promise<unknown>
}

/** When it goes. */
export interface KillPoint {
  readonly name: string
  /** What the program sends in that moment, of a batch in the middle: one after the other. */
  readonly sent: readonly RegExp[]
  /** The server does what it was sent, and goes before anybody is told. Default: it goes before it does. */
  readonly isAnswerLost?: boolean
  readonly master?: string
}

const BATCHES = [['a', 'b', 'c'], ['d', 'e'], ['f', 'g', 'h', 'i'], ['j']]
/** The one in which the server goes. */
const HIT = 2

/** See the file head. Each word is there once where the sink is one of exactly once, else at least once. */
export function serverKills(open: () => Promise<KilledPlace>, points: readonly KillPoint[]): void {
  for (const point of points) {
    const { name, master = 'local[2]' } = point
    it(`goes on by itself when the server is killed ${name}, with ${master}`, {
      timeout: 90_000,
    }, async () => {
      await using place = await open()
      await using trial = new Trial(place, point, master)
      await trial.run()
      const seen = await place.words()
      const sent = BATCHES.flat()
      if (trial.sink.guarantee === 'exactly-once') assert.deepEqual(seen.toSorted(), sent.toSorted())
      else {
        const repeated = seen.filter(word => !(BATCHES[HIT] ?? []).includes(word))
        assert.deepEqual(repeated.toSorted(), sent.filter(word => !BATCHES[HIT]!.includes(word)).toSorted())
        assert.deepEqual(new Set(seen), new Set(sent))
      }
      assert.deepEqual((await place.leftovers?.()) ?? [], [])
    })
  }
}

class Trial implements AsyncDisposable {
  private readonly place: KilledPlace
  private readonly point: KillPoint
  private readonly folder = mkdtempSync(join(tmpdir(), 'kindling-kills-'))
  private readonly proxy: TcpProxy
  private readonly master: string
  /** What it has not sent yet; nothing as long as nothing is to happen. */
  private awaited: RegExp[] = []
  private killed: Promise<void> | undefined
  private ssc: StreamingContext | undefined
  private readonly done: number[] = []
  sink!: Sink<[string]>

  constructor(place: KilledPlace, point: KillPoint, master: string) {
    this.place = place
    this.point = point
    this.master = master
    this.proxy = new TcpProxy(place.target, bytes => this.tapped(bytes))
  }

  async run(): Promise<void> {
    const { place, proxy, done } = this
    await proxy.up()
    let released = 0
    this.sink = place.sink(proxy.port)
    const ssc = new StreamingContext({ master: this.master, batchDuration: 50 })
    this.ssc = ssc
    ssc.checkpoint(this.folder)
    ssc
      .directStream({
        name: 'words',
        plan({ position = 0 }: { position: number | undefined }) {
          const ranges = position < released ? BATCHES[position]!.map(word => ({ word })) : []
          return { ranges, position: position + (ranges.length > 0 ? 1 : 0), numRecords: ranges.length }
        },
        read: (sc, ranges) => sc.fromPartitions(ranges, ({ word }: { word: string }) => [word]),
        close() {},
      })
      .uid('words')
      .map((word): [string] => [word])
      .writeTo(this.sink, { id: 'words' })
    ssc.addStreamingListener({
      // Those without records before it have ended.
      onBatchStarted: ({ batchInfo: { numRecords } }) => {
        if (numRecords > 0 && done.length === HIT) this.awaited = [...this.point.sent]
      },
      onBatchCompleted({ batchInfo: { numRecords } }) {
        if (numRecords > 0) done.push(numRecords)
      },
    })
    await ssc.start()
    const failed = ssc.awaitTermination().then(() => assert.fail('it has stopped'))
    failed.catch(() => {})
    const reaches = (what: () => boolean | Promise<boolean>): Promise<void> =>
      Promise.race([until(what, { timeoutMs: 60_000 }), failed])
    released = HIT
    await reaches(() => done.length === HIT)
    // Where the server is asked for what it has, all of it is there before it goes.
    await reaches(async () => new Set(await place.words()).size === BATCHES.slice(0, HIT).flat().length)
    released++
    await reaches(() => this.killed !== undefined)
    await this.killed
    assert.equal(done.length, HIT, 'the batch runs')
    const [{ asked }, joined] = [proxy, proxy.joined]
    // The program has noticed, and asks for the server.
    if (place.kill !== undefined) {
      await reaches(() => proxy.asked > asked)
      assert.equal(proxy.joined, joined, 'nobody is there')
      assert.equal(done.length, HIT, 'the batch waits')
      // Whoever reads there is back before the program is.
      await proxy.down()
      await place.start!()
    }
    await proxy.up()
    await reaches(() => done.length === HIT + 1)
    assert.ok(proxy.joined > joined)
    released = BATCHES.length
    await reaches(() => done.length === BATCHES.length)
    await reaches(async () => new Set(await place.words()).size === BATCHES.flat().length)
    await ssc.stop()
  }

  private tapped(bytes: Uint8Array): void {
    const { awaited } = this
    if (awaited[0]?.test(Buffer.from(bytes).toString('latin1')) !== true) return
    awaited.shift()
    if (awaited.length > 0) return
    if (this.point.isAnswerLost !== true) {
      this.killed = this.go()
      return
    }
    this.proxy.hush()
    const isDone = async (): Promise<boolean> => (await this.place.words()).includes(BATCHES[HIT]![0]!)
    this.killed = until(isDone, { timeoutMs: 30_000 }).then(() => this.go())
  }

  private go(): Promise<void> {
    const { place, proxy } = this
    return place.kill === undefined ? proxy.down() : place.kill()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.ssc?.stop()
    await this.proxy.down()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
