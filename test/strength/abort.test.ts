/** Ending a job before its time: whatever ends it, the target is left before the next job begins. */
import assert from 'node:assert/strict'
import { on } from 'node:events'
import { test } from 'node:test'
import type { FastifyInstance } from 'fastify'
import type { FakeOllama } from '../fake-ollama/start.ts'
import { ended, resultOf, storyOf, submit, until } from './support/jobs.ts'
import { assertOneAtATime, chat, startRig } from './support/rig.ts'

const slowTokens = { token_delay_ms: 50, token_count: 100 }
const second = { num_predict: 2 }

/** The job of the next caller that holds its connection. */
async function nextJobId(app: FastifyInstance): Promise<string> {
  for await (const [event, job] of on(app.jobEvents, 'event')) {
    if (event.type === 'job.queued' && job.attached) return job.id
  }
  throw new Error('the bus has ended')
}

/** The second job began after the first had left the target. */
async function assertOneAfterTheOther(fake: FakeOllama): Promise<void> {
  const [, ...events] = await fake.waitFor(event => event.type.startsWith('generation_'), 4)
  assert.deepEqual(
    events.map(event => event.type),
    ['generation_end', 'generation_start', 'generation_end']
  )
  await assertOneAtATime(fake)
}

test('a job canceled while it waits never reaches the target', async t => {
  const { app, fake } = await startRig(t, slowTokens)
  const [first, waiting] = submit(app, { body: { options: { num_predict: 3 } } }, {})
  await until(app, first!.id, 'working')
  assert.equal(app.queue.cancel(waiting!.id)?.state, 'canceled')
  await ended(app, first!.id)
  assert.deepEqual(storyOf(app, waiting!), ['queued', 'canceled'])
  const { requests } = await fake.state()
  assert.equal(requests.filter(({ url }) => url === '/api/chat').length, 1)
})

test('a job canceled in its load ends at once, and the load serves the next', async t => {
  const { app, fake } = await startRig(t, { load_delay_ms: 300 })
  const [first, next] = submit(app, {}, {})
  await fake.waitFor('load_start')
  assert.equal(app.queue.cancel(first!.id)?.state, 'canceled')
  assert.equal((await ended(app, next!.id)).state, 'done')
  const { loads, counts } = await fake.state()
  assert.deepEqual([loads, counts.load_abort ?? 0, counts.generation_start], [1, 0, 1])
  assert.deepEqual(storyOf(app, first!), ['queued', 'loading', 'canceling', 'canceled'])
})

test('a job canceled at work is canceling until the target is left', async t => {
  const { app, fake } = await startRig(t, slowTokens)
  const [first, next] = submit(app, {}, { body: { options: second } })
  await fake.waitFor('generation_start')
  assert.equal(app.queue.cancel(first!.id)?.state, 'canceling')
  assert.equal((await ended(app, first!.id)).state, 'canceled')
  assert.equal((await ended(app, next!.id)).state, 'done')
  await assertOneAfterTheOther(fake)
})

test('the partial answer of a canceled job is kept, marked as not done', async t => {
  const { app, url } = await startRig(t, { faults: [{ kind: 'stall', after: 3, path: '/api/chat' }] })
  const headers = { 'foreman-on-disconnect': 'continue' }
  const body = JSON.stringify({ model: 'alpha', messages: [{ role: 'user', content: 'hello' }] })
  const answer = await fetch(`${url}/api/chat`, { method: 'POST', headers, body })
  const id = answer.headers.get('foreman-job-id')!
  let seen = ''
  for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
    seen += chunk
    if (seen.includes('tok2')) break
  }
  app.queue.cancel(id)
  const canceled = await ended(app, id)
  const result = resultOf(app, canceled)
  assert.equal(canceled.state, 'canceled')
  assert.equal(result?.done, false)
  assert.deepEqual(result?.message, { role: 'assistant', content: 'tok0 tok1 tok2' })
  assert.notEqual(canceled.firstTokenAt, null)
})

for (const at of ['queued', 'loading', 'working'] as const) {
  test(`a client that leaves while its job is ${at} cancels it and nothing else`, async t => {
    const { app, fake, url } = await startRig(t, { ...slowTokens, load_delay_ms: 200 })
    const leaving = new AbortController()
    if (at === 'queued') {
      const [busy] = submit(app, { body: { options: { num_predict: 10 } } })
      await until(app, busy!.id, 'working')
    }
    const accepted = nextJobId(app)
    const call = chat(url, {}, { signal: leaving.signal })
    const id = await accepted
    await until(app, id, at)
    if (at === 'working') await fake.waitFor('generation_start')
    leaving.abort()
    assert.equal((await call).broke, true)
    assert.equal((await ended(app, id)).state, 'canceled')
    const next = await chat(url, { options: second })
    assert.equal(next.status, 200)
    assert.equal((await fake.state()).counts.load_abort ?? 0, 0)
    await assertOneAtATime(fake)
  })
}

test('a client that left before its job was accepted has no job run for it', async t => {
  const { app, fake, url } = await startRig(t)
  await fake.configure({
    models: [{ name: 'late' }],
    faults: [{ kind: 'slow_headers', for_ms: 300, path: '/api/tags', times: 1 }]
  })
  const leaving = new AbortController()
  const accepted = nextJobId(app)
  // The model is new: foreman asks for a fresh list before it accepts.
  const call = chat(url, { model: 'late' }, { signal: leaving.signal })
  await fake.waitFor(event => event.type === 'request' && event.detail === 'GET /api/tags', 2)
  leaving.abort()
  await call
  assert.equal((await ended(app, await accepted)).state, 'canceled')
  assert.equal((await fake.state()).counts.generation_start ?? 0, 0)
})

test('whoever waits is told when somebody else cancels its job', async t => {
  const { app, url, fake } = await startRig(t, { ...slowTokens, load_delay_ms: 300 })
  for (const at of ['loading', 'working', 'queued'] as const) {
    if (at === 'queued') submit(app, {})
    const accepted = nextJobId(app)
    const call = chat(url, { stream: false })
    const id = await accepted
    await until(app, id, at)
    app.queue.cancel(id)
    const { status, headers } = await call
    assert.deepEqual([status, headers?.get('foreman-error-code')], [499, 'canceled'], at)
  }
  await assertOneAtATime(fake)
})
