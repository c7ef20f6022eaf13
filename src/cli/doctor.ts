/** `kindling doctor`: is this machine fit, and what loads on it. */
import { availableParallelism, freemem, totalmem } from 'node:os'
import { getHeapStatistics } from 'node:v8'
import { mayGenerateCode } from '../rdd/segment/segment.ts'

const NODE_WANTED = 24
const MIB = 1024 * 1024

interface Finding {
  readonly what: string
  readonly value: string
  /** What to do, when something is wrong. */
  readonly advice?: string
}

/** Writes one line for each finding. Gives 0, or 1 when something must be done. */
export async function doctor(out: { write(text: string): unknown }): Promise<number> {
  const findings = [node(), cores(), memory(), codeGeneration(), await typeStripping(), await parquet()]
  const width = Math.max(...findings.map(f => f.what.length))
  for (const { what, value, advice } of findings) {
    out.write(`${advice === undefined ? 'ok ' : '!! '} ${what.padEnd(width)}  ${value}\n`)
    if (advice !== undefined) out.write(`    ${advice}\n`)
  }
  return findings.some(f => f.advice !== undefined) ? 1 : 0
}

function node(): Finding {
  const { node: version } = process.versions
  const finding = { what: 'Node', value: `${version} (${process.platform}-${process.arch})` }
  if (Number(version.split('.')[0]) >= NODE_WANTED) return finding
  return { ...finding, advice: `Kindling needs Node ${NODE_WANTED} or newer.` }
}

function cores(): Finding {
  return { what: 'cores', value: String(availableParallelism()) }
}

function memory(): Finding {
  const heap = Math.round(getHeapStatistics().heap_size_limit / MIB)
  const value = `${Math.round(freemem() / MIB)} of ${Math.round(totalmem() / MIB)} MiB free; heap limit ${heap} MiB`
  if (heap >= 512) return { what: 'memory', value }
  return { what: 'memory', value, advice: 'Give Node more heap: node --max-old-space-size=2048' }
}

function codeGeneration(): Finding {
  const what = 'compiled segments'
  if (mayGenerateCode) return { what, value: 'yes' }
  return {
    what,
    value: 'no, operators run interpreted',
    advice: 'Run without --disallow-code-generation-from-strings to be several times faster.',
  }
}

/** An optional part: that it is missing is nothing wrong. */
async function parquet(): Promise<Finding> {
  const what = 'Parquet files'
  try {
    await import('hyparquet-writer')
    return { what, value: 'can be written' }
  } catch {
    return { what, value: 'cannot be written; for that: npm install hyparquet-writer' }
  }
}

async function typeStripping(): Promise<Finding> {
  const what = 'TypeScript programs'
  const supported = (process.features as { typescript?: unknown }).typescript !== false
  if (supported) return { what, value: 'run as they are' }
  return {
    what,
    value: 'not supported by this Node',
    advice: 'Use a newer Node, or compile to JavaScript first.',
  }
}
