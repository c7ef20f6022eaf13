/** A receiver that acknowledges to a feeder, killed with SIGKILL again and again: what was acknowledged is in the output. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, describe, it } from 'node:test'
import { until } from 'kindling/testing'

const root = join(import.meta.dirname, '../..')
const dir = mkdtempSync(join(tmpdir(), 'kindling-acknowledged-'))
let child: ChildProcess | undefined
after(() => {
  child?.kill('SIGKILL')
  rmSync(dir, { recursive: true, force: true })
})

const KILLS = 6
/** Records in flight at once. */
const WINDOW = 20

const program = (port: number): string => `
import { appendFileSync } from 'node:fs'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { milliseconds, Receiver, StreamingContext } from '${join(root, 'src/index.ts')}'

class Acknowledging extends Receiver {
  onStart() {
    this.socket = connect(${port}, '127.0.0.1')
    this.socket.on('error', error => this.restart('the feeder is gone', error))
    createInterface({ input: this.socket }).on('line', line =>
      void this.storeMany([line]).then(() => this.socket.write(line + '\\n'), error => this.reportError(error.message)))
  }
  onStop() {
    this.socket.destroy()
  }
}

const ssc = await StreamingContext.getOrCreate('checkpoint', () => {
  const conf = { 'spark.streaming.receiver.writeAheadLog.enable': true }
  const ssc = new StreamingContext({ master: 'local[2]', batchDuration: milliseconds(100), conf })
  ssc.receiverStream(new Acknowledging()).uid('feed').foreachRDD(async (rdd, time) => {
    appendFileSync('out', time.milliseconds + ' ' + JSON.stringify(await rdd.collect()) + '\\n')
  })
  return ssc
})
await ssc.start()
await ssc.awaitTermination()
`

function batches(): Map<number, string[]> {
  const out = join(dir, 'out')
  const found = new Map<number, string[]>()
  if (!existsSync(out)) return found
  for (const line of readFileSync(out, 'utf8').split('\n').slice(0, -1)) {
    const [time = '', records = ''] = line.split(' ')
    const before = found.get(Number(time))
    assert.deepEqual(
      JSON.parse(records),
      before ?? JSON.parse(records),
      'a batch that runs again has the same',
    )
    found.set(Number(time), JSON.parse(records))
  }
  return found
}

describe('a receiver that acknowledges what is logged', () => {
  it('every record that was acknowledged is in the output, however the process ends', async () => {
    const acknowledged = new Set<string>()
    let next = 0
    const server = createServer(socket => {
      socket.on('error', () => {})
      // A new connection: what was not acknowledged is sent again.
      const waiting: string[] = []
      for (let n = 0; n < next; n++) if (!acknowledged.has(`r${n}`)) waiting.push(`r${n}`)
      for (let n = waiting.length; n < WINDOW; n++) waiting.push(`r${next++}`)
      socket.write(`${waiting.join('\n')}\n`)
      const lines = createInterface({ input: socket })
      lines.on('error', () => {})
      lines.on('line', line => {
        acknowledged.add(line)
        if (socket.writable) socket.write(`r${next++}\n`)
      })
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    try {
      writeFileSync(join(dir, 'app.ts'), program((server.address() as AddressInfo).port))
      for (let kill = 0; kill <= KILLS; kill++) {
        child = spawn(process.execPath, ['--conditions=source', 'app.ts'], {
          cwd: dir,
          stdio: ['ignore', 'inherit', 'inherit'],
        })
        const [running, exited] = [child, new Promise(resolve => child!.on('exit', resolve))]
        const [acks, count] = [acknowledged.size, batches().size]
        await until(() => acknowledged.size > acks + 50 + 13 * kill && batches().size > count + kill, {
          timeoutMs: 60_000,
        })
        if (kill === KILLS) {
          const must = [...acknowledged]
          await until(
            () => {
              const seen = new Set([...batches().values()].flat())
              return must.every(record => seen.has(record))
            },
            { timeoutMs: 60_000 },
          )
        }
        running.kill('SIGKILL')
        await exited
      }
      assert.ok(acknowledged.size > 50 * KILLS)
      // Twice only what was stored and not acknowledged when the process died.
      const all = [...batches().values()].flat()
      assert.ok(all.length - new Set(all).size <= KILLS * WINDOW)
    } finally {
      server.close()
    }
  })
})
