/** Series of the queue: how much waits, how long it has waited, what swapping came to, and whether estimates held. */
import type { FastifyInstance } from 'fastify'
import { isReady } from '../../core/health.ts'
import { type Priority, priorities } from '../../core/jobs/priority.ts'
import { QueueCounts } from './queue-counts.ts'
import { oneLook, type Series } from './series.ts'

const secondMs = 1000

/** Reads the queue at each scrape. */
export function addQueueSeries(app: FastifyInstance, series: Series): void {
  addDepth(app, series)
  addSwitches(app, series)
  addLedger(app, series)
  addEstimates(app, series)
}

function addDepth(app: FastifyInstance, series: Series): void {
  const counts = new QueueCounts(app.db, app.queueDepth)
  series.gauge({
    name: 'foreman_queue_jobs',
    help: 'Jobs that have not ended, embeddings included; delayed: queued, and may not run yet.',
    labelNames: ['state', 'priority'],
    collect() {
      for (const { state, priority, jobs } of counts.read(Date.now())) this.set({ state, priority }, jobs)
    }
  })
  series.gauge({
    name: 'foreman_queue_oldest_job_age_seconds',
    help: 'Age of the oldest queued job that may run; 0 where there is none.',
    labelNames: ['priority'],
    collect() {
      const ages = oldestAges(app, Date.now())
      for (const priority of priorities) this.set({ priority }, ages[priority])
    }
  })
  const patience = series.gauge({
    name: 'foreman_queue_patience_seconds',
    help: 'The time after which a job of this class is due (queue.patience_s).',
    labelNames: ['priority']
  })
  for (const priority of priorities) patience.set({ priority }, app.settings.queue.patience_s[priority])
  series
    .gauge({ name: 'foreman_queue_capacity_jobs', help: 'Jobs that may be queued (queue.max_queued).' })
    .set(app.settings.queue.max_queued)
}

/** A job counts from when it may run: a wait that was asked for is none. */
function oldestAges({ queue }: FastifyInstance, now: number): Record<Priority, number> {
  const ages = { interactive: 0, normal: 0, batch: 0 }
  for (const { priority, createdAt, availableAt, attempt } of queue.oldest()) {
    const since = attempt === 0 ? Math.max(createdAt, availableAt) : createdAt
    ages[priority] = Math.max(ages[priority], (now - since) / secondMs)
  }
  return ages
}

function addSwitches(app: FastifyInstance, series: Series): void {
  const flags: [name: string, help: string, isOn: () => boolean][] = [
    ['foreman_queue_paused', 'Whether nothing is started.', () => app.queue.paused],
    ['foreman_queue_draining', 'Whether nothing new is accepted.', () => app.queue.draining],
    [
      'foreman_worker_busy',
      'Whether a job of the worker is on the target; embeddings run beside it.',
      () => app.queue.busy
    ],
    ['foreman_ready', 'Whether jobs are accepted, as GET /readyz tells.', () => isReady(app)]
  ]
  for (const [name, help, isOn] of flags) {
    series.gauge({
      name,
      help,
      collect() {
        this.set(isOn() ? 1 : 0)
      }
    })
  }
}

/** Counted in the store, so that a restart of foreman is none of theirs. */
function addLedger({ queue }: FastifyInstance, series: Series): void {
  const { ledger } = queue.worker
  const inAll = oneLook(() => ledger.inAll())
  series.countedElsewhere('foreman_swap_loads_total', 'Models loaded.', () => inAll().loads)
  series.countedElsewhere(
    'foreman_swap_load_seconds_total',
    'What loading took.',
    () => inAll().loadMs / secondMs
  )
  series.countedElsewhere(
    'foreman_swap_arrival_order_loads_total',
    'Loads that plain arrival order would have cost.',
    () => inAll().arrivalLoads
  )
  series.countedElsewhere(
    'foreman_swap_arrival_order_load_seconds_total',
    'What those would have taken, at the mean of the loads of each runner.',
    () => inAll().arrivalLoadMs / secondMs
  )
}

function addEstimates({ jobs }: FastifyInstance, series: Series): void {
  const shown = { within_p90: 0, later: 0 }
  series.counter({
    name: 'foreman_eta_jobs_total',
    help: 'Jobs that started, by whether they did so within the p90 that was foretold.',
    labelNames: ['result'],
    collect() {
      const score = jobs.estimates.score()
      const now = { within_p90: score.withinP90, later: score.jobs - score.withinP90 }
      for (const result of ['within_p90', 'later'] as const) {
        this.inc({ result }, now[result] - shown[result])
        shown[result] = now[result]
      }
    }
  })
}
