/** Who gets a stream, who a page, and who neither. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { prefersEventStream } from '../../../plugins/jobs/accept.ts'
import { connect } from '../../helpers/event-stream.ts'
import { ended } from '../../strength/support/jobs.ts'
import { startStage as startAuthStage } from '../auth/stage.ts'
import { assertProblem, startStage as startJobStage } from '../jobs/stage.ts'
import { startStage } from './stage.ts'

const accept = 'text/event-stream'

test('a stream is for those who ask for it by name, and want no document more', () => {
  const yes = [
    ...['text/event-stream', 'Text/Event-Stream; charset=utf-8', 'text/event-stream, */*'],
    ...['application/json, text/event-stream', 'text/event-stream;q=0.5, application/json;q=0.5'],
    ...['text/event-stream;q=0.5, application/json;q=0.1, */*', 'text/html, text/event-stream;q=0.1']
  ]
  const no = [
    ...[undefined, '', '*/*', 'text/*', 'application/json', 'text/event-streams', 'text/event-stream;q=0'],
    ...['text/event-stream;q=0.5, application/json', 'text/event-stream;q=0.5, */*'],
    ...['text/event-stream;q=0.5, application/*', 'text/event-stream;q=nonsense']
  ]
  assert.deepEqual(
    yes.filter(value => !prefersEventStream(value)),
    []
  )
  assert.deepEqual(no.filter(prefersEventStream), [])
})

test('others get the page, and so does everybody where the plugin is off', async t => {
  const stage = await startStage(t)
  const without = await startJobStage(t, {}, { plugins: { sse: false } })
  for (const [{ ask, submit, app }, headers] of [
    [stage, { accept: '*/*' }],
    [without, { accept }]
  ] as const) {
    const { id } = await submit()
    await ended(app, id)
    const page = await ask<{ data: unknown[] }>('GET', `/jobs/${id}/events`, { headers })
    assert.match(page.headers.get('content-type')!, /^application\/json/)
    assert.equal(page.body.data.length, app.jobs.get(id)!.eventSeq)
    const latest = await ask<{ data: unknown[] }>('GET', `/jobs/${id}/events?after=latest`, { headers })
    assert.deepEqual(latest.body.data, [])
  }
  const { status, headers } = await connect(`${without.url}/jobs`, {
    body: { model: 'alpha', prompt: 'hello' }
  })
  assert.deepEqual([status, headers['content-type']], [202, 'application/json; charset=utf-8'])
  assertProblem(await without.ask('GET', '/events'), 404, 'not_found')
})

test('ids that are no ids of its events are refused before anything is sent', async t => {
  const stage = await startStage(t)
  const [{ id }, other] = [await stage.submit(), await stage.submit()]
  await ended(stage.app, id)
  const path = `/jobs/${id}/events`
  const seqs = ['', '-1', '01', '1.5', 'x', '1e3', '9999999999999999999', '1:1', '1 ']
  const foreign = [`${other.id}:1`, '0123456789ab:1', '1', '', id.toUpperCase()]
  for (const bad of [...seqs.map(seq => `${id}:${seq}`), ...foreign]) {
    const query = `?last_event_id=${encodeURIComponent(bad)}`
    assertProblem(await stage.ask('GET', path + query, { headers: { accept } }), 400, 'invalid_event_id')
    // Spaces at the end of a header's value are no part of it.
    if (bad.endsWith(' ')) continue
    const headers = { accept, 'last-event-id': bad }
    assertProblem(await stage.ask('GET', path, { headers }), 400, 'invalid_event_id')
  }
  for (const bad of ['after=-1', 'after=x', 'heartbeat=loud', 'types=job.done'])
    assertProblem(await stage.ask('GET', `${path}?${bad}`, { headers: { accept } }), 422, 'validation_failed')
  assertProblem(
    await stage.ask('GET', '/jobs/job_01jzzzzzzzzzzzzzzzzzzzzzzz/events', { headers: { accept } }),
    404,
    'not_found'
  )
  await stage.ask('DELETE', `/jobs/${id}`)
  assertProblem(
    await stage.ask('GET', path, { headers: { accept, 'last-event-id': `${id}:1` } }),
    410,
    'job_data_removed'
  )
  assert.equal(stage.app.streamSlots.open, 0)
})

test('HEAD answers with the headers of a stream alone, and takes no place', async t => {
  const stage = await startStage(t)
  const { id } = await stage.submit()
  for (const path of [`/jobs/${id}/events`, '/events']) {
    const stream = await stage.follow(path, { method: 'HEAD' })
    assert.deepEqual([stream.status, stream.headers['content-type']], [200, `${accept}; charset=utf-8`])
    assert.equal(await stream.text(), '')
  }
  assert.deepEqual([stage.app.streamSlots.open, stage.app.followers.size], [0, 0])
})

test('a token has so many streams, an administrator any number, and foreman so many in all', async t => {
  const limits = { max_streams_per_token: 2, max_streams: 4 }
  const stage = await startAuthStage(t, {}, { limits })
  const { token } = await stage.issue({ scopes: ['jobs:read', 'jobs:write'] })
  const body = { model: 'alpha', prompt: 'hello' }
  const open = (by: string, path: string, options = {}) =>
    connect(stage.url + path, { headers: { authorization: `Bearer ${by}` }, ...options })
  const streams = [await open(token, '/events'), await open(token, '/events')]
  t.after(() => streams.forEach(stream => void stream.close()))
  const refused = async (by: string, path: string, options = {}) => {
    const { status, headers } = await open(by, path, options)
    assert.deepEqual([status, headers['foreman-error-code']], [429, 'too_many_streams'])
    assert.equal(headers['retry-after'], '10')
  }
  await refused(token, '/events')
  await refused(token, '/jobs', { body })
  const jobs = await stage.ask(token, 'GET', '/jobs')
  assert.deepEqual(((await jobs.json()) as { data: unknown[] }).data, [], 'no job was made')
  streams.push(await open(stage.admin, '/events'), await open(stage.admin, '/events'))
  await refused(stage.admin, '/events')
  streams.pop()!.close()
  // It has left when foreman has noticed.
  while (stage.app.streamSlots.open === 4) await new Promise(resolve => setImmediate(resolve))
  streams.push(await open(stage.admin, '/events'))
  assert.equal(streams.at(-1)!.status, 200)
})

test('a job that is refused takes no place', async t => {
  const stage = await startStage(t)
  const refused = await stage.follow('/jobs', {
    body: { model: 'alpha', prompt: 'hello', priority: 'first' }
  })
  assert.equal(refused.status, 422)
  const unknown = await stage.follow('/jobs', { body: { model: 'nobody', prompt: 'hello' } })
  assert.equal(unknown.status, 422)
  await unknown.text()
  while (stage.app.streamSlots.open > 0) await new Promise(resolve => setImmediate(resolve))
})

test('a client that leaves while its job is taken in leaves nothing but the job', async t => {
  const stage = await startStage(t)
  const { app, fake, url } = stage
  // Foreman does not know the model yet, so it asks the target, which takes its time.
  await fake.configure({ remote_models: [{ name: 'fresh', size_bytes: 1000 }] })
  await (await fetch(`${fake.url}/api/pull`, { method: 'POST', body: '{"model":"fresh"}' })).text()
  await fake.configure({ faults: [{ kind: 'slow_headers', for_ms: 500, path: '/api/tags' }] })
  const leaving = new AbortController()
  const asked = once(app.server, 'request')
  const left = fetch(`${url}/jobs`, {
    method: 'POST',
    headers: { accept, 'content-type': 'application/json' },
    body: '{"model":"fresh","prompt":"hello"}',
    signal: leaving.signal
  })
  const [, answer] = (await asked) as [unknown, ServerResponse]
  const closed = once(answer, 'close')
  const queued = once(app.jobEvents, 'event')
  setImmediate(() => leaving.abort())
  await assert.rejects(left)
  await closed
  const [event] = (await queued) as [{ jobId: string }]
  await ended(app, event.jobId)
  assert.deepEqual([app.followers.size, app.streamSlots.open], [0, 0])
})
