/** One partition of records as lines of a file. */
import { open, rename } from 'node:fs/promises'
import { KindlingError } from '../base/errors.ts'
import type { TaskInfo, TaskInput } from './ports.ts'
import { recordsOf } from './segment/interpret.ts'

/** Characters gathered before they are written. */
const WRITE_CHARACTERS = 1 << 18

/** How a record looks as a line: strings as they are, tuples and records as JSON, the rest by `String`. */
export function textOf(record: unknown): string {
  if (typeof record !== 'object' || record === null) return String(record)
  if (record instanceof Date) return record.toISOString()
  return JSON.stringify(record, jsonValue)
}

/** JSON has no bigint, Map or Set: digits, entries and members stand for them. */
function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Map || value instanceof Set) return [...value]
  return value
}

/** `part-00003` */
export function partName(partition: number): string {
  return `part-${String(partition).padStart(5, '0')}`
}

/**
 * Writes the records to `directory/part-NNNNN`, renamed into place when all are there: an attempt that fails leaves nothing.
 *
 * @throws OUTPUT_FAILED with the system's error as cause
 */
export async function writeTextPartition(
  records: TaskInput,
  task: TaskInfo,
  directory: string,
): Promise<void> {
  const target = `${directory}/${partName(task.partition)}`
  const temporary = `${directory}/.${partName(task.partition)}.${task.attempt}`
  try {
    const file = await open(temporary, 'w')
    try {
      let text = ''
      for (let chunk = await records.next(); chunk !== undefined; chunk = await records.next()) {
        for (const record of recordsOf(chunk)) {
          text += `${textOf(record)}\n`
          if (text.length < WRITE_CHARACTERS) continue
          await file.write(text)
          text = ''
        }
        const pause = task.breathe()
        if (pause !== undefined) await pause
      }
      await file.write(text)
    } finally {
      await file.close()
    }
    await rename(temporary, target)
  } catch (error) {
    if (error instanceof KindlingError) throw error
    throw new KindlingError(
      'OUTPUT_FAILED',
      { path: target, reason: error instanceof Error ? error.message : String(error) },
      { cause: error },
    )
  }
}
