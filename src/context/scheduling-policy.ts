/**
 * How jobs share the slots of a context, from its settings and the file of pools.
 *
 *   { "pools": [{ "name": "dashboards", "schedulingMode": "FAIR", "weight": 2, "minShare": 1 }] }
 *
 * @source Spark FairSchedulableBuilder, whose file is XML
 */
import { readFileSync } from 'node:fs'
import type { Config } from '../base/config.ts'
import { configEntries } from '../base/config-entries.ts'
import { describeValue, KindlingError } from '../base/errors.ts'
import {
  DEFAULT_POOL,
  type PoolSettings,
  type SchedulingMode,
  type SchedulingPolicy,
} from '../scheduler/pools.ts'

/** @throws INVALID_CONFIG when the file of pools cannot be read, or says something else */
export function schedulingPolicy(conf: Config): SchedulingPolicy {
  const mode = conf.get(configEntries.schedulerMode) as SchedulingMode
  const path = conf.get(configEntries.schedulerAllocationFile)
  return { mode, pools: mode === 'FAIR' && path !== undefined ? readPools(path) : new Map() }
}

function readPools(path: string): Map<string, PoolSettings> {
  let content: unknown
  try {
    content = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw refused(path, `a file that can be read and is JSON (${(error as Error).message})`, error)
  }
  const pools = new Map<string, PoolSettings>()
  const list = (content as { readonly pools?: unknown } | null)?.pools
  if (!Array.isArray(list)) throw refused(path, 'a file with { "pools": […] }')
  for (const given of list) {
    const pool = poolSettings(given, path)
    if (pools.has(pool.name)) throw refused(path, `one pool of each name; ${pool.name} is there twice`)
    pools.set(pool.name, pool)
  }
  return pools
}

function poolSettings(given: unknown, path: string): PoolSettings & { readonly name: string } {
  const { name, schedulingMode, weight, minShare, ...others } = (given ?? {}) as Record<string, unknown>
  const { mode: modeOtherwise, weight: weightOtherwise, minShare: shareOtherwise } = DEFAULT_POOL
  if (typeof name !== 'string' || name === '')
    throw refused(path, `a name for each pool, not ${describeValue(given)}`)
  const mode = schedulingMode ?? modeOtherwise
  if (mode !== 'FIFO' && mode !== 'FAIR')
    throw refused(path, `FIFO or FAIR as schedulingMode of pool ${name}`)
  const [unknownField] = Object.keys(others)
  if (unknownField !== undefined)
    throw refused(path, `name, schedulingMode, weight and minShare only; pool ${name} has ${unknownField}`)
  const number = (value: unknown, least: number, field: string): number => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= least) return value
    throw refused(path, `a whole number from ${least} up as ${field} of pool ${name}`)
  }
  return {
    name,
    mode,
    weight: number(weight ?? weightOtherwise, 1, 'weight'),
    minShare: number(minShare ?? shareOtherwise, 0, 'minShare'),
  }
}

function refused(path: string, expected: string, cause?: unknown): KindlingError {
  const params = { key: configEntries.schedulerAllocationFile.key, value: path, expected }
  return new KindlingError('INVALID_CONFIG', params, cause === undefined ? {} : { cause })
}
