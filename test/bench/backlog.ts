/** A data directory with many queued jobs, put there by the store itself. */
import { openStore, type Store } from '../../core/database/open.ts'
import { JobBus } from '../../core/jobs/events.ts'
import type { NewJob } from '../../core/jobs/job.ts'
import { type Priority, priorities } from '../../core/jobs/priority.ts'
import { JobStore } from '../../core/jobs/store.ts'
import { WaitingJobs } from '../../core/jobs/waiting.ts'
import { workerLane } from '../../core/queue/dispatcher.ts'
import { runnerPrefix } from '../../core/target/runner.ts'
import type { ModelConfig } from '../fake-ollama/start.ts'
import { chatCall } from './call.ts'

const jobsPerCommit = 10_000
const hourMs = 3_600_000

/** Three models that the fake target has under these weights. */
export const models: readonly ModelConfig[] = ['a', 'b', 'c'].map(name => ({
  name,
  weights: name.repeat(64)
}))

/** The queue of one data directory, opened without a foreman. */
export interface Backlog {
  readonly store: JobStore
  readonly waiting: WaitingJobs
  /** Queues `count` more jobs, spread over models and priorities. */
  add(count: number): void
  close(): void
}

/** Opens the queue in `dataDir`, made where it is not there. No foreman may run on it. */
export function openBacklog(dataDir: string): Backlog {
  const opened: Store = openStore(dataDir)
  const store = new JobStore(opened.db, new JobBus())
  let added = 0
  return {
    store,
    waiting: new WaitingJobs(opened.db),
    add(count) {
      for (let left = count; left > 0; left -= jobsPerCommit) {
        const length = Math.min(left, jobsPerCommit)
        const dueAt = Date.now() + hourMs
        store.accept(Array.from({ length }, () => ({ dueAt, job: jobNumber(added++) })))
      }
    },
    close: () => opened.close()
  }
}

function jobNumber(index: number): NewJob {
  const model = models[index % models.length]!
  const { path, body } = chatCall(model.name)
  return {
    owner: 'local',
    lane: workerLane,
    kind: 'chat',
    model: model.name,
    runner: runnerPrefix({ weights: model.weights! }),
    priority: priorityOf(index),
    attached: false,
    maxAttempts: 5,
    runTimeoutMs: hourMs,
    retentionMs: 24 * hourMs,
    request: { path, body: Buffer.from(body) }
  }
}

function priorityOf(index: number): Priority {
  return priorities[Math.floor(index / models.length) % priorities.length]!
}
