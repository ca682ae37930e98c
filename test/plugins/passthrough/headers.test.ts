/** What foreman says about a job in the head of its answer, and what a client may ask for in the head of a request. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldValue, statusOf } from '../../differential/message-reader.ts'
import { begin, type RawRequest } from '../../differential/raw-client.ts'
import { ask, chat, errorText, fault, jobOf, nextIn, start } from './stage.ts'

test('an answer of a job names the job, its place and when it was expected to start', async t => {
  const stage = await start(t)
  const before = Date.now()
  const answer = await ask(stage, chat())
  assert.match(fieldValue(answer.fields, 'foreman-job-id')!, /^job_[0-9a-z]{26}$/)
  assert.equal(fieldValue(answer.fields, 'foreman-queue-position'), '0')
  assert.ok(Date.parse(fieldValue(answer.fields, 'foreman-estimated-start')!) >= before)
  const job = jobOf(stage, answer)!
  assert.equal(job.state, 'done')
  assert.equal(job.attached, true)
  assert.equal(job.priority, 'interactive')
})

test('the place counts the job that runs and those that wait', async t => {
  const stage = await start(t)
  const first = begin(stage.url, chat([fault('stall', { after: 1 })]))
  await first.until(answer => answer.chunks.length === 1)
  const queued = nextIn(stage, 'queued')
  const second = begin(stage.url, chat())
  await queued
  const third = ask(stage, chat())
  await nextIn(stage, 'queued')
  first.leave()
  assert.equal(fieldValue((await second.until(() => true)).fields, 'foreman-queue-position'), '1')
  assert.equal(fieldValue((await third).fields, 'foreman-queue-position'), '2')
  second.leave()
})

test('an error the target sends to a job carries the headers of the job too', async t => {
  const stage = await start(t)
  const answer = await ask(stage, chat([fault('status', { status: 500 })]))
  assert.equal(statusOf(answer), 500)
  assert.equal(jobOf(stage, answer)!.state, 'failed')
})

test('Foreman-Priority sets the class of the job', async t => {
  const stage = await start(t)
  for (const priority of ['interactive', 'normal', 'batch']) {
    const answer = await ask(stage, chat([['Foreman-Priority', priority]]))
    assert.equal(jobOf(stage, answer)!.priority, priority)
  }
})

const badValues = [
  ['Foreman-Priority', 'urgent'],
  ['Foreman-On-Disconnect', 'explode']
] as const

const surfaces = ['/api/chat', '/v1/chat/completions', '/v1/messages']

test('a value that is none of foreman’s is a 400 in the shape of the route, and no job', async t => {
  const stage = await start(t)
  for (const path of surfaces) {
    for (const field of badValues) {
      const request: RawRequest = { ...chat([field], { max_tokens: 5 }), path }
      const answer = await ask(stage, request)
      assert.equal(statusOf(answer), 400, path)
      assert.ok(errorText(path, answer).includes(field[0]))
      assert.equal(fieldValue(answer.fields, 'foreman-error-code'), 'bad_request')
      assert.equal(jobOf(stage, answer), undefined)
    }
  }
  assert.equal(stage.app.queueDepth.total, 0)
})

test('what is meant for foreman never reaches the target', async t => {
  const stage = await start(t)
  await ask(
    stage,
    chat([
      ['Foreman-Priority', 'batch'],
      ['Foreman-Anything', 'x'],
      ['X-Mark', 'me']
    ])
  )
  const { requests } = await stage.fake.state()
  const seen = requests.find(({ headers }) => headers.includes('X-Mark'))!
  assert.deepEqual(
    seen.headers.filter(text => /^foreman-/i.test(text)),
    []
  )
})
