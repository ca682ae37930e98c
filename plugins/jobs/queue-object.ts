/** What `GET /queue` shows. Counts only: nobody learns of others' jobs. */
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { isStorageFailure } from '../../core/database/open.ts'
import { type Priority, priorities } from '../../core/jobs/priority.ts'
import type { EtaScore } from '../../core/jobs/start-estimates.ts'
import type { SwapFigures, SwapLedger } from '../../core/queue/swap-ledger.ts'
import { embedObject, embedSchema } from './embed-object.ts'
import { depthSchema, oldestAge, queueRunners, runnerSchema } from './queue-runners.ts'

const secondMs = 1000
const seconds = (description: string) => Type.Number({ description })
const maybeSeconds = (description: string) => Type.Union([seconds(description), Type.Null()])

const startSchema = Type.Object({
  loaded_p50_s: maybeSeconds('A job of the loaded model would start within this as likely as not.'),
  loaded_p90_s: maybeSeconds('Nine of ten of them would.'),
  other_p50_s: maybeSeconds('The same for a model that is neither loaded nor waited for.'),
  other_p90_s: maybeSeconds('Nine of ten of them would.')
})

const swapsSchema = Type.Object({
  loads: Type.Integer({ description: 'Models loaded.' }),
  load_s: seconds('What that took.'),
  arrival_order_loads: Type.Integer({ description: 'Loads that plain arrival order would have cost.' }),
  arrival_order_load_s: seconds('And the time for them, at the mean of the loads of each.'),
  since: Type.String({ format: 'date-time', description: 'Counted from then on.' })
})

const etaSchema = Type.Object({
  jobs: Type.Integer({ description: 'Jobs that started, of those that were given an estimate.' }),
  within_p90: Type.Integer({
    description: 'Those of them that did so by the start_p90_at of their arrival.'
  }),
  share: Type.Union([Type.Number({ description: 'within_p90 / jobs' }), Type.Null()])
})

/** The whole of it. */
export const queueSchema = Type.Object({
  depth: depthSchema,
  max_queued: Type.Integer({ description: 'Jobs that may wait; one more is refused with queue_full.' }),
  runners: Type.Array(runnerSchema, { description: 'The loaded one, then the deepest: a hundred at most.' }),
  resident: Type.Union([Type.String({ description: 'The runner whose turn it is.' }), Type.Null()]),
  busy: Type.Boolean({ description: 'A job of the worker is on the target now.' }),
  embed: embedSchema,
  paused: Type.Boolean({ description: 'Nothing is started.' }),
  draining: Type.Boolean({ description: 'Nothing is accepted.' }),
  oldest_age_s: maybeSeconds('Age of the oldest of the waiting jobs that may run.'),
  new_job: Type.Object(
    { interactive: startSchema, normal: startSchema, batch: startSchema },
    { description: 'What a job that came in now would wait; null where nothing is started.' }
  ),
  swaps: swapsSchema,
  swaps_last_day: swapsSchema,
  eta: etaSchema,
  eta_last_day: etaSchema
})

/** Makes it, after the arrivals that are not in the ledger yet were counted. */
export async function queueObject(app: FastifyInstance): Promise<Static<typeof queueSchema>> {
  const { queue, queueDepth, settings, jobs } = app
  const { ledger } = queue.worker
  await countArrivals(ledger)
  const now = Date.now()
  const oldest = queue.oldest()
  return {
    depth: { total: queueDepth.total, ...queueDepth.byPriority },
    max_queued: settings.queue.max_queued,
    runners: queueRunners(app, oldest, now),
    resident: queue.resident ?? null,
    busy: queue.busy,
    embed: embedObject(app),
    paused: queue.paused,
    draining: queue.draining,
    oldest_age_s: oldestAge(oldest, now),
    new_job: newJobOf(app),
    swaps: swapsOf(ledger.inAll()),
    swaps_last_day: swapsOf(ledger.lastDay(now)),
    eta: etaOf(jobs.estimates.score()),
    eta_last_day: etaOf(jobs.estimates.score(now))
  }
}

// Without room to write, the figures are those of the last time.
async function countArrivals(ledger: SwapLedger): Promise<void> {
  try {
    while (ledger.advance()) await yieldToOthers()
  } catch (err) {
    if (!isStorageFailure(err)) throw err
  }
}

function newJobOf(app: FastifyInstance): Record<Priority, Static<typeof startSchema>> {
  const starts = priorities.map(priority => [priority, startOf(app, priority)] as const)
  return Object.fromEntries(starts) as Record<Priority, Static<typeof startSchema>>
}

function startOf({ queue, settings }: FastifyInstance, priority: Priority): Static<typeof startSchema> {
  const patienceMs = settings.queue.patience_s[priority] * secondMs
  const other = queue.forecaster.ifCameIn(priority, patienceMs)
  const loadedRunner = queue.resident ?? queue.worker.activity?.runner
  const loaded = queue.forecaster.ifCameIn(priority, patienceMs, loadedRunner)
  const wait = (ms: number) => (queue.starts ? Math.round(ms) / secondMs : null)
  return {
    loaded_p50_s: wait(loaded.p50Ms),
    loaded_p90_s: wait(loaded.p90Ms),
    other_p50_s: wait(other.p50Ms),
    other_p90_s: wait(other.p90Ms)
  }
}

function swapsOf({ loads, loadMs, arrivalLoads, arrivalLoadMs, since }: SwapFigures) {
  return {
    loads,
    load_s: loadMs / secondMs,
    arrival_order_loads: arrivalLoads,
    arrival_order_load_s: Math.round(arrivalLoadMs) / secondMs,
    since: new Date(since).toISOString()
  }
}

function etaOf({ jobs, withinP90 }: EtaScore): Static<typeof etaSchema> {
  return { jobs, within_p90: withinP90, share: jobs === 0 ? null : withinP90 / jobs }
}
