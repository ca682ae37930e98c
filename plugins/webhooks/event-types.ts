/** What can be told, and which of it somebody wants to hear. */
import type { StateEventType } from '../../core/jobs/events.ts'
import type { TargetEventType } from '../../core/target/target-events.ts'

/** Of jobs: every change of state. */
export const jobTypes: readonly StateEventType[] = [
  'job.queued',
  'job.loading',
  'job.working',
  'job.retrying',
  'job.canceling',
  'job.done',
  'job.failed',
  'job.canceled',
  'job.expired'
]

/** Of the target and its models: for standing endpoints, with the scope `models:read`. */
export const targetTypes: readonly TargetEventType[] = [
  'model.added',
  'model.removed',
  'model.loaded',
  'model.unloaded',
  'target.up',
  'target.down',
  'target.bypass'
]

/** Of the webhooks themselves. `webhook_endpoint.test` is told when it is asked for, wanted or not. */
export const ownTypes = [
  'webhook_endpoint.test',
  'webhook_endpoint.disabled',
  'webhook_delivery.exhausted'
] as const

/** What standing endpoints can be told. */
export const allTypes: readonly string[] = [...jobTypes, ...targetTypes, ...ownTypes]

/** What is told unless something else is asked for. */
export const defaultEvents: readonly string[] = ['job.*']

/** Whether one of the patterns stands for the type: its name, the beginning of it and `.*`, or `*`. */
export function wants(patterns: readonly string[], type: string): boolean {
  return patterns.some(pattern => {
    if (pattern === '*' || pattern === type) return true
    return pattern.endsWith('.*') && type.startsWith(pattern.slice(0, -1))
  })
}

/** The first pattern that stands for none of the types: a name that is misspelt would never be heard. */
export function idlePattern(patterns: readonly string[], types: readonly string[]): string | undefined {
  return patterns.find(pattern => !types.some(type => wants([pattern], type)))
}

/** Whether patterns stand for anything of the target. */
export function wantsTarget(patterns: readonly string[]): boolean {
  return targetTypes.some(type => wants(patterns, type))
}
