/** A whole program whose sink's server has no room for a batch, until there is some: the program waits, and goes on by itself. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { inspect } from 'node:util'
import { type ErrorCode, isKindlingError, type Sink } from 'kindling'
import { BATCHES, WordProgram } from './word-program.ts'

/** Where the words of a program go. Dispose of it. */
export interface FullPlace extends AsyncDisposable {
  sink(): Sink<[string]>
  words(): Promise<string[]>
  /** Names of what attempts have left. */
  leftovers(): Promise<string[]>
  /** From now on nothing has room. */
  fill(): Promise<void>
  free(): Promise<void> | void
  /** Whether the server has refused something meanwhile, and was asked again. Default: a task has failed, or the driver says that it waits. */
  isRefused?(): boolean
}

/** What is told meanwhile. */
export interface FullServer {
  readonly code: ErrorCode
  /** Server and object. */
  readonly message: RegExp
  readonly secret?: string
  /** Where functions of the test share its memory. */
  readonly conf?: Record<string, string>
  /** Longer where even a batch without words takes long. */
  readonly batchMs?: number
  readonly masters?: readonly string[]
}

/** See the file head. The sink is one of exactly once. */
export function waitsForRoom(
  open: () => Promise<FullPlace>,
  { code, message, secret, conf, batchMs, masters = ['local', 'local[2]'] }: FullServer,
): void {
  for (const master of masters)
    it(`waits while there is no room, and goes on when there is, with ${master}`, {
      timeout: 90_000,
    }, async () => {
      await using place = await open()
      await using program = new WordProgram(place.sink(), { master, batchMs, ...(conf && { conf }) })
      await program.start()
      program.release(2)
      await program.reaches(() => program.done === 2)
      const before = BATCHES.slice(0, 2).flat()
      await place.fill()
      program.release(3)
      const isTold = (): boolean =>
        program.failures.length > 0 || program.warnings.some(line => message.test(line))
      await program.reaches(() => place.isRefused?.() ?? isTold())
      assert.equal(program.done, 2, 'the batch waits')
      assert.deepEqual((await place.words()).toSorted(), before, 'what is there is unharmed')
      await place.free()
      await program.reaches(() => program.done === 3)
      program.release(4)
      await program.reaches(() => program.done === 4)
      for (const failure of program.failures) {
        assert.ok(isKindlingError(failure, code), failure.message)
        assert.match(failure.message, message)
        if (secret !== undefined) assert.ok(!inspect(failure, { depth: 9 }).includes(secret))
      }
      assert.deepEqual((await place.words()).toSorted(), BATCHES.flat())
      assert.deepEqual(await place.leftovers(), [])
    })
}
