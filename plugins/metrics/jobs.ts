/** Series of jobs, from their events, and of what the last run left in the middle. */
import type { FastifyInstance } from 'fastify'
import { httpBuckets, longBuckets } from '../../core/buckets.ts'
import type { JobEvent } from '../../core/jobs/events.ts'
import type { Job } from '../../core/jobs/job.ts'
import { priorities } from '../../core/jobs/priority.ts'
import { hasEnded } from '../../core/jobs/states.ts'
import type { ModelLabels } from './model-labels.ts'
import { type Series, startAtZero } from './series.ts'

const kinds = ['chat', 'generate', 'embed', 'transcription']
const outcomes = ['done', 'failed', 'canceled', 'expired']
const secondMs = 1000

/** What a job can end with; any other code is `other`. docs/errors.md tells what each means. */
const errorCodes = [
  'start_timeout',
  'run_timeout',
  'stalled',
  'target_unreachable',
  'target_truncated',
  'target_error',
  'target_incomplete',
  'load_failed',
  'load_timeout',
  'model_not_found',
  'input_gone',
  'interrupted',
  'storage_low',
  'internal',
  'other'
]

/** Counts and times jobs from here on. */
export function addJobSeries(app: FastifyInstance, series: Series, models: ModelLabels): void {
  const follow = [
    createdSeries(series, models),
    finishedSeries(series, models),
    waitSeries(series),
    cancelSeries(series)
  ]
  app.jobEvents.on('event', (event, job) => {
    for (const one of follow) one(event, job)
  })
  addRecovered(app, series)
}

type Follower = (event: JobEvent, job: Job) => void

function createdSeries(series: Series, models: ModelLabels): Follower {
  const created = series.counter({
    name: 'foreman_jobs_created_total',
    help: 'Jobs accepted.',
    labelNames: ['kind', 'model', 'priority']
  })
  models.keep(created, { kind: kinds, priority: priorities })
  return ({ type }, { kind, model, priority }) => {
    if (type === 'job.queued') created.inc({ kind, model: models.of(model), priority })
  }
}

function finishedSeries(series: Series, models: ModelLabels): Follower {
  const finished = series.counter({
    name: 'foreman_jobs_finished_total',
    help: 'Jobs that have ended.',
    labelNames: ['kind', 'model', 'outcome']
  })
  const errors = series.counter({
    name: 'foreman_job_errors_total',
    help: 'Jobs that ended with an error, by its code.',
    labelNames: ['model', 'error_code']
  })
  const duration = series.histogram({
    name: 'foreman_job_duration_seconds',
    help: 'From the arrival of a job to its end.',
    labelNames: ['kind', 'outcome'],
    buckets: longBuckets
  })
  models.keep(finished, { kind: kinds, outcome: outcomes })
  models.keep(errors, { error_code: errorCodes })
  startAtZero(duration, { kind: kinds, outcome: outcomes })
  return (event, job) => {
    const { kind, state, error } = job
    if (!hasEnded(state)) return
    const model = models.of(job.model)
    finished.inc({ kind, model, outcome: state })
    duration.observe({ kind, outcome: state }, (event.createdAt - job.createdAt) / secondMs)
    if (error !== null && state !== 'canceled') {
      errors.inc({ model, error_code: errorCodes.includes(error.code) ? error.code : 'other' })
    }
  }
}

function waitSeries(series: Series): Follower {
  const wait = series.histogram({
    name: 'foreman_job_queue_wait_seconds',
    help: 'From when a job may run to the start of its attempt.',
    labelNames: ['priority'],
    buckets: longBuckets
  })
  startAtZero(wait, { priority: priorities })
  return ({ createdAt }, { state, previousState, availableAt, priority }) => {
    const begins = previousState === 'queued' && (state === 'loading' || state === 'working')
    if (begins) wait.observe({ priority }, Math.max(0, createdAt - availableAt) / secondMs)
  }
}

function cancelSeries(series: Series): Follower {
  const latency = series.histogram({
    name: 'foreman_job_cancel_latency_seconds',
    help: 'From the request to cancel a job to its end: how long the target took to be left.',
    buckets: httpBuckets
  })
  const asked = new Map<string, number>()
  return ({ jobId, createdAt }, { state }) => {
    if (state === 'canceling') asked.set(jobId, createdAt)
    if (state !== 'canceled') return
    latency.observe((createdAt - (asked.get(jobId) ?? createdAt)) / secondMs)
    asked.delete(jobId)
  }
}

function addRecovered(app: FastifyInstance, series: Series): void {
  const recovered = series.counter({
    name: 'foreman_jobs_recovered_total',
    help: 'Jobs that the last run left in the middle, by what became of them at this start.',
    labelNames: ['what']
  })
  for (const [what, jobs] of Object.entries(app.recovered)) recovered.inc({ what }, jobs)
}
