import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ModelObject } from '../../../plugins/inventory/schemas.ts'
import type { FakeConfig } from '../../fake-ollama/start.ts'
import { startForeman } from '../../helpers/foreman.ts'
import { chat } from '../../strength/support/rig.ts'
import { get, killed, type ModelList, past, poll, startStage } from './stage.ts'

const digest = (digit: string) => digit.repeat(64)
const none = { total: 0, interactive: 0, normal: 0, batch: 0 }

test('each installed model with what the target tells of it, in the order of the target', async t => {
  const models: FakeConfig['models'] = [
    {
      ...{ name: 'chatty', digest: digest('a'), size_bytes: 5e9, family: 'qwen3', parameter_size: '8B' },
      ...{ quantization_level: 'Q8_0', capabilities: ['completion', 'tools'], context_length: 40960 },
      modified_at: '2026-02-03T04:05:06+02:00'
    },
    { name: 'me/finder:small', capabilities: ['embedding'], embedding_length: 768, context_length: 512 },
    { name: 'far', remote_host: 'https://ollama.com', remote_model: 'big' }
  ]
  const { url } = await startStage(t, { models }, { embed: { model: 'nobody' } })
  const { status, body } = await get<ModelList>(url, '/models')
  assert.equal(status, 200)
  const { data, polled_at, stale, target } = body
  assert.deepEqual(data.map(({ name }) => name).toSorted(), [
    'chatty:latest',
    'far:latest',
    'me/finder:small'
  ])
  const of = (name: string) => data.find(model => model.name === name)!
  assert.deepEqual(of('chatty:latest'), {
    ...{
      name: 'chatty:latest',
      digest: digest('a'),
      size_bytes: 5e9,
      modified_at: '2026-02-03T02:05:06.000Z'
    },
    ...{ family: 'qwen3', parameter_size: '8B', quantization: 'Q8_0', capabilities: ['completion', 'tools'] },
    ...{
      context_length: 40960,
      embedding_length: 16,
      remote: false,
      loaded: false,
      runners: [],
      depth: none
    },
    ...{ load_s: null, input_tokens_per_s: null, output_tokens_per_s: null }
  })
  const finder = of('me/finder:small')
  assert.deepEqual([finder.capabilities, finder.embedding_length], [['embedding'], 768])
  assert.equal(of('far:latest').remote, true)
  assert.ok(Date.parse(polled_at!) <= Date.now())
  assert.deepEqual([stale, target.status, target.version], [false, 'up', '0.33.0'])
  assert.ok(Date.parse(target.since!) <= Date.now())
})

test('a model that foreman loaded: its runner, its memory, its load and its speed', async t => {
  const beganAt = performance.now()
  const stage = await startStage(t, { token_delay_ms: 2, load_delay_ms: 30 })
  await chat(stage.url, { options: { num_ctx: 2048 } })
  await poll(stage)
  const { body } = await get<ModelObject>(stage.url, '/models/alpha')
  const [runner, ...others] = body.runners
  assert.deepEqual(others, [])
  assert.equal(runner!.runner, stage.app.queue.resident)
  assert.match(runner!.runner!, /\+num_ctx=2048$/)
  const { loaded, by_foreman, size_bytes, vram_bytes, context_length } = runner!
  assert.deepEqual([body.loaded, loaded, by_foreman], [true, true, true])
  assert.deepEqual([size_bytes, vram_bytes, context_length], [1e9, 1e9, 2048])
  assert.ok(Date.parse(runner!.expires_at!) > Date.now())
  assert.ok(runner!.load_s! >= 0.03 && runner!.load_s! < (performance.now() - beganAt) / 1000)
  assert.equal(body.load_s, runner!.load_s)
  // A token takes 2 ms at least.
  assert.ok(body.output_tokens_per_s! > 0 && body.output_tokens_per_s! <= 500)
  assert.ok(body.input_tokens_per_s! > 0)
})

test('waiting jobs are counted by class, for each runner and in all', async t => {
  const { url, app } = await startStage(t)
  app.queue.pause()
  const submit = (body: object) =>
    fetch(`${url}/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'alpha', prompt: 'x', ...body })
    })
  await submit({})
  await submit({ priority: 'batch', options: { num_ctx: 1024 } })
  await submit({ priority: 'batch', options: { num_ctx: 1024 } })
  await submit({ model: 'beta' })
  const { body } = await get<ModelObject>(url, '/models/alpha')
  assert.deepEqual(body.depth, { total: 3, interactive: 0, normal: 1, batch: 2 })
  const depths = new Map(body.runners.map(({ runner, depth }) => [runner!.split('+')[1], depth.total]))
  assert.deepEqual([depths.get(undefined), depths.get('num_ctx=1024')], [1, 2])
  assert.ok(body.runners.every(({ loaded, by_foreman }) => !loaded && by_foreman === null))
})

test('what others loaded is shown, and told from what foreman loaded', async t => {
  const stage = await startStage(t)
  await chat(stage.url)
  await past(stage.fake, { model: 'beta', options: { num_ctx: 512 } })
  await poll(stage)
  const { body } = await get<ModelList>(stage.url, '/models')
  const of = (name: string) => body.data.find(model => model.name === name)!.runners[0]
  assert.equal(of('alpha:latest')!.by_foreman, true)
  const { runner, loaded, by_foreman, context_length } = of('beta:latest')!
  assert.deepEqual([runner, loaded, by_foreman, context_length], [null, true, false, 512])
  assert.equal(of('gamma:latest'), undefined)
})

test('names on the same weights share their runner', async t => {
  const weights = digest('d')
  const models = [{ name: 'a', weights }, { name: 'b', weights }, { name: 'c' }]
  const stage = await startStage(t, { models })
  await chat(stage.url, { model: 'b' })
  await poll(stage)
  const { body } = await get<ModelList>(stage.url, '/models')
  const loaded = body.data.filter(model => model.loaded).map(({ name }) => name)
  assert.deepEqual(loaded.toSorted(), ['a:latest', 'b:latest'])
  const keys = body.data.map(({ runners }) => runners.map(({ runner }) => runner))
  const key = stage.app.queue.resident
  assert.deepEqual(keys.toSorted(), [[], [key], [key]])
})

test('one model by any spelling of its name, with slashes in it as they are or escaped', async t => {
  const { url } = await startStage(t, {
    models: [{ name: 'hf.co/Someone/Repo-GGUF:Q4_K_M' }, { name: 'alpha' }]
  })
  const found = async (path: string) => (await get<ModelObject>(url, `/models/${path}`)).body.name
  for (const path of ['hf.co/Someone/Repo-GGUF:Q4_K_M', 'hf.co%2FSOMEONE%2Frepo-gguf:q4_k_m'])
    assert.equal(await found(path), 'hf.co/Someone/Repo-GGUF:Q4_K_M', path)
  for (const path of ['alpha', 'Alpha:LATEST', 'library/alpha', 'registry.ollama.ai/library/alpha%3Alatest'])
    assert.equal(await found(path), 'alpha:latest', path)
})

test('a name that is not listed is looked for in a fresh list, and is not_found where it is not there', async t => {
  const { url, fake } = await startStage(t)
  for (const path of ['nobody', 'no/body', 'alpha:cloud', 'not%20a%20name', ''])
    assert.equal((await get<{ code: string }>(url, `/models/${path}`)).body.code, 'not_found', path)
  await fake.configure({ models: [{ name: 'fresh' }] })
  assert.equal((await get<ModelObject>(url, '/models/fresh')).body.name, 'fresh:latest')
})

test('a token with a list of models sees those alone', async t => {
  const stage = await startStage(t, {}, { plugins: { auth: {} } })
  const admin = readFileSync(join(stage.dataDir, 'admin-token'), 'utf8').trim()
  const draft = { name: 'few', scopes: ['inference'], limits: { models: ['alpha', 'gam*'] } }
  const made = await fetch(`${stage.url}/tokens`, {
    method: 'POST',
    headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
    body: JSON.stringify(draft)
  })
  const { token } = (await made.json()) as { token: string }
  const { body } = await get<ModelList>(stage.url, '/models', token)
  assert.deepEqual(body.data.map(({ name }) => name).toSorted(), ['alpha:latest', 'gamma:latest'])
  const status = async (name: string, who = token) => (await get(stage.url, `/models/${name}`, who)).status
  assert.deepEqual([await status('alpha'), await status('beta'), await status('nobody')], [200, 404, 404])
  assert.equal(await status('beta', admin), 200)
})

test('while the target is away the last list stays, and says so', async t => {
  const stage = await startStage(t)
  await poll(stage)
  const before = await get<ModelList>(stage.url, '/models')
  assert.equal(before.headers.get('foreman-stale'), null)
  await killed(stage)
  const { body, headers } = await get<ModelList>(stage.url, '/models')
  assert.deepEqual(
    body.data.map(({ name }) => name),
    before.body.data.map(({ name }) => name)
  )
  assert.deepEqual([body.stale, body.polled_at], [true, before.body.polled_at])
  assert.deepEqual([body.target.status, body.target.version], ['down', '0.33.0'])
  assert.equal(headers.get('foreman-stale'), 'true')
  assert.equal(headers.get('foreman-polled-at'), body.polled_at)
  const one = await get<ModelObject>(stage.url, '/models/alpha')
  assert.deepEqual([one.status, one.headers.get('foreman-stale')], [200, 'true'])
  assert.equal((await get(stage.url, '/models/nobody')).status, 404)
})

test('a target that was never there has no models; one of them cannot be known', async t => {
  const { url } = await startForeman(t, { target: 'http://127.0.0.1:9' })
  const { body } = await get<ModelList>(url, '/models')
  assert.deepEqual([body.data, body.stale, body.polled_at, body.target.version], [[], true, null, null])
  const one = await get<{ code: string }>(url, '/models/alpha')
  assert.deepEqual([one.status, one.body.code], [502, 'target_unreachable'])
})
