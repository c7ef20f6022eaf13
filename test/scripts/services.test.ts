/** Starting, asking and ending servers, with small servers in place of those from the registries. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { names, services } from '../../scripts/services/catalogue.ts'
import { Server } from '../../scripts/services/control.ts'
import { softwareFolder } from '../../scripts/services/folders.ts'
import { accepts, firstBytes, freePorts } from '../../scripts/services/ports.ts'
import { end, isRunning, type ProcessId } from '../../scripts/services/processes.ts'
import type { Service } from '../../scripts/services/service.ts'

const folder = mkdtempSync(join(tmpdir(), 'kindling-services-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const LISTEN = `
require('node:net').createServer(socket => socket.end(process.argv[2])).listen(+process.argv[1], '127.0.0.1')
`
const FAIL = `console.error('no licence for ' + process.argv[1]); process.exitCode = 3`

/** A server of two processes, of which the second may fail. */
function pair({ second = LISTEN }: { readonly second?: string } = {}): Service & { prepared: number } {
  return {
    name: 'pair',
    needs: 'nothing',
    ports: ['a', 'b'],
    prepared: 0,
    provision: async () => ({ text: 'hello' }),
    async prepare() {
      this.prepared++
    },
    processes: ({ ports, software }) =>
      [LISTEN, second].map((code, i) => ({
        name: `p${i + 1}`,
        command: process.execPath,
        args: ['-e', code, String(ports[i === 0 ? 'a' : 'b']), software['text']!],
      })),
    isReady: async ({ ports }) => (await firstBytes(ports['b']!, 'x')) === 'hello',
    connection: ({ ports }) => ({ port: ports['b']! }),
  }
}

let n = 0
const serverOf = (service: Service): Server<Readonly<Record<string, string | number>>> =>
  new Server(service, join(folder, `run-${n++}`))

describe('a server', () => {
  it('is started, found by others, ended, and leaves nothing behind', async () => {
    const server = serverOf(pair())
    assert.deepEqual(server.state(), { kind: 'stopped' })
    const connection = await server.start()
    const state = new Server(pair(), server.folder).state()
    assert.ok(state.kind === 'running')
    assert.deepEqual(state.connection, connection)
    assert.equal(state.processes.length, 2)
    await server.remove()
    assert.ok(!state.processes.some(isRunning))
    assert.ok(!existsSync(server.folder))
  })

  it('is prepared once; only what ended is started again, at the same port', async () => {
    const service = pair()
    const server = serverOf(service)
    const first = await server.start()
    const before = server.state()
    await server.end('SIGKILL', 'p2')
    assert.deepEqual(server.state(), { kind: 'broken', reason: 'p2 ended' })
    assert.deepEqual(await server.start(), first)
    const now = server.state()
    assert.equal(service.prepared, 1)
    assert.ok(before.kind === 'running' && now.kind === 'running')
    assert.deepEqual(now.processes[0], before.processes[0])
    assert.notDeepEqual(now.processes[1], before.processes[1])
    await server.remove()
  })

  it('that does not come up says what it wrote, and what was started is ended', async () => {
    const server = serverOf(pair({ second: FAIL }))
    await assert.rejects(server.start(), /p2 ended while it started:\nno licence for \d+/)
    assert.deepEqual(server.state(), { kind: 'broken', reason: 'p1, p2 ended' })
    await server.remove()
  })

  it('whose preparation broke off begins anew', async () => {
    const service = pair()
    let calls = 0
    const server = serverOf({
      ...service,
      prepare: async run => {
        writeFileSync(join(run.folder, `half-${++calls}`), '')
        if (calls === 1) throw new Error('disk full')
      },
    })
    await assert.rejects(server.start(), /disk full/)
    await server.start()
    assert.deepEqual(
      readdirSync(server.folder).filter(name => name.startsWith('half')),
      ['half-2'],
    )
    await server.remove()
  })
})

describe('processes', () => {
  it('of which only the id is the same are neither running nor ended', async () => {
    const other: ProcessId = { pid: process.pid, started: '1' }
    assert.equal(isRunning(other), false)
    await end(other, { signal: 'SIGKILL' })
  })
})

describe('ports', () => {
  it('are free and differ', async () => {
    const ports = Object.values(await freePorts(['a', 'b', 'c']))
    assert.equal(new Set(ports).size, 3)
    for (const port of ports) await assert.rejects(accepts(port), { code: 'ECONNREFUSED' })
  })

  it('that close without a word reject', async () => {
    const server = createServer(socket => socket.end()).listen(0, '127.0.0.1')
    await new Promise(resolve => server.on('listening', resolve))
    const { port } = server.address() as { readonly port: number }
    assert.equal(await accepts(port), true)
    await assert.rejects(firstBytes(port, ''), /was closed without an answer/)
    server.close()
  })
})

describe('software', () => {
  const dir = process.env['KINDLING_SERVICES_DIR']
  process.env['KINDLING_SERVICES_DIR'] = join(folder, 'cache')
  after(() => {
    if (dir === undefined) delete process.env['KINDLING_SERVICES_DIR']
    else process.env['KINDLING_SERVICES_DIR'] = dir
  })

  it('is there whole or not at all, and is got once for each version', async () => {
    let calls = 0
    const fill = async (to: string): Promise<void> => {
      writeFileSync(join(to, 'part'), '')
      if (++calls === 1) throw new Error('the line went down')
      writeFileSync(join(to, 'whole'), '')
    }
    const first = await softwareFolder('tool', 'v1', fill)
    assert.equal(calls, 2, 'what broke off is tried again')
    assert.deepEqual(readdirSync(first).sort(), ['part', 'whole'])
    assert.equal(await softwareFolder('tool', 'v1', fill), first)
    assert.equal(calls, 2)
    assert.notEqual(await softwareFolder('tool', 'v2', fill), first)
    assert.equal(readdirSync(join(folder, 'cache/software')).length, 2)
  })

  it('that cannot be had leaves nothing', async () => {
    await assert.rejects(
      softwareFolder('none', 1, async () => {
        throw new Error('not found')
      }),
      /not found/,
    )
    assert.ok(!readdirSync(join(folder, 'cache/software')).some(name => name.startsWith('none')))
  })
})

it('each service says what it needs, and has the name by which it is asked for', () => {
  for (const name of names) assert.equal(services[name].name, name)
  assert.ok(names.every(name => services[name].needs !== ''))
})
