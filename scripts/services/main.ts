/**
 * `npm run services -- start|stop|status|env [NAME…]`: the servers that tests need, on free ports of loopback, from the package
 * registries. Without names: all of them.
 *
 *   start   gets what is not there yet, starts what does not run; exit code 1 when one of them could not be had
 *   stop    ends them and removes their data
 *   status  what runs
 *   env     `export NAME='value'` lines: addresses and accounts
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { names, type ServiceName, services } from './catalogue.ts'
import { Server } from './control.ts'
import { ownFolder, runsFolder } from './folders.ts'
import type { ConnectionData } from './service.ts'

const USAGE = `npm run services -- start|stop|status|env [NAME…]\nnames: ${names.join(', ')}`

async function main([command, ...given]: readonly string[]): Promise<number> {
  const unknown = given.filter(name => !names.includes(name as ServiceName))
  if (unknown.length > 0 || command === undefined || !Object.hasOwn(commands, command)) {
    console.error(unknown.length > 0 ? `there is no service ${unknown.join(', ')}\n\n${USAGE}` : USAGE)
    return 2
  }
  const chosen = given.length === 0 ? names : (given as ServiceName[])
  if (command === 'stop' && given.length === 0) await removeOwn()
  const codes: number[] = []
  for (const name of chosen) codes.push(await commands[command]!(server(name)))
  return Math.max(...codes)
}

/** Servers of single tests that were killed. */
async function removeOwn(): Promise<void> {
  if (!existsSync(ownFolder())) return
  for (const folder of readdirSync(ownFolder())) {
    const name = folder.split('-')[0] as ServiceName
    await new Server<ConnectionData>(services[name], join(ownFolder(), folder)).remove()
  }
}

function server(name: ServiceName): Server<ConnectionData> {
  return new Server<ConnectionData>(services[name], join(runsFolder(), name))
}

const commands: Readonly<Record<string, (server: Server<ConnectionData>) => Promise<number>>> = {
  async start(server) {
    const { name, needs } = server.service
    const began = performance.now()
    try {
      const connection = await server.start()
      const seconds = ((performance.now() - began) / 1000).toFixed(1)
      console.log(`${name}: serves (${seconds} s) ${JSON.stringify(connection)}`)
      return 0
    } catch (error) {
      console.error(`${name}: could not be started. It needs ${needs}. ${(error as Error).message}`)
      return 1
    }
  },

  async stop(server) {
    const { kind } = server.state()
    await server.remove()
    console.log(`${server.service.name}: ${kind === 'stopped' ? 'did not run' : 'stopped'}`)
    return 0
  },

  async status(server) {
    const state = server.state()
    const more =
      state.kind === 'running'
        ? ` (${state.processes.map(({ pid }) => pid).join(', ')}) ${JSON.stringify(state.connection)}`
        : state.kind === 'broken'
          ? `: ${state.reason}; see ${server.folder}`
          : ''
    console.log(`${server.service.name}: ${state.kind}${more}`)
    return 0
  },

  async env(server) {
    const state = server.state()
    if (state.kind !== 'running') return 0
    for (const [key, value] of Object.entries(state.connection)) {
      const name = `KINDLING_${server.service.name}_${key.replace(/[A-Z]/g, '_$&')}`.toUpperCase()
      console.log(`export ${name}='${value}'`)
    }
    return 0
  },
}

process.exitCode = await main(process.argv.slice(2))
