/**
 * `GET /jobs/{id}/why`: what a job waited for, or waits for, by what was recorded of it and of the worker.
 * Of other jobs it tells only how many they were.
 */
import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { EventLog } from '../../core/jobs/event-log.ts'
import { isStateEvent } from '../../core/jobs/events.ts'
import type { Job } from '../../core/jobs/job.ts'
import { hasEnded, jobStates } from '../../core/jobs/states.ts'
import { workerLane } from '../../core/queue/dispatcher.ts'
import { type Span, WorkerHistory } from '../../core/queue/worker-history.ts'
import * as api from './api.ts'
import { findJob, type JobPath } from './lookup.ts'
import { nowOf, nowSchema } from './why-now.ts'
import { cutOwn, QueuedTime, type Segment, type Surroundings, segmentsOf, waitingPart } from './why-pieces.ts'
import { type RunPart, reasonSchema, runReason, Waits } from './why-words.ts'

const whySchema = Type.Object({
  job_id: Type.String(),
  state: Type.Enum([...jobStates]),
  waited_s: Type.Number({
    description: 'From its arrival to the begin of its last run, or until now or its end where there is none.'
  }),
  summary: Type.String(),
  reasons: Type.Array(reasonSchema, {
    description: 'In the order in which they were first met; those with `waiting` add up to `waited_s`.'
  }),
  now: Type.Union([nowSchema, Type.Null()], { description: 'What it waits for; null when it does not wait.' })
})

interface Sources {
  readonly app: FastifyInstance
  readonly events: EventLog
  readonly history: WorkerHistory
}

/** Adds the route. */
export function addWhyRoute(scope: FastifyInstance): void {
  const sources = { app: scope, events: new EventLog(scope.db), history: new WorkerHistory(scope.db) }
  const schema = { response: { 200: whySchema } }
  scope.get<JobPath>(
    '/jobs/:id/why',
    { schema, config: { access: 'jobs:read', api: api.why } },
    async ({ params, caller }) => {
      const job = findJob(scope, params.id, caller)
      return explain(sources, job, Date.now())
    }
  )
}

async function explain(sources: Sources, job: Job, now: number): Promise<Static<typeof whySchema>> {
  const { app, events } = sources
  const segments = segmentsOf(events.story(job).filter(isStateEvent), job.finishedAt ?? now)
  const waiting = segments.slice(0, waitingPart(segments))
  const waits = new Waits()
  for (const segment of waiting) await addWaits(sources, job, segment, waits)
  const run = runPartsOf(app, job, segments[waiting.length], segments.at(-1))
  return {
    job_id: job.id,
    state: job.state,
    waited_s: waits.ms / 1000,
    summary: waits.summary(),
    reasons: [...waits.reasons(), ...run.map(runReason)],
    now: job.state === 'queued' ? nowOf(app, job) : null
  }
}

async function addWaits(sources: Sources, job: Job, segment: Segment, waits: Waits): Promise<void> {
  const { history, app } = sources
  const { from, to, state, attempt, code } = segment
  const surroundings: Surroundings = {
    stoppages: app.stoppages.between(from, to),
    since: app.stoppages.since,
    before: history.lastBefore(from),
    besideWorker: job.lane !== workerLane
  }
  const { runner, model } = job
  const add = waits.add.bind(waits)
  if (state === 'loading') return cutOwn(segment, { kind: 'swap', runner, model }, surroundings, add)
  if (state !== 'queued') return cutOwn(segment, { kind: 'failed_attempt', attempt, code }, surroundings, add)
  const time = new QueuedTime(segment, runner, surroundings, add)
  if (!surroundings.besideWorker) {
    for await (const span of history.between(from, to)) {
      // Its own run may have been stamped a moment before the event that tells of it.
      if (span.jobSeq !== job.seq) time.add(span)
    }
    for (const span of lastingSpan(app, to)) time.add(span)
  }
  time.end()
}

/** What the worker does now is recorded when it is over. */
function lastingSpan({ queue }: FastifyInstance, to: number): Span[] {
  const { activity } = queue.worker
  if (activity === undefined || activity.since >= to) return []
  const { phase, runner, model, jobSeq, since } = activity
  const isRun = phase === 'working'
  const kind = isRun ? ('run' as const) : ('swap' as const)
  return [{ kind, from: since, to, runner, model, jobSeq: isRun ? jobSeq : null, loaded: true }]
}

/** What became of the run that counts; `first` is where it began. */
function runPartsOf(
  { jobs }: FastifyInstance,
  job: Job,
  first: Segment | undefined,
  last: Segment | undefined
): RunPart[] {
  if (first === undefined) return []
  const { attempt } = first
  const ms = last!.to - first.from
  if (!hasEnded(job.state)) return [{ kind: 'run', ms, attempt, goesOn: true }]
  if (job.state === 'failed')
    return [{ kind: 'failed_attempt', ms, attempt, code: job.error?.code ?? 'unknown' }]
  const run = jobs.runs.last(job)
  if (run?.prefillMs == null || run.generationMs == null) return [{ kind: 'run', ms, attempt }]
  return [
    { kind: 'prefill', ms: run.prefillMs, attempt },
    { kind: 'generation', ms: run.generationMs, attempt }
  ]
}
