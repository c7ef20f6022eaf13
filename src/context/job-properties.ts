/** Between local properties, which are texts under Spark's keys, and what they say about a job. */
import { KindlingError } from '../base/errors.ts'
import type { JobProperties } from '../scheduler/task.ts'
import { currentJobScope } from './job-scope.ts'
import type { LocalScope } from './local-scope.ts'

/** The keys that mean something to the engine. @source Spark SparkContext, StreamingContext, JobScheduler */
export const propertyKeys = {
  group: 'spark.jobGroup.id',
  description: 'spark.job.description',
  interruptOnCancel: 'spark.job.interruptOnCancel',
  tags: 'spark.job.tags',
  batchTime: 'spark.streaming.internal.batchTime',
  outputOpId: 'spark.streaming.internal.outputOpId',
} as const

const TAG_SEPARATOR = ','

/** The properties of a job that is started in `scope` now. */
export function jobProperties(scope: LocalScope): JobProperties {
  const batch = currentJobScope()?.properties ?? {}
  if (scope.properties.size === 0) return batch
  const description = scope.properties.get(propertyKeys.description)
  const group = scope.properties.get(propertyKeys.group)
  return {
    ...batch,
    ...(description === undefined ? {} : { description }),
    ...(group === undefined ? {} : { group }),
    tags: tagsOf(scope),
    local: Object.fromEntries(scope.properties),
  }
}

export function tagsOf(scope: LocalScope): readonly string[] {
  const text = scope.properties.get(propertyKeys.tags)
  return text === undefined ? [] : text.split(TAG_SEPARATOR)
}

export function setTags(scope: LocalScope, tags: Iterable<string>): void {
  const text = [...new Set(tags)].join(TAG_SEPARATOR)
  if (text === '') scope.properties.delete(propertyKeys.tags)
  else scope.properties.set(propertyKeys.tags, text)
}

/** @throws INVALID_ARGUMENT */
export function checkTag(tag: string): string {
  if (typeof tag === 'string' && tag !== '' && !tag.includes(TAG_SEPARATOR)) return tag
  throw new KindlingError('INVALID_ARGUMENT', {
    what: 'A job tag',
    value: tag,
    expected: 'a text that is not empty and has no comma',
  })
}

/** Local properties for jobs that are not part of the group of whoever starts them. */
export function withoutGroup(properties: Readonly<Record<string, string>>): Record<string, string> {
  const { group, description, interruptOnCancel } = propertyKeys
  const dropped: readonly string[] = [group, description, interruptOnCancel]
  return Object.fromEntries(Object.entries(properties).filter(([key]) => !dropped.includes(key)))
}
