/** The swap: what is unloaded and when, what is never touched, and what foreman remembers of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FastifyInstance } from 'fastify'
import type { FakeOllama, RequestRecord } from '../fake-ollama/start.ts'
import { startForeman } from '../helpers/foreman.ts'
import { ended, ready, storyOf, submit } from './support/jobs.ts'
import { assertOneAtATime, chat, startRig, withShortPauses } from './support/rig.ts'

const embedder = { name: 'embed', capabilities: ['embedding' as const] }
const models = [{ name: 'alpha' }, { name: 'beta' }, { name: 'gamma' }]

async function run(app: FastifyInstance, model: string): Promise<void> {
  const [job] = submit(app, { model })
  assert.equal((await ended(app, job!.id)).state, 'done')
}

/** Uses a model past foreman, as somebody on the same network would. */
async function byOthers(fake: FakeOllama, path: string, body: object): Promise<void> {
  const answer = await fetch(fake.url + path, { method: 'POST', body: JSON.stringify(body) })
  assert.equal(answer.status, 200)
  await answer.text()
}

function bodyOf(record: RequestRecord): Record<string, unknown> {
  return JSON.parse(Buffer.from(record.body_base64, 'base64').toString())
}

/** Foreman's own requests that load or unload, in their order. */
async function swapRequests(fake: FakeOllama): Promise<Record<string, unknown>[]> {
  const { requests } = await fake.state()
  return requests
    .filter(({ url }) => url === '/api/generate')
    .map(bodyOf)
    .filter(({ prompt }) => prompt === '')
}

test('the old runner is gone before the new one is loaded', async t => {
  const { app, fake } = await startRig(t, { models, load_delay_ms: 20 })
  await run(app, 'alpha')
  await run(app, 'beta')
  const { events, resident } = await fake.state()
  const memory = events.filter(({ type }) => ['load_start', 'load', 'unload', 'evict'].includes(type))
  assert.deepEqual(
    memory.map(({ type, model }) => `${type} ${model}`),
    [
      'load_start alpha:latest',
      'load alpha:latest',
      'unload alpha:latest',
      'load_start beta:latest',
      'load beta:latest'
    ]
  )
  assert.deepEqual(
    resident.map(({ model }) => model),
    ['beta:latest']
  )
})

test('every load carries the keep_alive of foreman and the load options of its job', async t => {
  const { app, fake } = await startRig(t, { models }, { keep_alive: { idle_unload: '7m' } })
  const [job] = submit(app, { body: { options: { num_ctx: 2048, temperature: 1 } } })
  await ended(app, job!.id)
  const [load] = await swapRequests(fake)
  assert.deepEqual([load?.model, load?.keep_alive, load?.options], ['alpha:latest', '7m', { num_ctx: 2048 }])
  const [loaded] = (await fake.state()).resident
  assert.deepEqual([loaded?.num_ctx, loaded?.keep_alive_ms], [2048, 7 * 60_000])
})

test('the keep_alive of a client does not undo that of foreman, unless it may', async t => {
  const { app, url, fake } = await startRig(t, { models })
  assert.equal((await chat(url, { keep_alive: 0 })).status, 200)
  const [loaded] = (await fake.state()).resident
  assert.equal(loaded?.keep_alive_ms, 30 * 60_000)
  await app.close()
  const settings = withShortPauses({ keep_alive: { respect_clients: true } })
  const polite = await startForeman(t, { target: fake.url, settings })
  await ready(polite.app)
  assert.equal((await chat(polite.url, { keep_alive: 0 })).status, 200)
  assert.deepEqual((await fake.state()).resident, [])
})

test('neither the embedder nor what others loaded is ever unloaded', async t => {
  const { app, fake } = await startRig(t, { models: [...models, embedder], max_loaded: 4 })
  await byOthers(fake, '/api/embed', { model: 'embed', input: 'text', keep_alive: -1 })
  await byOthers(fake, '/api/generate', { model: 'gamma', prompt: '', keep_alive: -1 })
  for (const model of ['alpha', 'beta', 'alpha']) await run(app, model)
  const { resident, events } = await fake.state()
  assert.deepEqual(resident.map(({ model }) => model).sort(), [
    'alpha:latest',
    'embed:latest',
    'gamma:latest'
  ])
  const unloaded = events.filter(({ type }) => type === 'unload').map(({ model }) => model)
  assert.deepEqual(unloaded, ['alpha:latest', 'beta:latest'])
})

test('every swap is in the ledger, with what it took and what had to go', async t => {
  const { app } = await startRig(t, { models, load_delay_ms: 50 })
  await run(app, 'alpha')
  await run(app, 'alpha')
  await run(app, 'beta')
  const swaps = app.db.prepare('SELECT runner, evicted, duration_ms, loaded FROM swap ORDER BY seq').all()
  const [first, second, ...more] = swaps as {
    runner: string
    evicted: string | null
    duration_ms: number
    loaded: number
  }[]
  assert.deepEqual(more, [])
  assert.deepEqual([first?.evicted, first?.loaded], [null, 1])
  assert.deepEqual([second?.evicted, second?.loaded], [first?.runner, 1])
  assert.ok(first!.duration_ms >= 50 && second!.duration_ms >= 50)
})

test('a restart of foreman does not load again what is still there', async t => {
  const { app, fake, dataDir } = await startRig(t, { models })
  await run(app, 'alpha')
  await app.close()
  const again = await startForeman(t, { target: fake.url, dataDir, settings: withShortPauses() })
  await ready(again.app)
  const [job] = submit(again.app, {})
  const done = await ended(again.app, job!.id)
  assert.deepEqual(storyOf(again.app, done), ['queued', 'working', 'done'])
  assert.equal((await fake.state()).loads, 1)
  await run(again.app, 'beta')
  assert.deepEqual(
    (await fake.state()).resident.map(({ model }) => model),
    ['beta:latest']
  )
})

test('a model that others keep busy is waited for no longer than limits.unload_timeout_s', async t => {
  const { app, fake } = await startRig(t, { models }, { limits: { unload_timeout_s: 0.3 } })
  await run(app, 'alpha')
  await fake.configure({ token_delay_ms: 20 })
  const others = byOthers(fake, '/api/generate', {
    model: 'alpha',
    prompt: 'long',
    options: { num_predict: 100 }
  })
  await fake.waitFor('generation_start', 2)
  await run(app, 'beta')
  const { events } = await fake.state()
  const when = (type: string, model: string) =>
    events.findIndex(event => event.type === type && event.model === model)
  assert.ok(when('load', 'beta:latest') > 0)
  assert.equal(when('unload', 'alpha:latest'), -1)
  await others
})

test('a load for a client that has left serves whoever comes next', async t => {
  const { url, fake } = await startRig(t, { models, load_delay_ms: 300 })
  const leaving = new AbortController()
  const left = chat(url, {}, { signal: leaving.signal })
  await fake.waitFor('load_start')
  leaving.abort()
  await left
  assert.equal((await chat(url)).status, 200)
  const { loads, counts } = await fake.state()
  assert.deepEqual([loads, counts.load_abort ?? 0], [1, 0])
  await assertOneAtATime(fake)
})
