/** The command line as users type it, in a folder of its own. */
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/** What a command gave. */
export interface CommandResult {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** See the file head. */
export class CliFolder {
  readonly path: string = mkdtempSync(join(tmpdir(), 'kindling-cli-'))

  /** `kindling …args`, run in this folder; ends by itself or is killed after half a minute. */
  run(...args: string[]): Promise<CommandResult> {
    return this.runUntil(() => false, ...args)
  }

  /** As `run`, and gets a Ctrl-C as soon as its output is enough. */
  runUntil(isEnough: (out: string) => boolean, ...args: string[]): Promise<CommandResult> {
    const main = join(root, 'src/cli/main.ts')
    const child = spawn(process.execPath, ['--conditions=source', main, ...args], {
      cwd: this.path,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 30_000,
      killSignal: 'SIGKILL',
    })
    let out = ''
    let err = ''
    let isAsked = false
    child.stdout.on('data', text => {
      out += text
      if (isAsked || !isEnough(out)) return
      isAsked = true
      child.kill('SIGINT')
    })
    child.stderr.on('data', text => {
      err += text
    })
    return new Promise(resolve => child.on('close', code => resolve({ code, out, err })))
  }

  /** A program, which imports the package by name. */
  program(name: string, text: string): string {
    writeFileSync(join(this.path, name), text.replaceAll("'kindling'", `'${join(root, 'src/index.ts')}'`))
    return name
  }

  /** A copy of the kept checkpoint. */
  golden(name: string): string {
    cpSync(join(root, 'test/fixtures/checkpoint-v1'), join(this.path, name), { recursive: true })
    return name
  }

  /** All files below a folder with what they hold. */
  content(folder: string): Record<string, string> {
    const files = readdirSync(join(this.path, folder), { recursive: true, withFileTypes: true })
    return Object.fromEntries(
      files
        .filter(file => file.isFile())
        .map(file => join(file.parentPath, file.name))
        .sort()
        .map(path => [path, readFileSync(path, 'latin1')]),
    )
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}
