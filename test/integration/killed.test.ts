/** A program that counts words of files, killed with SIGKILL again and again. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { until } from 'kindling/testing'
import { countingProgram, KilledProgram } from '../support/killed-program.ts'

const program = countingProgram({
  source: `const words = ssc.textFileStream('in').flatMap(line => line.split(' '))
  words.saveAsTextFiles('files/words')
  words`,
})
const KILLS = 8

describe('a program that is killed', () => {
  it('counts every word once, and gives the same for every batch that it repeats', async () => {
    await using app = new KilledProgram()
    const { dir } = app
    /** Published by a rename, as files for a stream are. */
    const publish = (n: number): void => {
      const temporary = join(dir, `in-${n}`)
      writeFileSync(temporary, `all w${n % 3} w${n % 3}\nall\n`)
      renameSync(temporary, join(dir, 'in', String(n)))
    }
    mkdirSync(join(dir, 'in'))
    let files = 0
    for (let kill = 0; kill < KILLS; kill++) {
      const before = app.lines().length
      app.start(program)
      await until(() => app.lines().length > before, { timeoutMs: 60_000 })
      for (let i = 0; i < 3; i++) publish(files++)
      // At another place of a batch each time.
      await until(() => app.lines().length > before + 1 + kill, { timeoutMs: 60_000 })
      await app.kill()
      publish(files++)
    }
    app.start(program)
    const want: [string, number][] = [
      ['all', files * 2],
      ...[0, 1, 2].map((k): [string, number] => [
        `w${k}`,
        Array.from({ length: files }, (_, i) => i).filter(i => i % 3 === k).length * 2,
      ]),
    ]
    await until(() => JSON.stringify(app.counts()) === JSON.stringify(want), { timeoutMs: 60_000 })
    await app.kill()

    const times = app.times()
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    )
    const gaps = times.slice(1).filter((time, i) => time - times[i]! !== 100)
    assert.deepEqual(gaps, [], 'every tick has its batch, also those missed')

    // What was written as files is there once, in whole directories.
    const saved = readdirSync(join(dir, 'files'))
      .filter(name => !name.startsWith('.'))
      .flatMap(name => {
        const folder = join(dir, 'files', name)
        const { files } = JSON.parse(readFileSync(join(folder, '_SUCCESS'), 'utf8')) as { files: string[] }
        assert.deepEqual(readdirSync(folder).sort(), ['_SUCCESS', ...files])
        return files.flatMap(file => readFileSync(join(folder, file), 'utf8').split('\n').slice(0, -1))
      })
    const counts = want.map(([word]) => [word, saved.filter(other => other === word).length])
    assert.deepEqual(counts, want)
  })
})

describe('a program that was stopped and not killed', () => {
  it('ends with FENCED when it goes on, and has written nothing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kindling-fenced-'))
    const app = (name: string): ChildProcess => {
      writeFileSync(
        join(folder, `${name}.ts`),
        program.replace("appendFileSync('out'", `appendFileSync('${name}'`),
      )
      return spawn(process.execPath, ['--conditions=source', `${name}.ts`], {
        cwd: folder,
        stdio: ['ignore', 'ignore', 'pipe'],
      })
    }
    const read = (name: string): string =>
      existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : ''
    mkdirSync(join(folder, 'in'))
    const first = app('first')
    let errors = ''
    first.stderr!.on('data', text => {
      errors += text
    })
    const ended = new Promise<number | null>(resolve => first.on('exit', resolve))
    await until(() => read('first').split('\n').length > 3, { timeoutMs: 60_000 })
    first.kill('SIGSTOP')
    const second = app('second')
    try {
      await until(() => read('second').split('\n').length > 3, { timeoutMs: 60_000 })
      const before = read('first')
      first.kill('SIGCONT')
      assert.equal(await ended, 1)
      assert.match(errors, /FENCED/)
      // At most the batch that was running when it was stopped.
      assert.ok(read('first').split('\n').length <= before.split('\n').length + 1)
      const lines = read('second').split('\n').length
      await until(() => read('second').split('\n').length > lines + 2, { timeoutMs: 60_000 })
    } finally {
      first.kill('SIGKILL')
      second.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
