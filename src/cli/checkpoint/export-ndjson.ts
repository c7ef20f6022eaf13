/** State as lines of JSON, `{"key":…,"value":…}` each; what JSON has not is written as `saveAsNDJSONFile` does it. */
import { jsonOf } from '../../rdd/text-output.ts'
import type { ExportParts } from './export.ts'

/** Lines that are written at once. */
const LINES = 4096

/** Gives the number of keys. */
export async function writeNDJSON({ partitions, put }: ExportParts): Promise<number> {
  let written = 0
  for await (const { keys, values } of partitions()) {
    for (let from = 0; from < keys.length; from += LINES) {
      let text = ''
      for (let i = from; i < Math.min(from + LINES, keys.length); i++)
        text += `${jsonOf({ key: keys[i], value: values[i] ?? null })}\n`
      await put(Buffer.from(text))
    }
    written += keys.length
  }
  return written
}
