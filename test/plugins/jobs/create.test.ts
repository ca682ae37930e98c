import assert from 'node:assert/strict'
import { test } from 'node:test'
import { spawnForeman } from '../../helpers/foreman.ts'
import { startFake, withShortPauses } from '../../strength/support/rig.ts'
import { assertProblem, chatBody, type Problem, type Stage, speaker, startStage } from './stage.ts'

/** The bodies that the target got on one path. */
async function bodiesAt({ fake }: Stage, path: string): Promise<string[]> {
  const { requests } = await fake.state()
  return requests
    .filter(({ url }) => url === path)
    .map(({ body_base64 }) => Buffer.from(body_base64, 'base64').toString())
}

test('a job is accepted with its id, its address and what is known of it', async t => {
  const stage = await startStage(t)
  await stage.ask('POST', '/queue/pause')
  const body = {
    request: chatBody,
    priority: 'batch',
    max_attempts: 2,
    run_timeout_s: 60,
    retention_s: 120,
    metadata: { team: 'žlutý', run: '7' }
  }
  const { status, headers, body: job } = await stage.ask('POST', '/jobs', { body })
  assert.equal(status, 202)
  assert.match(job.id, /^job_[0-9a-z]{26}$/)
  assert.equal(headers.get('location'), `/jobs/${job.id}`)
  assert.equal(headers.get('etag'), '"1"')
  assert.deepEqual(
    [job.kind, job.model, job.state, job.priority, job.attempt, job.max_attempts, job.metadata],
    ['chat', 'alpha', 'queued', 'batch', 0, 2, body.metadata]
  )
  const nobodyKnows = { estimated_start_at: null, start_p50_at: null, start_p90_at: null }
  assert.deepEqual(job.queue, { position: 0, ...nobodyKnows })
  assert.equal(job.request, undefined, 'the input is not echoed')
  const row = stage.app.jobs.get(job.id)!
  assert.deepEqual([row.runTimeoutMs, row.retentionMs], [60_000, 120_000])
})

test('what a body leaves out comes from the settings', async t => {
  const settings = { limits: { run_timeout_s: 1.001 }, retry: { max_attempts: 3 }, retention: { job_s: 77 } }
  const stage = await startStage(t, {}, settings)
  await stage.ask('POST', '/queue/pause')
  const { id } = await stage.submit()
  const row = stage.app.jobs.get(id)!
  assert.deepEqual(
    [row.priority, row.maxAttempts, row.runTimeoutMs, row.retentionMs, row.startBy],
    ['normal', 3, 1001, 77_000, null]
  )
})

test('settings with broken milliseconds are rounded up, for calls that hold a connection too', async t => {
  const odd = 1.0011
  const patience_s = { interactive: odd, normal: odd, batch: odd }
  const limits = { run_timeout_s: odd, attached_start_timeout_s: odd }
  const stage = await startStage(t, {}, { limits, retention: { job_s: odd }, queue: { patience_s } })
  const call = await fetch(`${stage.url}/api/chat`, { method: 'POST', body: JSON.stringify(chatBody) })
  assert.equal(call.status, 200, await call.text())
  assert.equal((await stage.ended((await stage.submit()).id)).state, 'done')
  const { runTimeoutMs } = stage.app.jobs.get(call.headers.get('foreman-job-id')!)!
  assert.equal(runTimeoutMs, 1002)
})

test('the kind is told by messages, prompt or input, as the target reads their names', async t => {
  const models = [
    { name: 'alpha', size_bytes: 1e9 },
    { name: 'embedder', size_bytes: 1e8, capabilities: ['embedding' as const] }
  ]
  const stage = await startStage(t, { models })
  const bodies = [chatBody, { model: 'alpha', PROMPT: 'why?' }, { model: 'embedder', input: ['a', 'b'] }]
  const jobs = await Promise.all(bodies.map(body => stage.submit(body)))
  const ended = await Promise.all(jobs.map(({ id }) => stage.ended(id)))
  assert.deepEqual(
    ended.map(({ kind, state }) => `${kind} ${state}`),
    ['chat done', 'generate done', 'embed done']
  )
  const { message } = ended[0]!.result as { message: { content: string } }
  assert.equal(message.content, 'tok0 tok1 tok2 tok3 tok4 tok5 tok6 tok7')
  assert.equal((ended[2]!.result as { embeddings: unknown[] }).embeddings.length, 2)
  assert.deepEqual(ended[0]!.usage, { input_tokens: 1, output_tokens: 8, estimated: false })
})

test('large numbers and repeated names come to the target as they were sent', async t => {
  const stage = await startStage(t)
  const native = '{"model":"beta", "model":"alpha","prompt":"x","options":{"seed":12345678901234567890}}'
  const long = await stage.ask('POST', '/jobs', { body: `{"metadata":{}, "request": ${native} }` })
  const short = await stage.ask('POST', '/jobs', { body: native })
  const mixed = await stage.ask('POST', '/jobs', { body: `{"priority":"batch",${native.slice(1)}` })
  for (const { body } of [long, short, mixed]) assert.equal((await stage.ended(body.id)).state, 'done')
  const sent = (await bodiesAt(stage, '/api/generate')).filter(body => body.includes('seed'))
  assert.deepEqual(sent, [native, native, native.replace(', "model"', ',"model"')])
  assert.equal(mixed.body.priority, 'batch')
  const shown = await stage.ask('GET', `/jobs/${long.body.id}?include=request`)
  assert.ok(shown.text.endsWith(`,"request":${native}}`), shown.text)
})

test("foreman's keep_alive stands in the place of a caller's, and an unload is no job", async t => {
  const stage = await startStage(t)
  const { id } = await stage.submit({ ...chatBody, keep_alive: 0 })
  await stage.ended(id)
  assert.ok((await bodiesAt(stage, '/api/chat')).every(body => body.includes('"keep_alive":"30m"')))
  const unload = await stage.ask('POST', '/jobs', { body: { model: 'alpha', prompt: '', keep_alive: 0 } })
  assert.equal(assertProblem(unload, 422, 'validation_failed').errors![0]!.pointer, '/keep_alive')
})

test('a model that is not there, is far away or cannot do the work is refused', async t => {
  const models = [
    { name: 'alpha' },
    { name: 'embedder', capabilities: ['embedding' as const] },
    { name: 'far', remote_host: 'https://ollama.com', remote_model: 'far' }
  ]
  const stage = await startStage(t, { models })
  const refused = (model: string) =>
    stage.ask<Problem>('POST', '/jobs', { body: { request: { ...chatBody, model } } })
  assertProblem(await refused('nobody'), 422, 'model_not_found')
  assertProblem(await refused('alpha:cloud'), 403, 'leaves_this_machine')
  assertProblem(await refused('far'), 403, 'leaves_this_machine')
  for (const model of ['embedder', '', 'a b']) {
    const problem = assertProblem(await refused(model), 422, 'validation_failed')
    assert.equal(problem.errors![0]!.pointer, '/request/model', model)
  }
  assert.equal(stage.app.queueDepth.total, 0)
})

test('a model that was installed a moment ago is found', async t => {
  const stage = await startStage(t)
  await stage.fake.configure({ remote_models: [{ name: 'fresh', size_bytes: 1000 }] })
  const pulled = await fetch(`${stage.fake.url}/api/pull`, { method: 'POST', body: '{"model":"fresh"}' })
  await pulled.text()
  const { id } = await stage.submit({ ...chatBody, model: 'fresh' })
  assert.equal((await stage.ended(id)).state, 'done')
})

test('while the target is away a job for any model is accepted, and runs when it is back', async t => {
  const stage = await startStage(t)
  await stage.fake.kill()
  await stage.app.catalog.refresh().catch(() => {})
  const known = await stage.submit()
  const unknown = await stage.submit({ ...chatBody, model: 'nobody' })
  await stage.fake.restart()
  assert.equal((await stage.ended(known.id)).state, 'done')
  const { state, error } = await stage.ended(unknown.id)
  assert.deepEqual([state, error?.code], ['failed', 'model_not_found'])
})

test('a caller that would wait gets the ended job with 201, or 202 when its time is over', async t => {
  const stage = await startStage(t)
  const prefer = (wait: string) => ({ body: chatBody, headers: { prefer: wait } })
  const ended = await stage.ask('POST', '/jobs', prefer('respond-async, wait=20'))
  assert.deepEqual([ended.status, ended.body.state], [201, 'done'])
  assert.equal(ended.headers.get('preference-applied'), 'respond-async, wait=20')
  assert.equal(ended.headers.get('location'), `/jobs/${ended.body.id}`)
  await stage.ask('POST', '/queue/pause')
  for (const [wait, applied] of [
    ['wait=0', 'wait=0'],
    ['respond-async', 'respond-async'],
    ['wait=-1', null],
    ['wait=1e3', null]
  ] as const) {
    const { status, headers, body } = await stage.ask('POST', '/jobs', prefer(wait))
    assert.deepEqual([status, body.state, headers.get('preference-applied')], [202, 'queued', applied], wait)
    assert.ok(Number(headers.get('retry-after')) >= 1)
  }
  const late = await stage.ask('POST', '/jobs', prefer('wait=1'))
  assert.deepEqual([late.status, late.body.state], [202, 'queued'])
})

test('a job is not started before its time, and expires when it cannot start in time', async t => {
  const stage = await startStage(t)
  const notBefore = new Date(Date.now() + 400).toISOString()
  const { id, available_at } = await stage.submit({ ...chatBody, not_before: notBefore })
  assert.equal(available_at, notBefore)
  const { started_at, state } = await stage.ended(id)
  assert.equal(state, 'done')
  assert.ok(Date.parse(started_at!) >= Date.parse(notBefore))
  await stage.ask('POST', '/queue/pause')
  const late = await stage.ended((await stage.submit({ ...chatBody, start_timeout_s: 1 })).id)
  assert.deepEqual([late.state, late.error?.code, late.attempt], ['expired', 'start_timeout', 0])
})

test('times that cannot be, and other values out of range, are refused where they stand', async t => {
  const stage = await startStage(t)
  const week = 7 * 86_400_000
  const wrong: [field: string, value: unknown][] = [
    ['not_before', 'tomorrow'],
    ['not_before', new Date(Date.now() + week + 60_000).toISOString()],
    ['not_before', 5],
    ['max_attempts', 0],
    ['max_attempts', 1e9],
    ['start_timeout_s', 0],
    ['run_timeout_s', 604_801],
    ['retention_s', 59],
    ['priority', 'urgent'],
    ['kind', 'transcription'],
    ['metadata', ['a']]
  ]
  for (const [field, value] of wrong) {
    const answer = await stage.ask('POST', '/jobs', { body: { request: chatBody, [field]: value } })
    const { errors } = assertProblem(answer, 422, 'validation_failed')
    assert.deepEqual(
      errors!.map(({ pointer }) => pointer),
      [`/${field}`],
      answer.text
    )
  }
  const typo = await stage.ask('POST', '/jobs', { body: { request: chatBody, prioritty: 'batch' } })
  assert.equal(assertProblem(typo, 422, 'validation_failed').errors![0]!.pointer, '/prioritty')
})

test('a full queue is told with the time to come back', async t => {
  const stage = await startStage(t, {}, { queue: { max_queued: 1 } })
  await stage.ask('POST', '/queue/pause')
  await stage.submit()
  const answer = await stage.ask('POST', '/jobs', { body: chatBody })
  assertProblem(answer, 503, 'queue_full')
  assert.equal(answer.headers.get('retry-after'), '10')
})

test('an acknowledged job outlives the process that is killed right after the answer', async t => {
  const fake = await startFake(t)
  const settings = withShortPauses()
  const first = await spawnForeman(t, { target: fake.url, settings })
  await speaker(first.url).ask('POST', '/queue/pause')
  const body = { request: chatBody, metadata: { a: 'b' } }
  const { body: accepted } = await speaker(first.url).ask('POST', '/jobs', { body })
  await first.kill()
  const second = await spawnForeman(t, { target: fake.url, settings, dataDir: first.dataDir })
  const { ask, ended } = speaker(second.url)
  const { state, metadata } = (await ask('GET', `/jobs/${accepted.id}`)).body
  assert.deepEqual([state, metadata], ['queued', { a: 'b' }])
  await ask('POST', '/queue/resume')
  assert.equal((await ended(accepted.id)).state, 'done')
})
