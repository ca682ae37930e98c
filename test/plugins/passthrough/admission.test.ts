/** What becomes a job and what goes straight on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bodyOf, statusOf } from '../../differential/message-reader.ts'
import { begin, type RawRequest } from '../../differential/raw-client.ts'
import { ask, chat, fault, jobOf, type Stage, start } from './stage.ts'

const llama = { name: 'llama3.2:latest' }

async function tagsAsked({ fake }: Stage): Promise<number> {
  const { requests } = await fake.state()
  return requests.filter(({ url }) => url === '/api/tags').length
}

test('a model that was pulled behind foreman’s back is found by one fresh poll', async t => {
  const stage = await start(t, { fake: { models: [llama] } })
  await ask(stage, chat())
  await stage.fake.configure({ models: [llama, { name: 'brandnew:latest' }] })
  const before = await tagsAsked(stage)
  const answer = await ask(stage, chat([], { model: 'brandnew' }))
  assert.equal(statusOf(answer), 200)
  assert.equal(jobOf(stage, answer)!.state, 'done')
  // The second look is the swap's own: the model may have changed while its job waited.
  assert.equal((await tagsAsked(stage)) - before, 2)
})

test('an unknown model is no job: the target refuses it in its own words after one fresh poll', async t => {
  const stage = await start(t)
  await ask(stage, chat())
  const before = await tagsAsked(stage)
  const answer = await ask(stage, chat([], { model: 'nobody' }))
  assert.equal(statusOf(answer), 404)
  assert.equal(bodyOf(answer).toString(), `{"error":"model 'nobody' not found"}`)
  assert.equal(jobOf(stage, answer), undefined)
  assert.equal((await tagsAsked(stage)) - before, 1)
})

const straightOn: readonly RawRequest[] = [
  { method: 'POST', path: '/api/embed', body: '{"model":"nomic-embed-text","input":"a"}' },
  { method: 'POST', path: '/api/embeddings', body: '{"model":"nomic-embed-text","prompt":"a"}' },
  { method: 'POST', path: '/v1/embeddings', body: '{"model":"nomic-embed-text","input":"a"}' },
  { method: 'GET', path: '/api/tags' },
  { method: 'GET', path: '/api/ps' },
  { method: 'POST', path: '/api/show', body: '{"model":"llama3.2"}' },
  { method: 'GET', path: '/v1/models' },
  { method: 'GET', path: '/' },
  { method: 'POST', path: '/api/pull', body: '{"model":"smollm2:135m"}' }
]

test('embeddings, reads and management do not wait for a generation that runs', async t => {
  const stage = await start(t)
  const running = begin(stage.url, chat([fault('stall', { after: 1 })]))
  await running.until(answer => answer.chunks.length === 1)
  for (const request of straightOn) assert.equal(statusOf(await ask(stage, request)), 200, request.path)
  assert.equal(jobOf(stage, running.answer()!)!.state, 'working')
  running.leave()
})

test('an unload by an empty prompt passes, and foreman loads again for the next job', async t => {
  const stage = await start(t)
  await ask(stage, chat())
  const unload = { method: 'POST', path: '/api/generate', body: '{"model":"llama3.2","keep_alive":0}' }
  const answer = await ask(stage, unload)
  assert.match(bodyOf(answer).toString(), /"done_reason":"unload"/)
  await stage.fake.waitFor('unload')
  assert.equal(statusOf(await ask(stage, chat())), 200)
  assert.equal((await stage.fake.state()).loads_by_model['llama3.2:latest'], 2)
})
