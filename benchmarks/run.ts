/**
 * `npm run bench [-- w1 w3 …] [--rounds N] [--passes N]`: the engine against a hand-written loop on the same files.
 *
 * Each round runs both in fresh processes, one after the other; the ratio of their median batch times in one round is the
 * figure (above 1: the engine is faster). The first pass over the files is warm-up. Digests must be equal.
 */
import { execFile, spawnSync } from 'node:child_process'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { emptyBatch, firstResult, median } from './floors.ts'
import { restartCosts } from './restart.ts'
import { stateMemory } from './state-memory.ts'
import { threadFigures } from './thread-figures.ts'
import { windowCosts } from './windows.ts'
import { runOurs, runPlain, threadWorkloads, workloads } from './workloads.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    passes: { type: 'string', default: '4' },
    one: { type: 'string' },
  },
})

/** Engines by their number of worker threads. */
const WORKERS: Readonly<Record<string, number>> = { ours: 0, 'ours-1': 1, 'ours-2': 2 }

interface Line {
  readonly medianMs: number
  readonly digest: number
  readonly rssMb: number
}

async function one(engine: string, name: string): Promise<void> {
  const workload = workloads[name] ?? threadWorkloads[name]!
  const passes = Number(values.passes)
  const workers = WORKERS[engine]
  const { ms, digest } =
    workers !== undefined
      ? await runOurs(workload, passes, workers)
      : runPlain(workload, passes, engine as 'plain' | 'bare')
  const warm = ms.slice(ms.length / passes)
  const rssMb = Math.round(process.resourceUsage().maxRSS / 1024)
  const line: Line = { medianMs: median(warm), digest, rssMb }
  console.log(JSON.stringify(line))
}

const argumentsFor = (engine: string, name: string): string[] => [
  ...process.execArgv,
  fileURLToPath(import.meta.url),
  '--one',
  engine,
  '--passes',
  values.passes,
  name,
]

const lineOf = (stdout: string): Line => JSON.parse(stdout.trim().split('\n').at(-1)!) as Line

function inFreshProcess(engine: string, name: string): Line {
  const stdio = ['ignore', 'pipe', 'inherit'] as const
  const run = spawnSync(process.execPath, argumentsFor(engine, name), { encoding: 'utf8', stdio: [...stdio] })
  if (run.status !== 0) throw new Error(`${engine} ${name} failed`)
  return lineOf(run.stdout)
}

/** How many times the work of one plain loop two do that run at the same time, each in a process of its own: what the machine gives. */
async function twoAtOnce(name: string): Promise<number> {
  const alone = inFreshProcess('plain', name).medianMs
  const run = promisify(execFile)
  const pair = [0, 1].map(() => run(process.execPath, argumentsFor('plain', name)))
  const both = (await Promise.all(pair)).map(({ stdout }) => alone / lineOf(stdout).medianMs)
  return both[0]! + both[1]!
}

function compare(name: string): void {
  const workload = workloads[name]!
  const { goal = 0.9 } = workload
  const { sha256, recordsPerFile } = workload.input()
  const plain: Line[] = []
  const ours: Line[] = []
  const bare: number[] = []
  for (let round = 0; round < Number(values.rounds); round++) {
    plain.push(inFreshProcess('plain', name))
    ours.push(inFreshProcess('ours', name))
    if (workload.bare !== undefined) bare.push(inFreshProcess('bare', name).medianMs)
    if (plain.at(-1)!.digest !== ours.at(-1)!.digest) throw new Error(`${name}: the results differ`)
  }
  const ratios = plain.map((p, i) => p.medianMs / ours[i]!.medianMs).sort((a, b) => a - b)
  const rate = (lines: Line[]): string =>
    `${Math.round(recordsPerFile / median(lines.map(l => l.medianMs)))} k records/s, ${median(lines.map(l => l.rssMb))} MB`
  console.log(`${name}  ${workload.title}  (input ${sha256.slice(0, 12)})`)
  console.log(`  plain loop  ${rate(plain)}`)
  console.log(`  Kindling    ${rate(ours)}`)
  const [low, high] = [ratios[0]!, ratios.at(-1)!]
  console.log(
    `  ratio ${median(ratios).toFixed(2)} × the plain loop (${low.toFixed(2)} to ${high.toFixed(2)}); goal ${goal.toFixed(2)}; results equal`,
  )
  if (bare.length === 0) return
  const rest = median(bare)
  const own = plain.map((p, i) => (ours[i]!.medianMs - rest) / (p.medianMs - rest))
  console.log(
    `  without reading and digest: ${median(own).toFixed(2)} × the time of the plain table; goal at most 1.50`,
  )
}

/** Two threads against one, and against the program's own. */
async function threads(): Promise<void> {
  for (const name of ['w1', 'w2-10k', 'w2-352k', 'w6', 'w8', 'w5a-100k', 'w5b-100k', 'w5c-100k']) {
    const { title } = workloads[name] ?? threadWorkloads[name]!
    const runs = Array.from({ length: Number(values.rounds) }, () =>
      ['plain', 'ours', 'ours-1', 'ours-2'].map(engine => inFreshProcess(engine, name)),
    )
    if (new Set(runs.flat().map(r => r.digest)).size > 1) throw new Error(`${name}: the results differ`)
    const ratio = (a: number, b: number): string => {
      const all = runs.map(run => run[a]!.medianMs / run[b]!.medianMs).sort((x, y) => x - y)
      return `${median(all).toFixed(2)} (${all[0]!.toFixed(2)} to ${all.at(-1)!.toFixed(2)})`
    }
    console.log(`${name}  ${title}`)
    console.log(`  two threads ${ratio(2, 3)} × one; ${ratio(0, 3)} × the plain loop; results equal`)
    console.log(`  one thread ${ratio(1, 2)} × the program's own`)
    const pairs: number[] = []
    for (let round = 0; round < runs.length; round++) pairs.push(await twoAtOnce(name))
    console.log(`  two plain loops at once ${median(pairs).toFixed(2)} × one`)
  }
}

async function floors(): Promise<void> {
  console.log(`empty batch, one stage   ${(await emptyBatch(1, 2000)).toFixed(3)} ms`)
  console.log(`empty batch, two stages  ${(await emptyBatch(2, 2000)).toFixed(3)} ms  (goal 0.300)`)
  console.log(`start to first result    ${firstResult(Number(values.rounds)).toFixed(0)} ms  (goal 200)`)
}

if (values.one !== undefined) await one(values.one, positionals[0]!)
else {
  console.log(
    `Node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}; medians of ${values.rounds} rounds`,
  )
  const names =
    positionals.length > 0
      ? positionals
      : [...Object.keys(workloads), 'windows', 'memory', 'restart', 'threads', 'thread-figures', 'floors']
  for (const name of names) {
    if (name === 'floors') await floors()
    else if (name === 'windows') await windowCosts()
    else if (name === 'memory') await stateMemory()
    else if (name === 'restart') await restartCosts(Number(values.rounds))
    else if (name === 'threads') await threads()
    else if (name === 'thread-figures') await threadFigures()
    else if (workloads[name] !== undefined) compare(name)
    else
      throw new Error(
        `no workload ${name}; there are ${Object.keys(workloads).join(', ')}, windows, memory, restart, threads, thread-figures, floors`,
      )
  }
}
