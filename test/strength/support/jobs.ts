/**
 * Hands durable jobs to a foreman in this process and follows them by its bus.
 */
import { once } from 'node:events'
import type { FastifyInstance } from 'fastify'
import { soleCaller, soleOwner } from '../../../core/access/caller.ts'
import { EventLog } from '../../../core/jobs/event-log.ts'
import { isStateEvent } from '../../../core/jobs/events.ts'
import type { Job, NewJob } from '../../../core/jobs/job.ts'
import type { Priority } from '../../../core/jobs/priority.ts'
import { hasEnded, type JobState } from '../../../core/jobs/states.ts'
import { workerLane } from '../../../core/queue/dispatcher.ts'
import { provisionalRunner } from '../../../core/queue/move-along.ts'
import { peekWanted } from '../../../core/queue/wanted.ts'
import type { Catalog } from '../../../core/target/catalog.ts'
import { readInference } from '../../../core/target/inference.ts'

/** What a test asks for; everything else has a value that stays out of the way. */
export interface Wish {
  /** Defaults to `alpha`. */
  readonly model?: string
  /** Merged into the body of the chat request. */
  readonly body?: Readonly<Record<string, unknown>>
  /** Defaults to 5. */
  readonly maxAttempts?: number
  readonly priority?: Priority
  /** Must have started within this time. */
  readonly startWithinMs?: number
  readonly runTimeoutMs?: number
  /** How long it is kept after its end. Defaults to an hour. */
  readonly retentionMs?: number
}

const hourMs = 3_600_000
const patienceMs = 60_000

/** The durable chat job that fulfils `wish`, with the runner the catalog gives its model now. */
export function newJob(catalog: Catalog | undefined, wish: Wish = {}): NewJob {
  const { model = 'alpha', startWithinMs } = wish
  const path = '/api/chat'
  const body = Buffer.from(
    JSON.stringify({ model, messages: [{ role: 'user', content: 'hello' }], ...wish.body })
  )
  const inference = readInference(path, body)
  if (inference.malformed) throw new Error('the body of the test job cannot be read')
  const wanted = catalog && peekWanted(catalog, inference)
  return {
    owner: soleOwner,
    lane: workerLane,
    kind: 'chat',
    model,
    runner: wanted?.runner.key ?? provisionalRunner(model),
    priority: wish.priority ?? 'normal',
    attached: false,
    maxAttempts: wish.maxAttempts ?? 5,
    ...(startWithinMs !== undefined && { startBy: Date.now() + startWithinMs }),
    runTimeoutMs: wish.runTimeoutMs ?? hourMs,
    retentionMs: wish.retentionMs ?? hourMs,
    request: { path, body }
  }
}

/** Hands in one job for each wish, in one transaction. */
export function submit(app: FastifyInstance, ...wishes: Wish[]): Job[] {
  return app.queue.submit(wishes.map(wish => ({ ...newJob(app.catalog, wish), caller: soleCaller })))
}

/** Waits until the target was found and has told what it has, so that jobs get the runner they keep. */
export async function ready(app: FastifyInstance): Promise<void> {
  if (app.reachability.state.status !== 'up') await once(app.reachability, 'up')
  while (app.catalog.models().length === 0) await once(app.catalog, 'changed')
}

/** Waits until the job is in one of `states`. @throws {Error} after a minute, with what became of it */
export async function until(app: FastifyInstance, id: string, ...states: JobState[]): Promise<Job> {
  return untilJob(app, id, job => states.includes(job.state))
}

/** Waits until the job has ended, however. */
export function ended(app: FastifyInstance, id: string): Promise<Job> {
  return untilJob(app, id, job => hasEnded(job.state))
}

/** Waits until `matches` holds of the job. */
export async function untilJob(
  app: FastifyInstance,
  id: string,
  matches: (job: Job) => boolean
): Promise<Job> {
  const late = AbortSignal.timeout(patienceMs)
  for (;;) {
    const job = app.jobs.get(id)
    if (job !== undefined && matches(job)) return job
    await once(app.jobEvents, 'event', { signal: late }).catch(() => {
      throw new Error(`job ${id} did not get there: ${JSON.stringify(job)}`)
    })
  }
}

/** What became of a job, in its order, as `state` or `retrying`. */
export function storyOf(app: FastifyInstance, job: Job): string[] {
  const states = new EventLog(app.db).story(job).filter(isStateEvent)
  return states.map(({ type }) => type.slice('job.'.length))
}

/** The kept answer of a job, parsed. */
export function resultOf(app: FastifyInstance, job: Job): Record<string, unknown> | undefined {
  const [output] = app.jobs.artifacts.ofJob(job.seq)
  return output && JSON.parse(String(app.jobs.artifacts.body(output)))
}
