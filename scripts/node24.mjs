// Runs its arguments with Node 24, whatever Node (20 or newer) npm itself runs on: the binary comes from the
// platform package pinned in tools/node24, or is the running one when that is new enough.
// Signals are passed on, and the child's exit code becomes ours.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const WANTED_MAJOR = 24

export function node24() {
  const require = createRequire(new URL('../tools/node24/package.json', import.meta.url))
  const platform = process.platform === 'win32' ? 'win' : process.platform
  for (const name of [`node-${platform}-${process.arch}`, `node-bin-${platform}-${process.arch}`]) {
    try {
      const home = dirname(require.resolve(`${name}/package.json`))
      const file = join(home, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
      if (existsSync(file)) return file
    } catch {
      // Not installed: npm takes only the package of this platform.
    }
  }
  if (Number(process.versions.node.split('.')[0]) >= WANTED_MAJOR) return process.execPath
  throw new Error(
    `Node ${WANTED_MAJOR} is needed and no package brings it for ${process.platform}-${process.arch}. ` +
      `Run "npm ci" without --omit=optional, or put Node ${WANTED_MAJOR} on PATH (this is ${process.version}).`,
  )
}

const child = spawn(node24(), process.argv.slice(2), { stdio: 'inherit' })
// The terminal sends Ctrl-C to the whole group: the child decides, we only wait for it.
process.on('SIGINT', () => {})
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('error', error => {
  console.error(error.message)
  process.exit(1)
})
child.on('exit', (code, signal) => {
  if (signal) process.kill(process.pid, signal === 'SIGINT' ? 'SIGTERM' : signal)
  else process.exit(code ?? 1)
})
