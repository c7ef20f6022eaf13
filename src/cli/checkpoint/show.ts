/** `kindling checkpoint show`: what a directory holds, for people and for machines. */
import { type Inspection, inspect } from '../../streaming/checkpoint/inspect.ts'
import { openExisting } from '../../streaming/checkpoint/stored-files.ts'
import { drawInspection } from './draw-inspection.ts'

const EXIT_FAILED = 1

/** Gives 1 when no manifest can be read, so that a program could not start. */
export async function show(command: { readonly directory: string; readonly json: boolean }): Promise<number> {
  const inspection: Inspection = await inspect(await openExisting(command.directory))
  process.stdout.write(
    command.json ? `${JSON.stringify(inspection, null, 2)}\n` : drawInspection(inspection, Date.now()),
  )
  return inspection.saved === undefined ? EXIT_FAILED : 0
}
