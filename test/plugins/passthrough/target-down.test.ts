/** A target that is away: what needs a model waits, everything else is told. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bodyOf, fieldValue, statusOf } from '../../differential/message-reader.ts'
import { ask, chat, errorText, jobOf, nextIn, start } from './stage.ts'

test('a job is accepted and waits until the target is back', async t => {
  const stage = await start(t)
  await ask(stage, chat())
  await stage.fake.kill()
  const queued = nextIn(stage, 'queued')
  const answer = ask(stage, chat())
  await queued
  await stage.fake.restart()
  assert.equal(statusOf(await answer), 200)
  const job = jobOf(stage, await answer)!
  assert.equal(job.state, 'done')
  assert.equal(job.attempt, 1, 'a refused connection is no attempt')
})

test('a model that nobody can look up yet waits too, and gets the target’s 404 when it is back', async t => {
  const stage = await start(t)
  await stage.fake.kill()
  const queued = nextIn(stage, 'queued')
  const answer = ask(stage, chat([], { model: 'nobody' }))
  await queued
  await stage.fake.restart()
  assert.equal(statusOf(await answer), 404)
  assert.equal(bodyOf(await answer).toString(), `{"error":"model 'nobody' not found"}`)
})

test('a job that was not started in its time is 503 with Retry-After, and expired', async t => {
  const stage = await start(t, { settings: { limits: { attached_start_timeout_s: 0.3 } } })
  await ask(stage, chat())
  await stage.fake.kill()
  const answer = await ask(stage, chat())
  assert.equal(statusOf(answer), 503)
  assert.equal(fieldValue(answer.fields, 'retry-after'), '30')
  assert.equal(fieldValue(answer.fields, 'foreman-error-code'), 'start_timeout')
  const job = jobOf(stage, answer)!
  assert.equal(job.state, 'expired')
})

test('reads are 502 in the shape of their route', async t => {
  const stage = await start(t)
  await ask(stage, chat())
  await stage.fake.kill()
  for (const request of [
    { method: 'POST', path: '/api/show', body: '{"model":"nomic-embed-text"}' },
    { method: 'GET', path: '/v1/models/nobody' }
  ]) {
    const answer = await ask(stage, request)
    assert.equal(statusOf(answer), 502)
    assert.equal(fieldValue(answer.fields, 'foreman-error-code'), 'target_unreachable')
    assert.match(errorText(request.path, answer), /cannot be reached/)
  }
})
