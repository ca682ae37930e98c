/** Clients that leave: during a load, in the queue, while tokens flow. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type FakeOllama, startFakeOllama } from '../fake-ollama/start.ts'
import { answer, post } from './support.ts'

let fake: FakeOllama
before(async () => {
  fake = await startFakeOllama()
})
after(() => fake.stop())

/** A request whose client leaves when told to. */
function leaving(body: object): { leave(): Promise<void> } {
  const controller = new AbortController()
  const request = post(fake, '/api/generate', body, { signal: controller.signal }).then(response =>
    response.text()
  )
  return {
    async leave() {
      controller.abort()
      await assert.rejects(request, { name: 'AbortError' })
    }
  }
}

/** What takes so long is not waited for by any test: it ends because its client left. */
const endlessMs = 3_600_000
const asked = { model: 'llama3.2', prompt: 'x', stream: false }

test('leaving during the load aborts it; the next request for the model starts it from zero', async () => {
  await fake.reset({ load_delay_ms: endlessMs })
  const first = leaving({ model: 'llama3.2' })
  await fake.waitFor('load_start')
  // For the next load: the first has begun.
  await fake.configure({ load_delay_ms: 80 })
  const second = answer(fake, '/api/generate', asked)
  await fake.waitFor('queue', 2)
  await first.leave()
  await fake.waitFor('load_abort', 1, { request: 1 })
  assert.equal((await second).status, 200)
  const [begun] = await fake.waitFor('load_start', 1, { request: 2 })
  const [loaded] = await fake.waitFor('load', 1, { request: 2 })
  assert.ok((loaded?.at_ms ?? 0) - (begun?.at_ms ?? 0) >= 75)
  assert.equal((await fake.state()).loads, 1)
})

test('leaving the queue frees no place until the worker comes by; then it is skipped', async () => {
  await fake.reset({ max_loaded: 1, max_queue: 1, load_delay_ms: endlessMs })
  const loading = leaving(asked)
  await fake.waitFor('load_start')
  await fake.configure({ load_delay_ms: 0 })
  const queued = leaving({ model: 'qwen3:8b' })
  await fake.waitFor('queue', 2)
  await queued.leave()
  await fake.waitFor('client_gone')
  assert.equal((await fake.state()).queue_depth, 1)
  assert.equal((await answer(fake, '/api/generate', { model: 'gemma3:4b' })).status, 503)
  await loading.leave()
  await fake.waitFor('load_abort')
  assert.equal((await answer(fake, '/api/generate', { model: 'gemma3:4b' })).status, 200)
  assert.equal((await fake.state()).loads_by_model['qwen3:8b'], undefined)
})

test('an eviction goes through although the client that wanted it has left', async () => {
  await fake.reset({ max_loaded: 1, token_delay_ms: 20 })
  const busy = answer(fake, '/api/generate', { ...asked, options: { num_predict: 10 } })
  await fake.waitFor('generation_start')
  const evicting = leaving({ model: 'gemma3:4b' })
  await fake.waitFor('evict')
  await evicting.leave()
  assert.equal((await busy).status, 200)
  await fake.waitFor('load_abort', 1, { model: 'gemma3:4b' })
  assert.deepEqual((await fake.state()).resident, [])
})

test('leaving stops the generation without waiting for its next token, and frees the permit', async () => {
  await fake.reset({ token_delay_ms: endlessMs })
  const long = leaving({ ...asked, stream: true, options: { num_predict: 10_000 } })
  await fake.waitFor('generation_start')
  // For the next one: the first waits for its token already.
  await fake.configure({ token_delay_ms: 0 })
  const next = answer(fake, '/api/generate', { ...asked, options: { num_predict: 1 } })
  await fake.waitFor('attach', 2)
  await long.leave()
  await fake.waitFor('client_gone', 1, { request: 1 })
  const [end] = await fake.waitFor('generation_end', 1, { request: 1 })
  assert.equal(end?.detail, 'failed')
  assert.equal((await next).status, 200)
  assert.equal((await fake.state()).max_concurrent_generations, 1)
})

test('leaving while waiting for a permit takes the request out of the line', async () => {
  await fake.reset({ token_delay_ms: 20 })
  const busy = answer(fake, '/api/generate', { ...asked, options: { num_predict: 10 } })
  await fake.waitFor('generation_start')
  const waiting = leaving(asked)
  await fake.waitFor('attach', 2)
  await waiting.leave()
  await busy
  await answer(fake, '/api/generate', asked)
  const { counts, requests } = await fake.state()
  assert.equal(counts.generation_start, 2)
  assert.deepEqual(
    requests.map(request => request.outcome),
    ['answered', 'client_gone', 'answered']
  )
})
