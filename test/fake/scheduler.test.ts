/** Which models are in memory when: the rules of the real scheduler, from its source and mostly seen at work. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type FakeConfig, type FakeOllama, type ModelConfig, startFakeOllama } from '../fake-ollama/start.ts'
import { answer, chatBody } from './support.ts'

const SECOND = 1000
const weights = (digit: string): string => digit.repeat(64)

/** `a` and `twin` share weights; `b` and `c` stand alone. */
const MODELS: ModelConfig[] = [
  { name: 'a', weights: weights('a'), context_length: 2048, size_bytes: 600 },
  { name: 'twin', weights: weights('a'), context_length: 2048, size_bytes: 600 },
  { name: 'b', weights: weights('b'), size_bytes: 300 },
  { name: 'c', weights: weights('c'), size_bytes: 300 },
  { name: 'embedder', capabilities: ['embedding'], size_bytes: 1 }
]

const CONFIG: Partial<FakeConfig> = { models: MODELS, max_loaded: 1 }

let fake: FakeOllama
before(async () => {
  fake = await startFakeOllama(CONFIG)
})
after(() => fake.stop())

const load = (model: string, extra: object = {}): ReturnType<typeof answer> =>
  answer(fake, '/api/generate', { model, ...extra })
const ask = (model: string, extra: object = {}): ReturnType<typeof answer> =>
  answer(fake, '/api/generate', { model, prompt: 'x', stream: false, ...extra })

async function resident(): Promise<string[]> {
  return (await fake.state()).resident.map(runner => runner.model)
}

/** The events of these types as "type model", in order. */
async function story(...types: string[]): Promise<string[]> {
  const { events } = await fake.state()
  return events.filter(event => types.includes(event.type)).map(event => `${event.type} ${event.model}`)
}

test('a resident model serves at once, a further one evicts at the cap', async () => {
  await fake.reset()
  for (const model of ['a', 'a', 'b', 'a']) await ask(model)
  assert.deepEqual(await story('load', 'evict', 'unload'), [
    'load a:latest',
    'evict a:latest',
    'unload a:latest',
    'load b:latest',
    'evict b:latest',
    'unload b:latest',
    'load a:latest'
  ])
  assert.deepEqual((await fake.state()).loads_by_model, { 'a:latest': 2, 'b:latest': 1 })
})

test('names on the same weights share a runner; ps shows the one that loaded first', async () => {
  await fake.reset()
  await ask('twin')
  await ask('a')
  assert.deepEqual(await resident(), ['twin:latest'])
  assert.equal((await fake.state()).loads, 1)
})

test('what is in memory speaks, by whatever name it is asked for', async () => {
  await fake.reset({
    models: [{ name: 'b', word: 'bee', token_count: 2 }, ...MODELS.filter(({ name }) => name !== 'b')]
  })
  assert.equal((await ask('b')).json.response, 'bee0 bee1')
  assert.equal((await ask('a', { options: { num_predict: 1 } })).json.response, 'tok0')
  await fake.reset({
    models: [
      { ...MODELS[0]!, word: 'one' },
      { ...MODELS[1]!, word: 'two' }
    ]
  })
  await ask('twin')
  assert.match(String((await ask('a')).json.response), /^two0 /)
})

test('a busy victim drains first; one waits in the worker, the next fill the queue, then 503', async () => {
  await fake.reset({ max_queue: 1, token_delay_ms: 20 })
  const long = ask('a', { options: { num_predict: 20 } })
  await fake.waitFor('generation_start')
  const first = ask('b')
  await fake.waitFor('evict')
  const second = ask('b')
  await fake.waitFor('queue', 3)
  const full = await load('c')
  assert.equal(full.status, 503)
  assert.equal(full.json.error, 'server busy, please try again.  maximum pending requests exceeded')
  const attached = await ask('a', { options: { num_predict: 1 } })
  assert.equal(attached.status, 200, 'the victim still takes requests, past the full queue')
  for (const done of await Promise.all([long, first, second])) assert.equal(done.status, 200)
  assert.deepEqual(await story('load'), ['load a:latest', 'load b:latest'])
})

test('a request with keep_alive revives the victim, and the queue goes on waiting', async () => {
  await fake.reset({ token_delay_ms: 20 })
  const long = ask('a', { options: { num_predict: 10 } })
  await fake.waitFor('generation_start')
  const starving = ask('b')
  await fake.waitFor('evict')
  const reviving = ask('a', { options: { num_predict: 1 }, keep_alive: 0.3 })
  await Promise.all([long, reviving])
  assert.deepEqual(await resident(), ['a:latest'], 'idle, and yet not gone')
  assert.equal((await starving).status, 200)
  const [end] = await fake.waitFor('generation_end', 1, { model: 'a:latest', request: 3 })
  const [unload] = await fake.waitFor('unload', 1, { model: 'a:latest' })
  assert.ok((unload?.at_ms ?? 0) - (end?.at_ms ?? 0) >= 290)
})

test('loads are strictly first in, first out, one at a time', async () => {
  await fake.reset({ load_delay_ms: 30 })
  const started: Promise<unknown>[] = []
  for (const [i, model] of ['a', 'b', 'a', 'c'].entries()) {
    started.push(load(model))
    await fake.waitFor('queue', i + 1)
  }
  await Promise.all(started)
  assert.deepEqual(
    await story('load'),
    ['a', 'b', 'a', 'c'].map(name => `load ${name}:latest`)
  )
})

test('a model that is being loaded is not in ps, and inventory answers meanwhile', async () => {
  await fake.reset({ load_delay_ms: 200 })
  const loading = load('a')
  await fake.waitFor('load_start')
  const ps = await fetch(`${fake.url}/api/ps`)
  assert.deepEqual(await ps.json(), { models: [] })
  assert.equal((await fetch(`${fake.url}/api/tags`)).status, 200)
  assert.equal((await fake.state()).loading, 'a:latest', 'all this happened during the load')
  await loading
})

test('the victim is the idle one with the shortest keep_alive, then by weights; not the oldest', async () => {
  await fake.reset({ max_loaded: 3 })
  await load('b', { keep_alive: '1m' })
  await load('c', { keep_alive: '1m' })
  await load('a', { keep_alive: -1 })
  await load('embedder', { prompt: '' }).then(got => assert.equal(got.status, 400))
  await answer(fake, '/api/embed', { model: 'embedder' })
  assert.deepEqual(await story('evict'), ['evict b:latest'])
  await load('b', { keep_alive: '10m' })
  assert.deepEqual((await story('evict')).at(-1), 'evict c:latest')
})

test('a model that does not fit beside the others evicts, the first one always loads', async () => {
  await fake.reset({ max_loaded: 9, total_memory_bytes: 700 })
  await load('a')
  await load('b')
  assert.deepEqual(await resident(), ['b:latest'])
  await load('c')
  assert.deepEqual(await resident(), ['b:latest', 'c:latest'], '300 is within 80 % of the 400 left')
})

const RELOADS: [title: string, first: object, second: object, reloads: boolean][] = [
  ['another num_ctx', { options: { num_ctx: 512 } }, { options: { num_ctx: 1024 } }, true],
  ['num_ctx beyond the training length', {}, { options: { num_ctx: 999_999 } }, false],
  ['automatic after an explicit one that differs', { options: { num_ctx: 512 } }, {}, true],
  ['automatic after an explicit one that is equal', { options: { num_ctx: 2048 } }, {}, false],
  ['num_ctx below the least', { options: { num_ctx: 1 } }, { options: { num_ctx: 4 } }, false],
  ['another num_gpu', { options: { num_gpu: 1 } }, { options: { num_gpu: 0 } }, true],
  ['a negative num_gpu', { options: { num_gpu: 1 } }, { options: { num_gpu: -1 } }, false],
  ['main_gpu 0 where none was set', {}, { options: { main_gpu: 0 } }, true],
  ['num_thread 0 where none was set', {}, { options: { num_thread: 0 } }, false],
  ['num_batch', {}, { options: { num_batch: 64 } }, true],
  ['shift false', {}, { shift: false }, true],
  ['shift true where none was set', {}, { shift: true }, false],
  ['sampling options', {}, { options: { temperature: 0, seed: 7, num_predict: 3, stop: ['x'] } }, false]
]
for (const [title, first, second, reloads] of RELOADS) {
  test(`${title}: ${reloads ? 'reloads' : 'is served by the resident runner'}`, async () => {
    await fake.reset()
    await load('a', first)
    await load('a', second)
    assert.equal((await fake.state()).loads, reloads ? 2 : 1)
  })
}

test('keep_alive is sticky per runner and the last one wins', async () => {
  await fake.reset()
  const kept = async (): Promise<number | null | undefined> => (await fake.state()).resident[0]?.keep_alive_ms
  await load('a', { keep_alive: '10m' })
  await ask('twin')
  assert.equal(await kept(), 600 * SECOND)
  await ask('a', { keep_alive: -1 })
  await ask('a')
  assert.equal(await kept(), null)
})

test('an idle model is unloaded after its keep_alive, and a request in between starts the time anew', async () => {
  await fake.reset({ keep_alive_ms: 150 })
  await load('a')
  const [first] = await fake.waitFor('response_end')
  await ask('a')
  const ends = await fake.waitFor('response_end', 2)
  const [unload] = await fake.waitFor('unload')
  assert.ok((unload?.at_ms ?? 0) - (ends[1]?.at_ms ?? 0) >= 140)
  assert.ok((first?.seq ?? 0) < (unload?.seq ?? 0))
})

test('while a model is busy its expires_at keeps the old value, though that is past', async () => {
  await fake.reset({ token_delay_ms: 30 })
  await load('a', { keep_alive: 0.05 })
  const busy = ask('a', { options: { num_predict: 5 } })
  await fake.waitFor('generation_start')
  const models = async (): Promise<{ expires_at: string }[]> =>
    ((await (await fetch(`${fake.url}/api/ps`)).json()) as { models: { expires_at: string }[] }).models
  let past = false
  while (!past) past = Date.parse((await models())[0]?.expires_at ?? '') < Date.now()
  assert.equal((await fake.state()).concurrent_generations, 1)
  assert.equal((await busy).status, 200)
})

test('an unload request of a busy model answers at once; the model goes when it is idle', async () => {
  await fake.reset({ token_delay_ms: 20 })
  const busy = ask('a', { options: { num_predict: 10 } })
  await fake.waitFor('generation_start')
  assert.equal((await load('a', { keep_alive: 0 })).json.done_reason, 'unload')
  assert.deepEqual(await resident(), ['a:latest'])
  assert.equal((await busy).status, 200)
  await fake.waitFor('unload')
  assert.deepEqual(await resident(), [])
})

test('num_parallel generations run at once on a chat model, one on an embedding model', async () => {
  await fake.reset({ num_parallel: 2, token_delay_ms: 10, prompt_delay_ms: 20 })
  await Promise.all([1, 2, 3, 4].map(() => ask('a')))
  assert.equal((await fake.state()).max_concurrent_generations, 2)
  await fake.reset()
  await Promise.all([1, 2, 3].map(i => answer(fake, '/api/embed', { model: 'embedder', input: `${i}` })))
  assert.equal((await fake.state()).max_concurrent_generations, 1)
})

test('a failed load is told to its own request only', async () => {
  await fake.reset({
    ...CONFIG,
    load_delay_ms: 30,
    faults: [{ kind: 'load_failure', times: 1 }]
  })
  const failing = load('a')
  await fake.waitFor('load_start')
  const next = load('a')
  assert.equal((await failing).status, 500)
  assert.equal((await next).status, 200)
})

test('load_duration covers the wait for the queue, the eviction and the load', async () => {
  await fake.reset({ load_delay_ms: 60, unload_delay_ms: 60 })
  await load('a')
  const { json } = await ask('b')
  assert.ok((json.load_duration as number) >= 115e6)
  assert.ok((json.total_duration as number) >= (json.load_duration as number))
})

test('a model with its own PARAMETER num_ctx counts as explicit', async () => {
  const models = [{ name: 'own', parameters: { num_ctx: 1024 } }]
  await fake.reset({ models })
  await answer(fake, '/api/chat', chatBody({ model: 'own', stream: false }))
  await load('own', { options: { num_ctx: 1024 } })
  const { resident: runners, loads } = await fake.state()
  assert.equal(loads, 1)
  assert.equal(runners[0]?.num_ctx, 1024)
})
