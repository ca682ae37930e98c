import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertProblem, chatBody, type Stage, startStage } from './stage.ts'

const slowTokens = { token_delay_ms: 50, token_count: 100 }

/** How many rows of each table belong to jobs. */
function rowsOf({ app }: Stage): Record<string, unknown> {
  const tables = ['job', 'job_request', 'artifact', 'job_usage', 'job_metadata', 'job_retry', 'event']
  return Object.fromEntries(
    tables.map(table => [table, app.db.prepare(`SELECT count(*) FROM ${table}`).pluck().get()])
  )
}

test('cancel always answers with the job: 202 while the target is being left, 200 when it has ended', async t => {
  const stage = await startStage(t, slowTokens)
  const [working, waiting] = [await stage.submit(), await stage.submit()]
  await stage.fake.waitFor('generation_start')
  const cancel = (id: string) => stage.ask('POST', `/jobs/${id}/cancel`)
  const gone = await cancel(waiting.id)
  assert.deepEqual([gone.status, gone.body.state], [200, 'canceled'])
  const leaving = await cancel(working.id)
  assert.deepEqual([leaving.status, leaving.body.state], [202, 'canceling'])
  assert.equal((await stage.ended(working.id)).state, 'canceled')
  const again = await cancel(working.id)
  assert.deepEqual([again.status, again.body.state, again.body.version], [200, 'canceled', 5])
  assertProblem(await cancel('job_none'), 404, 'not_found')
})

test('a job that is done stays done, whoever cancels it', async t => {
  const stage = await startStage(t)
  const { id } = await stage.submit()
  const before = await stage.ended(id)
  const { status, body } = await stage.ask('POST', `/jobs/${id}/cancel`, { body: {} })
  assert.equal(status, 200)
  assert.deepEqual(body, before)
})

test('retry makes a new job of the same request, and tells whose it is', async t => {
  const stage = await startStage(t)
  await stage.ask('POST', '/queue/pause')
  const body = {
    request: { ...chatBody, options: { seed: 3 } },
    priority: 'batch',
    metadata: { a: 'b' },
    max_attempts: 2
  }
  const old = await stage.submit(body)
  await stage.ask('POST', `/jobs/${old.id}/cancel`)
  const { status, headers, body: fresh } = await stage.ask('POST', `/jobs/${old.id}/retry`)
  assert.equal(status, 202)
  assert.notEqual(fresh.id, old.id)
  assert.equal(headers.get('location'), `/jobs/${fresh.id}`)
  assert.deepEqual(
    [fresh.retry_of, fresh.state, fresh.priority, fresh.metadata, fresh.max_attempts],
    [old.id, 'queued', 'batch', { a: 'b' }, 2]
  )
  await stage.ask('POST', '/queue/resume')
  assert.equal((await stage.ended(fresh.id)).state, 'done')
  const { request } = (await stage.ask('GET', `/jobs/${fresh.id}?include=request`)).body
  assert.deepEqual(request, body.request)
  assert.equal((await stage.ask('GET', `/jobs/${old.id}`)).body.state, 'canceled', 'its story is over')
})

test('a job that is not over, is done, or was a call cannot be retried', async t => {
  const stage = await startStage(t)
  await stage.ask('POST', '/queue/pause')
  const { id } = await stage.submit()
  const retry = (of: string) => stage.ask('POST', `/jobs/${of}/retry`)
  assertProblem(await retry(id), 409, 'job_not_retryable')
  await stage.ask('POST', '/queue/resume')
  await stage.ended(id)
  assertProblem(await retry(id), 409, 'job_not_retryable')
  await stage.fake.configure({ faults: [{ kind: 'status', status: 500, path: '/api/chat' }] })
  const call = await fetch(`${stage.url}/api/chat`, { method: 'POST', body: JSON.stringify(chatBody) })
  await call.text()
  assertProblem(await retry(call.headers.get('foreman-job-id')!), 409, 'job_not_retryable')
})

test('delete takes all that an ended job left, and nothing else', async t => {
  const stage = await startStage(t)
  await stage.ask('POST', '/queue/pause')
  const first = await stage.submit({ ...chatBody, metadata: { a: 'b' } })
  assertProblem(await stage.ask('DELETE', `/jobs/${first.id}`), 409, 'job_not_finished')
  await stage.ask('POST', `/jobs/${first.id}/cancel`)
  const { id } = (await stage.ask('POST', `/jobs/${first.id}/retry`)).body
  await stage.ask('POST', '/queue/resume')
  await stage.ended(id)
  const other = await stage.submit()
  const { timings } = await stage.ended(other.id)
  for (const gone of [first.id, id]) {
    const { status, text } = await stage.ask('DELETE', `/jobs/${gone}`)
    assert.deepEqual([status, text], [204, ''])
    for (const method of ['GET', 'DELETE'])
      assertProblem(await stage.ask(method, `/jobs/${gone}`), 410, 'job_data_removed')
  }
  const queuedToDone = timings.load_s === null ? 3 : 4
  assert.deepEqual(rowsOf(stage), {
    job: 1,
    job_request: 1,
    artifact: 1,
    job_usage: 1,
    job_metadata: 0,
    job_retry: 0,
    event: queuedToDone
  })
})
