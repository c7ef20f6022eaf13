/** `kindling checkpoint …`: gives the exit code. */
import { isKindlingError } from '../../base/errors.ts'
import { compact } from '../../streaming/checkpoint/compact.ts'
import { openExisting } from '../../streaming/checkpoint/stored-files.ts'
import { describeFailure } from '../failure.ts'
import { CHECKPOINT_HELP } from '../help.ts'
import type { CheckpointCommand } from './command.ts'
import { drawCompacted } from './draw-compacted.ts'
import { exportState } from './export.ts'
import { plan } from './plan.ts'
import { show } from './show.ts'

const EXIT_FAILED = 1

export async function checkpoint(command: CheckpointCommand): Promise<number> {
  try {
    switch (command.action) {
      case 'help':
        process.stdout.write(CHECKPOINT_HELP)
        return 0
      case 'show':
        return await show(command)
      case 'plan':
        return await plan(command)
      case 'export':
        return await exportState(command)
      case 'compact': {
        const storage = await openExisting(command.directory)
        process.stdout.write(drawCompacted(await compact(storage, { now: Date.now(), force: command.force })))
        return 0
      }
    }
  } catch (error) {
    if (!isKindlingError(error)) throw error
    process.stderr.write(`${describeFailure(error)}\n`)
    return EXIT_FAILED
  }
}
