/** Embeddings with the model that is kept loaded for them: beside the worker, and as its jobs where that does not hold. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { EmbedderState } from '../../../core/queue/embedder.ts'
import { bodyOf, statusOf } from '../../differential/message-reader.ts'
import { begin, type RawRequest } from '../../differential/raw-client.ts'
import { ask, chat, fault, jobOf, nextIn, type Stage, start } from './stage.ts'

const embedder = 'nomic-embed-text:latest'
const quick = { poll: { ps_s: 0.1, probe_max_s: 0.1 }, retry: { backoff_s: 0.05 } }

function embed(more: object = {}, path = '/api/embed'): RawRequest {
  const body = { model: 'nomic-embed-text', [path === '/api/embeddings' ? 'prompt' : 'input']: 'a', ...more }
  return { method: 'POST', path, fields: [], body: JSON.stringify(body) }
}

/** Resolves when the embedder is in this state. */
async function untilState({ app }: Pick<Stage, 'app'>, state: EmbedderState): Promise<void> {
  for (let turns = 0; app.queue.embeds.status.state !== state; turns += 1) {
    assert.ok(turns < 2000, `${JSON.stringify(app.queue.embeds.status)} in place of ${state}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

async function loadsOf({ fake }: Stage, model = embedder): Promise<number> {
  return (await fake.state()).loads_by_model[model] ?? 0
}

test('all three routes pass beside a running generation, each a job that has been told', async t => {
  const stage = await start(t)
  await untilState(stage, 'warm')
  const running = begin(stage.url, chat([fault('stall', { after: 1 })]))
  await running.until(answer => answer.chunks.length === 1)
  for (const path of ['/api/embed', '/api/embeddings', '/v1/embeddings']) {
    const answer = await ask(stage, embed({}, path))
    assert.equal(statusOf(answer), 200)
    const job = jobOf(stage, answer)!
    assert.deepEqual([job.kind, job.state, job.attached], ['embed', 'done', true])
  }
  assert.equal(jobOf(stage, running.answer()!)!.state, 'working')
  assert.equal(await loadsOf(stage), 1)
  running.leave()
})

test('swaps of the worker leave the embedder loaded, and a client’s keep_alive does not end it', async t => {
  const stage = await start(t)
  for (const model of ['llama3.2', 'qwen3:8b', 'gemma3:4b']) {
    assert.equal(statusOf(await ask(stage, chat([], { model }))), 200)
    assert.equal(statusOf(await ask(stage, embed({ keep_alive: 0 }))), 200)
  }
  assert.equal(await loadsOf(stage), 1)
  const { resident, events } = await stage.fake.state()
  assert.equal(resident.find(({ model }) => model === embedder)!.keep_alive_ms, null)
  assert.deepEqual(
    events.filter(({ type, model }) => /evict|unload/.test(type) && model === embedder),
    []
  )
})

test('an embedding with load options of its own, or of another model, is a job of the worker', async t => {
  const stage = await start(t)
  await untilState(stage, 'warm')
  const loaded = nextIn(stage, 'loading')
  const refused = await ask(stage, embed({ model: 'llama3.2' }))
  assert.equal((await loaded).model, 'llama3.2')
  assert.equal(statusOf(refused), 501)
  assert.match(bodyOf(refused).toString(), /This server does not support embeddings/)
  const own = nextIn(stage, 'loading')
  assert.equal(statusOf(await ask(stage, embed({ options: { num_ctx: 512 } }))), 200)
  assert.match((await own).runner, /num_ctx=512/)
  await untilState(stage, 'does_not_hold')
  // Its weights are in use in another way: it is the worker's turn to load it, and then it is kept again.
  assert.equal(statusOf(await ask(stage, embed())), 200)
  await untilState(stage, 'warm')
})

test('a target with room for one model makes embeddings jobs of the worker, and says so', async t => {
  const stage = await start(t, { fake: { max_loaded: 1 } })
  await untilState(stage, 'warm')
  assert.equal(statusOf(await ask(stage, chat())), 200)
  await untilState(stage, 'does_not_hold')
  const { reason } = stage.app.queue.embeds.status
  assert.match(reason, /OLLAMA_MAX_LOADED_MODELS=1/)
  const running = begin(stage.url, chat([fault('stall', { after: 1 })]))
  await running.until(answer => answer.chunks.length === 1)
  const queued = nextIn(stage, 'queued')
  const waiting = ask(stage, embed())
  assert.equal((await queued).lane, 'worker')
  running.leave()
  assert.equal(statusOf(await waiting), 200)
  const queue = (await (await fetch(`${stage.url}/queue`)).json()) as { embed: object }
  assert.partialDeepStrictEqual(queue.embed, { state: 'does_not_hold', reason, model: embedder, running: 0 })
  const metrics = await (await fetch(`${stage.url}/metrics`)).text()
  assert.match(metrics, /foreman_embed_slot\{state="does_not_hold"\} 1/)
  assert.match(metrics, /foreman_embed_slot\{state="warm"\} 0/)
})

test('what waited for the embedder goes to the worker when it turns out that it does not hold', async t => {
  const stage = await start(t, { fake: { max_loaded: 1, load_delay_ms: 100 } })
  await untilState(stage, 'warm')
  const queued = nextIn(stage, 'queued')
  const generation = ask(stage, chat())
  await queued
  const answers = [embed(), embed(), embed()].map(request => ask(stage, request))
  for (const answer of [generation, ...answers]) assert.equal(statusOf(await answer), 200)
})

test('one that somebody unloads is loaded again', async t => {
  const stage = await start(t, { settings: quick })
  await untilState(stage, 'warm')
  const body = JSON.stringify({ model: embedder, keep_alive: 0 })
  await fetch(`${stage.fake.url}/api/generate`, { method: 'POST', body })
  await stage.fake.waitFor('load', 2, { model: embedder })
  assert.equal(statusOf(await ask(stage, embed())), 200)
})

test('after a restart of the target it is loaded again, and what waited meanwhile is answered', async t => {
  const stage = await start(t, { settings: quick })
  await ask(stage, chat())
  await untilState(stage, 'warm')
  await stage.fake.kill()
  const queued = nextIn(stage, 'queued')
  const answer = ask(stage, embed())
  await queued
  await stage.fake.restart()
  assert.equal(statusOf(await answer), 200)
  assert.equal(jobOf(stage, await answer)!.attempt, 1)
  await untilState(stage, 'warm')
  assert.equal(await loadsOf(stage), 1)
})

test('a target that holds two after it was away gets both again', async t => {
  const stage = await start(t, { fake: { max_loaded: 1 }, settings: quick })
  await untilState(stage, 'warm')
  await ask(stage, chat())
  await untilState(stage, 'does_not_hold')
  const down = once(stage.app.reachability, 'down')
  await stage.fake.kill()
  await down
  const up = once(stage.app.reachability, 'up')
  await stage.fake.restart()
  await stage.fake.configure({ max_loaded: 3 })
  await up
  await untilState(stage, 'warm')
  for (const request of [chat(), embed()]) assert.equal(statusOf(await ask(stage, request)), 200)
  assert.equal(await loadsOf(stage), 1)
})

test('one that cannot be loaded leaves its calls to the worker, with the target’s words', async t => {
  const models = [{ name: embedder, capabilities: ['embedding' as const], fails_to_load: 'no such tensor' }]
  const stage = await start(t, { fake: { models } })
  await untilState(stage, 'wanted')
  const answer = await ask(stage, embed())
  assert.equal(statusOf(answer), 500)
  assert.match(bodyOf(answer).toString(), /no such tensor/)
  assert.match(stage.app.queue.embeds.status.reason, /could not be loaded: .*no such tensor/)
})

test('a pause starts none and says so, and a drain takes none', async t => {
  const stage = await start(t)
  await untilState(stage, 'warm')
  stage.app.queue.pause()
  const queued = nextIn(stage, 'queued')
  const answer = ask(stage, embed())
  const { id } = await queued
  const why = await (await fetch(`${stage.url}/jobs/${id}/why`)).json()
  assert.equal((why as { now: { sentence: string } }).now.sentence, 'The queue is paused.')
  assert.equal(stage.app.jobs.get(id)!.state, 'queued')
  stage.app.queue.resume()
  assert.equal(statusOf(await answer), 200)
  stage.app.queue.drain()
  assert.equal(statusOf(await ask(stage, embed())), 503)
})

test('durable embeddings run beside a generation, and leave room for a call', async t => {
  const stage = await start(t, { settings: { embed: { concurrency: 2 } }, fake: { num_parallel: 4 } })
  await untilState(stage, 'warm')
  const running = begin(stage.url, chat([fault('stall', { after: 1 })]))
  await running.until(answer => answer.chunks.length === 1)
  await stage.fake.configure({ prompt_delay_ms: 1e6 })
  const body = JSON.stringify({ model: embedder, input: 'a' })
  const headers = { 'content-type': 'application/json' }
  for (let job = 0; job < 3; job += 1) await fetch(`${stage.url}/jobs`, { method: 'POST', headers, body })
  assert.equal(stage.app.queue.embeds.status.running, 1)
  const working = nextIn(stage, 'working')
  const call = begin(stage.url, embed())
  assert.equal((await working).attached, true)
  const waiting = await (await fetch(`${stage.url}/jobs?state=queued`)).json()
  const [{ id }] = (waiting as { data: [{ id: string }] }).data
  const why = (await (await fetch(`${stage.url}/jobs/${id}/why`)).json()) as { reasons: [{ kind: string }] }
  assert.deepEqual(
    why.reasons.map(({ kind }) => kind),
    ['embed_lane']
  )
  call.leave()
  running.leave()
})

test('a target of another version gets it anew', async t => {
  const stage = await start(t)
  await untilState(stage, 'warm')
  await stage.app.catalog.refresh()
  const changed = once(stage.app.targetVersion, 'changed')
  await stage.fake.configure({ version: '99.0.0' })
  await stage.app.catalog.refresh()
  await changed
  assert.equal(stage.app.queue.embeds.status.state, 'wanted')
  await untilState(stage, 'warm')
})

test('a look that fails does not make it be loaded again and again', async t => {
  const fake = { missing_routes: ['/api/ps'] }
  const stage = await start(t, { fake })
  await untilState(stage, 'wanted')
  assert.equal(statusOf(await ask(stage, embed())), 200)
  assert.ok(stage.app.queue.embeds.status.reason.startsWith('it could not be loaded'))
})

test('a client that leaves takes its call with it, running or waiting', async t => {
  const stage = await start(t, { settings: { embed: { concurrency: 1 } }, fake: { prompt_delay_ms: 1e6 } })
  await untilState(stage, 'warm')
  const first = begin(stage.url, embed())
  await stage.fake.waitFor('generation_start')
  const queued = nextIn(stage, 'queued')
  const waiting = begin(stage.url, embed())
  const { id } = await queued
  const canceled = nextIn(stage, 'canceled')
  waiting.leave()
  assert.equal((await canceled).id, id)
  const gone = nextIn(stage, 'canceled')
  first.leave()
  assert.notEqual((await gone).id, id)
  await stage.fake.waitFor('client_gone')
})
