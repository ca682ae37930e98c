/** Every limit of a job, broken for real: what its caller is told, what becomes of it, and that the target is left. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ended, resultOf, storyOf, submit, until } from './support/jobs.ts'
import { assertOneAtATime, chat, startRig } from './support/rig.ts'

const short = { limits: { first_token_timeout_s: 0.3, stall_timeout_s: 0.3 } }
const stall = (after: number, times?: number) => ({
  faults: [{ kind: 'stall' as const, after, times, path: '/api/chat' }]
})

for (const [name, after] of [
  ['before the first token', 0],
  ['after the third token', 3]
] as const) {
  test(`a target that falls silent ${name} is left, and the job is tried again`, async t => {
    const { app, fake } = await startRig(t, stall(after, 1), short)
    const [job, next] = submit(app, {}, {})
    const done = await ended(app, job!.id)
    assert.deepEqual([done.state, done.attempt], ['done', 2])
    assert.deepEqual(storyOf(app, done), ['queued', 'loading', 'working', 'retrying', 'working', 'done'])
    assert.equal((await ended(app, next!.id)).state, 'done')
    await assertOneAtATime(fake)
  })

  test(`a caller is told at once when the target falls silent ${name}`, async t => {
    const { app, url, fake } = await startRig(t, stall(after), short)
    const end = await chat(url)
    if (after === 0) assert.deepEqual([end.status, end.headers?.get('foreman-error-code')], [504, 'stalled'])
    else assert.deepEqual([end.status, end.broke], [200, true])
    const job = app.jobs.get(end.headers!.get('foreman-job-id')!)
    assert.deepEqual([job?.state, job?.error?.code, job?.attempt], ['failed', 'stalled', 1])
    await fake.waitFor('generation_end')
  })
}

test('a job that always stalls fails after its last attempt with what came of it', async t => {
  const { app } = await startRig(t, stall(2), short)
  const [job] = submit(app, { maxAttempts: 2 })
  const failed = await ended(app, job!.id)
  assert.deepEqual([failed.state, failed.error?.code, failed.attempt], ['failed', 'stalled', 2])
  assert.equal(resultOf(app, failed)?.done, false)
})

test('a run that takes too long fails at once, and the next job follows', async t => {
  const { app, fake } = await startRig(t, { token_delay_ms: 30, token_count: 1000 })
  const [job, next] = submit(app, { runTimeoutMs: 200 }, { body: { options: { num_predict: 1 } } })
  const failed = await ended(app, job!.id)
  assert.deepEqual([failed.state, failed.error?.code, failed.attempt], ['failed', 'run_timeout', 1])
  assert.equal((await ended(app, next!.id)).state, 'done')
  await assertOneAtATime(fake)
})

test('silence is no fault of a call that does not stream, but the run timeout is', async t => {
  const { app, url } = await startRig(
    t,
    { token_delay_ms: 100, token_count: 6 },
    {
      limits: { first_token_timeout_s: 0.3, run_timeout_s: 1 }
    }
  )
  assert.equal((await chat(url, { stream: false })).status, 200)
  const slow = await chat(url, { stream: false, options: { num_predict: 100 } })
  assert.deepEqual([slow.status, slow.headers?.get('foreman-error-code')], [504, 'run_timeout'])
  assert.equal(app.jobs.get(slow.headers!.get('foreman-job-id')!)?.state, 'failed')
})

test('a caller that waits too long is told 503 with Retry-After, and its job is expired', async t => {
  const { app, url, fake } = await startRig(
    t,
    { token_delay_ms: 50, token_count: 1000 },
    { limits: { attached_start_timeout_s: 0.3 } }
  )
  const [busy] = submit(app, {})
  await until(app, busy!.id, 'working')
  const { status, headers } = await chat(url)
  assert.deepEqual(
    [status, headers?.get('retry-after'), headers?.get('foreman-error-code')],
    [503, '30', 'start_timeout']
  )
  const job = app.jobs.get(headers!.get('foreman-job-id')!)!
  assert.deepEqual([job.state, job.attempt, storyOf(app, job)], ['expired', 0, ['queued', 'expired']])
  assert.equal((await fake.state()).counts.generation_start, 1)
})

test('a start limit that passes while the target is away still ends the job', async t => {
  const { app, fake } = await startRig(t)
  await fake.kill()
  const [job] = submit(app, { startWithinMs: 600 })
  const expired = await ended(app, job!.id)
  assert.deepEqual([expired.state, expired.attempt, expired.error?.code], ['expired', 0, 'start_timeout'])
})

test('one job more than queue.max_queued is refused in the words of the target', async t => {
  const { app, url } = await startRig(
    t,
    { token_delay_ms: 50, token_count: 1000 },
    { queue: { max_queued: 2 } }
  )
  const [busy] = submit(app, {})
  await until(app, busy!.id, 'working')
  const [waiting] = submit(app, {}, {})
  const refused = await chat(url)
  assert.deepEqual(
    [refused.status, refused.text?.trim(), refused.headers?.get('foreman-error-code')],
    [503, '{"error":"server busy, please try again.  maximum pending requests exceeded"}', 'queue_full']
  )
  assert.ok(refused.headers?.get('retry-after'))
  assert.throws(() => submit(app, {}), { wireCode: 'queue_full' })
  app.queue.cancel(waiting!.id)
  assert.equal(submit(app, {}).length, 1)
})

test('an ended job is swept when its time is over, and leaves a tombstone', async t => {
  const { app } = await startRig(t, {}, { retention: { sweep_interval_s: 0.05 } })
  const [job, stays] = submit(app, { retentionMs: 1 }, {})
  await ended(app, stays!.id)
  const grave = app.db.prepare('SELECT id, owner, state FROM tombstone WHERE id = ?')
  // The sweep announces nothing: looked for at its own pace.
  while (grave.get(job!.id) === undefined) await new Promise(setImmediate)
  assert.deepEqual(grave.get(job!.id), { id: job!.id, owner: 'local', state: 'done' })
  const left = app.db.prepare(
    `SELECT (SELECT count(*) FROM job) AS jobs, (SELECT count(DISTINCT job_seq) FROM event) AS events,
     (SELECT count(*) FROM job_request) AS requests, (SELECT count(*) FROM artifact) AS results`
  )
  assert.deepEqual(left.get(), { jobs: 1, events: 1, requests: 1, results: 1 })
})
