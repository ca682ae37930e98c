import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { assertProblem, chatBody, startStage } from './stage.ts'

const slowTokens = { token_delay_ms: 50, token_count: 100 }

test('a job has its version as ETag, and is not sent again to who has that', async t => {
  const stage = await startStage(t)
  await stage.ask('POST', '/queue/pause')
  const { id } = await stage.submit()
  const first = await stage.ask('GET', `/jobs/${id}`)
  assert.equal(first.headers.get('etag'), `"${first.body.version}"`)
  assert.ok(Number(first.headers.get('retry-after')) >= 1)
  for (const tag of ['"1"', 'W/"1"', '"0", "1"', '*']) {
    const known = await stage.ask('GET', `/jobs/${id}`, { headers: { 'if-none-match': tag } })
    assert.deepEqual([known.status, known.text, known.headers.get('etag')], [304, '', '"1"'], tag)
  }
  const other = await stage.ask('GET', `/jobs/${id}`, { headers: { 'if-none-match': '"2"' } })
  assert.equal(other.status, 200)
  await stage.ask('POST', '/queue/resume')
  const { version } = await stage.ended(id)
  const ended = await stage.ask('GET', `/jobs/${id}`, { headers: { 'if-none-match': '"1"' } })
  assert.deepEqual([ended.status, ended.headers.get('etag')], [200, `"${version}"`])
  assert.equal(ended.headers.get('retry-after'), null)
})

test('who waits with a tag gets each change as it comes, and 304 when none did', async t => {
  const stage = await startStage(t, { load_delay_ms: 100 })
  await stage.ask('POST', '/queue/pause')
  const { id } = await stage.submit()
  const next = (tag: string, wait: string) =>
    stage.ask('GET', `/jobs/${id}`, { headers: { prefer: wait, 'if-none-match': tag } })
  const none = await next('"1"', 'wait=1')
  assert.deepEqual([none.status, none.headers.get('preference-applied')], [304, 'wait=1'])
  const seen: string[] = []
  let waiting = next('"1"', 'wait=20')
  await stage.ask('POST', '/queue/resume')
  for (let state = ''; state !== 'done'; ) {
    const { status, body } = await waiting
    assert.equal(status, 200)
    state = body.state
    seen.push(state)
    if (state !== 'done') waiting = next(`"${body.version}"`, 'wait=20')
  }
  assert.deepEqual(seen, ['loading', 'working', 'done'])
  const over = await next('"4"', 'wait=60')
  assert.equal(over.status, 304, 'an ended job never changes, so nobody waits for it')
})

test('who waits without a tag gets the end, or the job as it is when the time is over', async t => {
  const stage = await startStage(t, slowTokens)
  const { id } = await stage.submit()
  await stage.fake.waitFor('generation_start')
  const soon = await stage.ask('GET', `/jobs/${id}`, { headers: { prefer: 'wait=1' } })
  assert.deepEqual([soon.status, soon.body.state], [200, 'working'])
  const end = stage.ended(id)
  await stage.ask('POST', `/jobs/${id}/cancel`)
  assert.equal((await end).state, 'canceled')
})

test('a client that leaves while it waits takes nothing with it', async t => {
  const stage = await startStage(t, slowTokens)
  const { id } = await stage.submit()
  await stage.fake.waitFor('generation_start')
  const leaving = new AbortController()
  const waiting = fetch(`${stage.url}/jobs/${id}`, { headers: { prefer: 'wait=60' }, signal: leaving.signal })
  leaving.abort()
  await assert.rejects(waiting)
  assert.equal((await stage.ask('GET', `/jobs/${id}`)).body.state, 'working')
})

test('when foreman stops, whoever waits for a job is answered', async t => {
  const stage = await startStage(t)
  await stage.ask('POST', '/queue/pause')
  const { id } = await stage.submit()
  const arrived = once(stage.app.server, 'request')
  const waiting = stage.ask('GET', `/jobs/${id}`, { headers: { prefer: 'wait=60' } })
  await arrived
  await stage.app.close()
  const { status, body } = await waiting
  assert.deepEqual([status, body.state], [200, 'queued'])
})

test('a large answer is not shown in the job', async t => {
  const stage = await startStage(t, { token_count: 40_000 })
  const { id } = await stage.submit()
  const { state, result, usage } = await stage.ended(id)
  assert.deepEqual([state, result, usage?.output_tokens], ['done', null, 40_000])
})

test('a run that broke off shows what came of it, counted and marked', async t => {
  const stage = await startStage(t, slowTokens)
  const { id } = await stage.submit()
  await stage.fake.waitFor('generation_start')
  await stage.ended((await stage.ask('POST', `/jobs/${id}/cancel`)).body.id)
  const { state, result, usage, timings, error } = (await stage.ask('GET', `/jobs/${id}`)).body
  assert.deepEqual([state, error], ['canceled', null])
  if (result !== null) {
    assert.equal(result.done, false)
    assert.equal(usage?.estimated, true)
  }
  assert.equal(timings.generation_s, null)
  assert.ok(timings.total_s! >= timings.queue_s!)
})

test('a failed job shows its error and every wait that it had', async t => {
  const faults = [{ kind: 'status' as const, status: 500, path: '/api/chat' }]
  const stage = await startStage(t, { faults, load_delay_ms: 50 })
  const { id } = await stage.submit({ ...chatBody, max_attempts: 2 })
  const { state, attempt, error, timings } = await stage.ended(id)
  assert.deepEqual([state, attempt], ['failed', 2])
  assert.deepEqual(
    [error?.code, error?.retryable, error?.attempt, error?.target_status],
    ['target_error', true, 2, 500]
  )
  const events = stage.app.db
    .prepare("SELECT created_at AS at, data ->> 'state' AS state FROM event ORDER BY seq")
    .all() as { at: number; state: string }[]
  const inState = (name: string) =>
    events.reduce((sum, { at, state }, n) => sum + (state === name ? events[n + 1]!.at - at : 0), 0) / 1000
  assert.equal(events.filter(event => event.state === 'queued').length, 2)
  assert.deepEqual([timings.queue_s, timings.load_s], [inState('queued'), inState('loading')])
})

test('a call that holds its connection is a job like others', async t => {
  const stage = await startStage(t)
  const call = await fetch(`${stage.url}/api/chat`, { method: 'POST', body: JSON.stringify(chatBody) })
  await call.text()
  const id = call.headers.get('foreman-job-id')!
  const { body } = await stage.ask('GET', `/jobs/${id}?include=request`)
  assert.deepEqual(
    [body.state, body.priority, body.result, body.request],
    ['done', 'interactive', null, null]
  )
})

test('an id that never was is 404, one of a removed job 410', async t => {
  const stage = await startStage(t)
  for (const id of ['job_none', 'x'.repeat(5000), '%00', '__proto__', "' OR 1=1", '%F0%9F%90%88']) {
    assertProblem(await stage.ask('GET', `/jobs/${id}`), 404, 'not_found')
  }
  const { id } = await stage.submit()
  await stage.ended(id)
  assert.equal((await stage.ask('DELETE', `/jobs/${id}`)).status, 204)
  assertProblem(await stage.ask('GET', `/jobs/${id}`), 410, 'job_data_removed')
  assertProblem(await stage.ask('GET', `/jobs/${id}?include=all`), 422, 'validation_failed')
})
