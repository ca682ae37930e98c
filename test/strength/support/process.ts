/** Foreman as a process for the strength tests: with the plugin that takes durable jobs, and words to speak to it. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { openStore } from '../../../core/database/open.ts'
import { JobBus } from '../../../core/jobs/events.ts'
import type { Job } from '../../../core/jobs/job.ts'
import type { JobState } from '../../../core/jobs/states.ts'
import { JobStore } from '../../../core/jobs/store.ts'
import { type ForemanOptions, type ForemanProcess, type Scope, spawnForeman } from '../../helpers/foreman.ts'
import { newJob, type Wish } from './jobs.ts'
import { withShortPauses } from './rig.ts'

const plugin = join(import.meta.dirname, 'durable-jobs.ts')

/** The settings every such process gets. */
export function processSettings(settings: ForemanOptions['settings'] = {}): ForemanOptions['settings'] {
  return withShortPauses({ plugins: { [plugin]: true }, ...settings })
}

/** Starts one. */
export function startProcess(t: Scope, options: ForemanOptions): Promise<ForemanProcess> {
  return spawnForeman(t, { ...options, settings: processSettings(options.settings) })
}

/** Hands in durable jobs. @returns their ids; @throws where they were not accepted */
export async function submitTo(url: string, ...wishes: Wish[]): Promise<string[]> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${url}/test/jobs`, { method: 'POST', headers, body: JSON.stringify(wishes) })
  assert.equal(answer.status, 202, `submit answered ${answer.status}`)
  return (await answer.json()) as string[]
}

/** The job once it is in one of `states`; without any, once it has ended. */
export async function jobAt(url: string, id: string, ...states: JobState[]): Promise<Job> {
  const query = states.length === 0 ? '' : `?until=${states}`
  const answer = await fetch(`${url}/test/jobs/${id}${query}`)
  const body = await answer.text()
  assert.equal(answer.status, 200, body)
  return JSON.parse(body) as Job
}

/** Cancels a job. @returns it as it is then */
export async function cancelAt(url: string, id: string): Promise<Job> {
  const answer = await fetch(`${url}/test/jobs/${id}/cancel`, { method: 'POST' })
  return (await answer.json()) as Job
}

/** Writes to the store of a foreman that does not run, by foreman's own hand. */
export function seed<T>(dataDir: string, write: (store: JobStore) => T): T {
  const { db, close } = openStore(dataDir)
  try {
    return write(new JobStore(db, new JobBus()))
  } finally {
    close()
  }
}

/** A job that a dead process left in `state` after `attempt` attempts. */
export function leftIn(
  store: JobStore,
  state: 'loading' | 'working' | 'canceling',
  { attempt = 1, attached = false, ...wish }: Wish & { attempt?: number; attached?: boolean } = {}
): Job {
  const { request, ...job } = newJob(undefined, wish)
  const place = { job: { ...job, attached, ...(!attached && { request: request! }) }, dueAt: Date.now() }
  const taken = store.move(store.accept([place])[0]!, 'loading', { attempt, startedAt: Date.now() })
  return state === 'loading' ? taken : store.move(taken, state)
}
