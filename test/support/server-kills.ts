/** A whole program whose sink's server goes in the middle of a batch, and comes back: the program goes on by itself. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Sink } from 'kindling'
import { until } from 'kindling/testing'
import { TcpProxy } from './tcp-proxy.ts'
import { BATCHES, WordProgram } from './word-program.ts'

/** Where the words of a program go: a server of this test alone, behind a proxy. Dispose of it. */
export interface KilledPlace extends AsyncDisposable {
  /** The port of the server. */
  readonly target: number
  /** @param port of the proxy */
  sink(port: number): Sink<[string]>
  /** What is there, asked of the server itself. */
  words(): Promise<string[]>
  /** Names of what attempts have left. */
  leftovers?(): Promise<string[]>
  /** Longer where even a batch without words takes long. */
  readonly batchMs?: number
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

/** The batch in which the server goes. */
const HIT = 2

/** See the file head. Each word is there once where the sink is one of exactly once; else those of that batch may be there again. */
export function serverKills(open: () => Promise<KilledPlace>, points: readonly KillPoint[]): void {
  for (const point of points) {
    const { name, master = 'local[2]' } = point
    it(`goes on by itself when its server goes ${name}, with ${master}`, { timeout: 90_000 }, async () => {
      await using place = await open()
      const isExactlyOnce = await runOver(place, point, master)
      const seen = await place.words()
      if (isExactlyOnce) assert.deepEqual(seen.toSorted(), BATCHES.flat().toSorted())
      else {
        const others = (words: readonly string[]): string[] =>
          words.filter(word => !BATCHES[HIT]!.includes(word))
        assert.deepEqual(others(seen).toSorted(), others(BATCHES.flat()).toSorted())
        assert.deepEqual(new Set(seen), new Set(BATCHES.flat()))
      }
      assert.deepEqual((await place.leftovers?.()) ?? [], [])
    })
  }
}

/** Gives whether each word has to be there once. */
async function runOver(place: KilledPlace, point: KillPoint, master: string): Promise<boolean> {
  /** What the program has not sent yet; nothing as long as nothing is to happen. */
  let awaited: RegExp[] = []
  let gone: Promise<void> | undefined
  const has = async (batches: number): Promise<boolean> =>
    new Set(await place.words()).size === BATCHES.slice(0, batches).flat().length
  const go = (): Promise<void> => (place.kill === undefined ? proxy.down() : place.kill())
  const tapped = (bytes: Uint8Array): void => {
    if (awaited[0]?.test(Buffer.from(bytes).toString('latin1')) !== true) return
    awaited.shift()
    if (awaited.length > 0) return
    if (point.isAnswerLost === true) {
      proxy.hush()
      gone = until(() => has(HIT + 1), { timeoutMs: 30_000 }).then(go)
    } else gone = go()
  }
  await using proxy = new TcpProxy(place.target, tapped)
  await proxy.up()
  const sink = place.sink(proxy.port)
  await using program = new WordProgram(sink, {
    master,
    batchMs: place.batchMs,
    onBegin(batch) {
      if (batch === HIT && gone === undefined) awaited = [...point.sent]
    },
  })
  await program.start()
  program.release(HIT)
  await program.reaches(() => program.done === HIT)
  // A sink that tells readers only has told them before the server goes.
  const isExactlyOnce = sink.guarantee === 'exactly-once'
  if (!isExactlyOnce) await program.reaches(() => has(HIT))
  program.release(HIT + 1)
  await program.reaches(() => gone !== undefined)
  await gone
  const [{ asked }, joined] = [proxy, proxy.joined]
  if (place.kill !== undefined) {
    // The program has noticed, and asks for the server.
    await program.reaches(() => proxy.asked > asked)
    assert.equal(proxy.joined, joined, 'nobody is there')
    // Whoever reads there is back before the program is.
    await proxy.down()
    await place.start!()
  }
  assert.equal(program.done, HIT, 'the batch waits')
  await proxy.up()
  await program.reaches(() => program.done === HIT + 1)
  assert.ok(proxy.joined > joined)
  program.release(BATCHES.length)
  await program.reaches(() => program.done === BATCHES.length)
  if (!isExactlyOnce) await program.reaches(() => has(BATCHES.length))
  return isExactlyOnce
}
