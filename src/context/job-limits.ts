/** When tasks are tried again, and when they are copied, from the settings of a context. */
import type { Config } from '../base/config.ts'
import { configEntries } from '../base/config-entries.ts'
import type { JobLimits } from '../scheduler/job-decisions.ts'
import type { SpeculationRules } from '../scheduler/speculation.ts'
import type { Master } from './master.ts'

export function jobLimits(master: Master, conf: Config): JobLimits {
  return {
    maxFailures: master.maxFailures ?? conf.get(configEntries.taskMaxFailures),
    maxStageAttempts: conf.get(configEntries.stageMaxConsecutiveAttempts),
    speculation: conf.get(configEntries.speculation) ? speculationRules(conf) : undefined,
  }
}

function speculationRules(conf: Config): SpeculationRules {
  return {
    intervalMs: conf.get(configEntries.speculationInterval),
    multiplier: conf.get(configEntries.speculationMultiplier),
    quantile: conf.get(configEntries.speculationQuantile),
    minTaskRuntimeMs: conf.get(configEntries.speculationMinTaskRuntime),
    durationThresholdMs: conf.get(configEntries.speculationDurationThreshold),
  }
}
