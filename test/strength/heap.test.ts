/**
 * What failed leaves nothing in memory. 20 000 jobs; `FOREMAN_SOAK_JOBS=200000` for the long run.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { FastifyInstance } from 'fastify'
import type { Job } from '../../core/jobs/job.ts'
import { submit } from './support/jobs.ts'
import { startRig } from './support/rig.ts'

const jobs = Number(process.env.FOREMAN_SOAK_JOBS ?? 20_000)
const chunk = 1000
/** What 100 bytes a job would leave in the measured half, above the noise of the collector. */
const allowedBytes = Math.max(2e6, (jobs / 2) * 100)

test(`the heap is flat over ${jobs} jobs that fail`, { timeout: 120_000 + jobs * 10 }, async t => {
  const quiet = { request_log_limit: 10, event_log_limit: 10 }
  const { app } = await startRig(t, {
    ...quiet,
    faults: [{ kind: 'status', status: 400, path: '/api/chat' }]
  })
  const before = await heapOverFailures(app, jobs / 2)
  const after = await heapOverFailures(app, jobs / 2)
  t.diagnostic(`heap after ${jobs / 2} jobs ${before} bytes, after ${jobs} ${after}`)
  assert.ok(after - before < allowedBytes, `heap grew by ${after - before} bytes`)
  const failed = app.db.prepare("SELECT count(*) FROM job WHERE state = 'failed'").pluck().get()
  assert.equal(failed, jobs)
})

/** Lets `count` jobs fail. @returns the least heap of the last five looks, since what is alive comes and goes */
async function heapOverFailures(app: FastifyInstance, count: number): Promise<number> {
  const looks: number[] = []
  for (let done = 0; done < count; done += chunk) {
    const last = submit(app, ...Array.from({ length: chunk }, () => ({ maxAttempts: 1 }))).at(-1)!
    // Jobs of one runner and class run in the order in which they came.
    for (let job: Job | undefined; job?.id !== last.id || job.state !== 'failed'; ) {
      ;[, job] = (await once(app.jobEvents, 'event')) as [unknown, Job]
    }
    looks.push(heapAfterCollection())
  }
  return Math.min(...looks.slice(-5))
}

function heapAfterCollection(): number {
  setFlagsFromString('--expose_gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().heapUsed
}
