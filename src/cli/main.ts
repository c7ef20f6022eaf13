#!/usr/bin/env node
/** The command line: `kindling run`, `kindling checkpoint`, `kindling doctor`, `kindling --help`. */
import { checkpoint } from './checkpoint/checkpoint.ts'
import { parseCommandLine } from './command-line.ts'
import { doctor } from './doctor.ts'
import { HELP } from './help.ts'
import { run } from './run.ts'
import { UsageError } from './usage.ts'

async function main(args: readonly string[]): Promise<number> {
  try {
    const command = parseCommandLine(args)
    switch (command.name) {
      case 'help':
        process.stdout.write(HELP)
        return 0
      case 'version': {
        const { default: manifest } = await import('kindling/package.json', { with: { type: 'json' } })
        process.stdout.write(`${manifest.version}\n`)
        return 0
      }
      case 'doctor':
        return await doctor(process.stdout)
      case 'run':
        return await run(command)
      case 'checkpoint':
        return await checkpoint(command.command)
    }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(`${error.message}\n\nTry: kindling --help\n`)
    return 2
  }
}

process.exitCode = await main(process.argv.slice(2))
