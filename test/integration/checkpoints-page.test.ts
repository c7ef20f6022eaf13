/** docs/checkpoints.md is true: its programs and commands are run, and give what it shows, but for numbers and names of places. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, renameSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { CliFolder } from '../support/cli.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/checkpoints.md'), 'utf8')
const folder = new CliFolder()
after(() => folder.remove())
const at = (name: string): string => join(folder.path, name)

/** The commands of the page and what it says that they give. */
const commands = [...page.matchAll(/^```console\n([\s\S]*?)^```$/gm)].flatMap(([, block]) =>
  block!
    .split(/^\$ /m)
    .slice(1)
    .map(text => {
      const [command, ...output] = text.split('\n')
      return { command: command!.trim(), output: output.join('\n') }
    }),
)

/** Without what differs from run to run: lines, places, processes, numbers with their units, lists of times. */
function shape(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/\/\S+\/checkpoint/, 'DIR')
    .replace(/by process \d+ on \S+/, 'by PROCESS')
    .replace(/\{"key":"\w+","value":\d+\}/g, '')
    .replace(/\(\+ increments\)/g, '')
    .replace(/[\d.:-]*\d\+?/g, 'N')
    .replace(/N (KiB|B|ms|s|min)\b/g, 'N U')
    .replace(/N(,? N)+/g, 'N')
    .replace(/ +/g, ' ')
    .trim()
}

describe('docs/checkpoints.md', () => {
  it('shows what its commands give', async () => {
    const program = /^```ts\n([\s\S]*?)^```$/m.exec(page)![1]!
    folder.program('words.ts', program)
    folder.program(
      'new-words.ts',
      program.replace('ones.length)', 'ones.length, 4)').replace("uid('last-minute')", "uid('per-minute')"),
    )
    mkdirSync(at('in'))
    let n = 0
    const feeder = setInterval(() => {
      writeFileSync(at('part'), 'to be or not to be\n')
      renameSync(at('part'), at(`in/${n++}.txt`))
    }, 200)
    const hasCounted = (out: string): boolean => out.split('["not",').length > 6
    const run = await folder.runUntil(hasCounted, 'run', 'words.ts').finally(() => clearInterval(feeder))
    assert.equal(run.code, 0, run.err)
    for (const file of Object.keys(folder.content('checkpoint'))) utimesSync(file, 1000, 1000)
    const codes: Record<string, number | null> = {}
    for (const { command, output } of commands) {
      const [tool, ...args] = command.split(' ')
      if (tool === 'cat') {
        const keys = readFileSync(at(args[0]!), 'utf8').trim().split('\n')
        assert.deepEqual(
          keys.map(line => JSON.parse(line).key),
          output
            .trim()
            .split('\n')
            .map(line => JSON.parse(line).key),
        )
      }
      if (tool !== 'kindling' || args[0] === 'run') continue
      const { code, out, err } = await folder.run(...args)
      assert.equal(shape(out + err), shape(output), command)
      codes[args[1]!] = code
    }
    assert.deepEqual(codes, { show: 0, plan: 3, export: 0, compact: 0 })
    assert.equal((await folder.run('checkpoint', 'plan', 'checkpoint', 'words.ts')).code, 0)
  })
})
