/** What a caller may not go beyond, on the routes of the target. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Caller, Limits } from '../../../core/access/caller.ts'
import { withImplied } from '../../../core/access/scopes.ts'
import { RunTimeoutError } from '../../../core/errors.ts'
import { fieldValue, type HttpMessage, statusOf } from '../../differential/message-reader.ts'
import { begin, type RawRequest } from '../../differential/raw-client.ts'
import { ask, chat, errorText, fault, jobOf, type Stage, start } from './stage.ts'

async function startLimited(t: TestContext, limits: Limits & Pick<Caller, 'countJob'>): Promise<Stage> {
  const stage = await start(t)
  const scopes = withImplied(['inference'])
  stage.app.access.identifyBy((_request, reply) => {
    reply.header('x-door', 'passed')
    return { owner: 'ann', scopes, limits, countJob: limits.countJob }
  })
  return stage
}

function assertRefused(path: string, answer: HttpMessage, status: number, code: string): string {
  assert.equal(statusOf(answer), status, path)
  assert.equal(fieldValue(answer.fields, 'foreman-error-code'), code, path)
  return errorText(path, answer)
}

const post = (path: string, body: object): RawRequest => ({
  method: 'POST',
  path,
  body: JSON.stringify(body)
})
const messages = [{ role: 'user', content: 'hello' }]

const notListed: readonly RawRequest[] = [
  post('/api/chat', { model: 'llama3.2', messages }),
  post('/api/chat', { model: 'nobody', messages }),
  post('/api/generate', { model: 'llama3.2', prompt: 'a' }),
  post('/api/generate', { model: 'llama3.2', keep_alive: 0 }),
  post('/api/generate', { Model: 'llama3.2', prompt: 'a' }),
  post('/api/embed', { model: 'llama3.2', input: 'a' }),
  post('/api/embeddings', { model: 'llama3.2', prompt: 'a' }),
  post('/v1/chat/completions', { model: 'llama3.2', messages }),
  post('/v1/completions', { model: 'llama3.2', prompt: 'a' }),
  post('/v1/responses', { model: 'llama3.2', input: 'a' }),
  post('/v1/messages', { model: 'llama3.2', max_tokens: 5, messages }),
  post('/v1/embeddings', { model: 'llama3.2', input: 'a' }),
  { method: 'POST', path: '/v1/chat/completions', body: '{"model":"nomic-embed-text","model":"llama3.2"}' },
  { method: 'POST', path: '/v1/chat/completions', body: '{"model":"llama3.2","model":"nomic-embed-text"}' }
]

test('a model that is not on the list is 403 in the shape of the route, and the target hears nothing', async t => {
  const stage = await startLimited(t, { models: ['nomic-embed-text'] })
  for (const request of notListed) {
    const text = assertRefused(request.path, await ask(stage, request), 403, 'model_not_allowed')
    assert.match(text, /^model '(llama3\.2|nobody)' is not one of those that this token may use$/)
  }
  const spelled = await ask(stage, { ...notListed[0]!, path: '/%61pi/chat' })
  assert.equal(fieldValue(spelled.fields, 'foreman-error-code'), 'model_not_allowed')
  const { requests } = await stage.fake.state()
  const posted = requests.filter(({ method, url }) => method === 'POST' && url !== '/api/show')
  // foreman's own: it loads the embedding model.
  assert.deepEqual(
    posted.filter(({ body_base64 }) => !atob(body_base64).includes('"keep_alive":-1')),
    []
  )
})

test('a listed model is used in any spelling, and what only reads is open for all of them', async t => {
  const stage = await startLimited(t, { models: ['llama3.2', 'nomic*'] })
  const open: readonly RawRequest[] = [
    chat([], { model: 'Library/LLAMA3.2:latest' }),
    post('/api/embed', { model: 'nomic-embed-text', input: 'a' }),
    post('/api/show', { model: 'qwen3:8b' }),
    { method: 'GET', path: '/v1/models' }
  ]
  for (const request of open.slice(0, 2)) assert.equal(statusOf(await ask(stage, request)), 200, request.path)
  for (const request of open.slice(2)) assert.notEqual(statusOf(await ask(stage, request)), 403, request.path)
})

test('a request without a model is refused by the target in its own words', async t => {
  const stage = await startLimited(t, { models: ['llama3.2'] })
  for (const body of [{ messages }, { model: '', messages }]) {
    const answer = await ask(stage, post('/api/chat', body))
    assert.ok(statusOf(answer) >= 400)
    assert.equal(fieldValue(answer.fields, 'foreman-error-code'), undefined)
  }
})

test('a call has the highest priority that its caller may have, unless it asks for more', async t => {
  const stage = await startLimited(t, { topPriority: 'normal' })
  assert.equal(jobOf(stage, await ask(stage, chat()))!.priority, 'normal')
  const asking = (word: string) => ask(stage, chat([['Foreman-Priority', word]]))
  assert.equal(jobOf(stage, await asking('batch'))!.priority, 'batch')
  const refused = assertRefused('/api/chat', await asking('interactive'), 403, 'priority_not_allowed')
  assert.match(refused, /its highest is normal$/)
})

test('one call more than may wait is 429 in the shape of the route, and says when to come back', async t => {
  const stage = await startLimited(t, { maxQueued: 1 })
  const running = begin(stage.url, chat([fault('stall', { after: 1 })]))
  await running.until(answer => answer.chunks.length === 1)
  const waiting = begin(stage.url, chat())
  while (stage.app.queueDepth.ofOwner('ann') === 0) await new Promise(resolve => setImmediate(resolve))
  for (const path of ['/api/chat', '/v1/chat/completions', '/v1/messages']) {
    const answer = await ask(stage, { ...chat([], { max_tokens: 5 }), path })
    const text = assertRefused(path, answer, 429, 'queue_quota_exceeded')
    assert.match(text, /^server busy, please try again\. {2}maximum pending requests of this token/)
    const retryAfterS = Number(fieldValue(answer.fields, 'retry-after'))
    assert.ok(retryAfterS >= 1 && retryAfterS <= 30, String(retryAfterS))
    assert.equal(fieldValue(answer.fields, 'x-door'), 'passed')
  }
  running.leave()
  assert.equal(statusOf(await waiting.until(answer => answer.complete)), 200)
  assert.equal(statusOf(await ask(stage, chat())), 200)
})

test('a call is counted as a job where one is made of it', async t => {
  let counted = 0
  const countJob = () => {
    if (counted === 2) throw new RunTimeoutError(1)
    counted += 1
  }
  const stage = await startLimited(t, { countJob })
  await ask(stage, chat())
  await ask(stage, post('/api/show', { model: 'llama3.2' }))
  assert.equal(counted, 1)
  await ask(stage, post('/api/embed', { model: 'nomic-embed-text', input: 'a' }))
  assert.equal(counted, 2)
  assertRefused('/api/chat', await ask(stage, chat()), 504, 'run_timeout')
})
