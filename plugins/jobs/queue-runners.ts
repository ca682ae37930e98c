/** The runners in `GET /queue`: what jobs wait for, and what is known of it. */
import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import type { Job } from '../../core/jobs/job.ts'
import { priorities } from '../../core/jobs/priority.ts'

const count = Type.Integer({ minimum: 0 })
const maybeSeconds = (description: string) => Type.Union([Type.Number({ description }), Type.Null()])

/** Waiting jobs by class. */
export const depthSchema = Type.Object(
  { total: count, interactive: count, normal: count, batch: count },
  { description: 'Jobs that wait for a retry or their not_before included.' }
)

/** One runner. */
export const runnerSchema = Type.Object({
  runner: Type.String({ description: 'Weights, and the options that force a reload.' }),
  models: Type.Array(Type.String(), { description: 'Names under which it was asked for lately.' }),
  resident: Type.Boolean({ description: 'It is loaded: its jobs cost no load.' }),
  depth: depthSchema,
  load_s: maybeSeconds('Median of its last five loads; null before the first.'),
  run_s: maybeSeconds('Mean of its last runs, loads not included; null before the first.'),
  oldest_age_s: maybeSeconds('Age of the oldest of its jobs that may run.')
})

const mostRunners = 100
/** Runs that are looked through for names. */
const lately = 1000

/** The loaded ones, the one used last first, then the deepest. */
export function queueRunners(
  app: FastifyInstance,
  oldest: readonly Job[],
  now: number
): Static<typeof runnerSchema>[] {
  const { queue, queueDepth, jobs } = app
  const { activity, knowledge, residents } = queue.worker
  const loaded = residents.map(({ runner }) => runner).filter(runner => knowledge.schedule.isLoaded(runner))
  const first = [...loaded.toReversed(), activity?.runner].filter(runner => runner !== undefined)
  const others = queueDepth.runners.toSorted((a, b) => queueDepth.of(b) - queueDepth.of(a))
  const runners = [...new Set([...first, ...others])].slice(0, mostRunners)
  const waiting = Map.groupBy(oldest, job => job.runner)
  const names = new Map(runners.map(runner => [runner, new Set<string>()]))
  for (const { runner, model } of jobs.runs.newest(lately).reverse()) names.get(runner)?.add(model)
  return runners.map(runner => {
    const own = waiting.get(runner) ?? []
    for (const { model } of own) names.get(runner)!.add(model)
    return { runner, models: [...names.get(runner)!].sort(), ...factsOf(app, runner, own, now) }
  })
}

function factsOf(
  { queue, queueDepth }: FastifyInstance,
  runner: string,
  oldest: readonly Job[],
  now: number
) {
  const { loadTimes, runTimes, schedule } = queue.worker.knowledge
  const classes = queueDepth.classesOf(runner)
  const total = priorities.reduce((sum, priority) => sum + classes[priority], 0)
  return {
    resident: schedule.isLoaded(runner),
    depth: { total, ...classes },
    load_s: seconds(loadTimes.measured(runner)),
    run_s: seconds(runTimes.measured(runner)),
    oldest_age_s: oldestAge(oldest, now)
  }
}

/** Age of the oldest of some jobs; null where there is none. */
export function oldestAge(jobs: readonly Job[], now: number): number | null {
  const oldest = Math.min(...jobs.map(job => job.createdAt))
  return jobs.length === 0 ? null : Math.max(0, now - oldest) / 1000
}

function seconds(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms) / 1000
}
