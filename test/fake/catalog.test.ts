/** What is installed, and the routes that change it. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, beforeEach, test } from 'node:test'
import { type FakeOllama, startFakeOllama } from '../fake-ollama/start.ts'
import { answer, chatBody, post, records } from './support.ts'

const OLD = '1'.repeat(64)
const NEW = '2'.repeat(64)

let fake: FakeOllama
before(async () => {
  fake = await startFakeOllama({
    models: [
      { name: 'base', digest: OLD, parameters: { num_ctx: 1024, stop: ['a', 'b'] }, system: 'Be brief.' },
      { name: 'vec', family: 'bert', capabilities: ['embedding'], families: null }
    ],
    remote_models: [
      { name: 'base', digest: NEW },
      { name: 'fresh:1b', size_bytes: 1000 }
    ]
  })
})
beforeEach(() => fake.reset())
after(() => fake.stop())

interface Tag {
  name: string
  digest: string
  details: { families: string[] | null }
}

async function tags(): Promise<Tag[]> {
  return ((await (await fetch(`${fake.url}/api/tags`)).json()) as { models: Tag[] }).models
}

async function digestOf(name: string): Promise<string | undefined> {
  return (await tags()).find(tag => tag.name === name)?.digest
}

function remove(body: object): Promise<Response> {
  return post(fake, '/api/delete', body, { method: 'DELETE' })
}

test('tags list what is installed, with a digest of 64 digits and the tag in the name', async () => {
  const [first, second] = await tags()
  assert.deepEqual(first, {
    name: 'base:latest',
    model: 'base:latest',
    modified_at: first && (first as unknown as { modified_at: string }).modified_at,
    size: 1_000_000_000,
    digest: OLD,
    details: {
      parent_model: '',
      format: 'gguf',
      family: 'llama',
      families: ['llama'],
      parameter_size: '1.2B',
      quantization_level: 'Q4_K_M',
      context_length: 8192,
      embedding_length: 16
    },
    capabilities: ['completion']
  })
  assert.equal(second?.details.families, null)
})

test('show tells parameters line by line, the weights in FROM, and pooling for an embedding model', async () => {
  const { json } = await answer(fake, '/api/show', { model: 'BASE' })
  assert.equal(
    json.parameters,
    'num_ctx                        1024\nstop                           "a"\nstop                           "b"'
  )
  assert.match(json.modelfile as string, /\nFROM \S+\/blobs\/sha256-[0-9a-f]{64}\n/)
  assert.equal(json.system, 'Be brief.')
  const vec = (await answer(fake, '/api/show', { name: 'vec' })).json.model_info as Record<string, unknown>
  assert.equal(vec['bert.pooling_type'], 1)
})

test('pull brings a model, step by step', async () => {
  const steps = await records(await post(fake, '/api/pull', { model: 'fresh:1b' }))
  assert.equal(steps[0]?.status, 'pulling manifest')
  assert.deepEqual(
    steps.filter(step => step.total !== undefined).map(step => step.completed),
    [undefined, 250, 500, 750, 1000]
  )
  assert.deepEqual(
    steps.slice(-3).map(step => step.status),
    ['verifying sha256 digest', 'writing manifest', 'success']
  )
  assert.equal((await tags())[0]?.name, 'fresh:1b', 'newest first')
  assert.equal((await answer(fake, '/api/chat', chatBody({ model: 'fresh:1b', stream: false }))).status, 200)
})

test('pull gives an installed name the digest of the registry', async () => {
  const { json } = await answer(fake, '/api/pull', { name: 'base', stream: false })
  assert.deepEqual(json, { status: 'success' })
  assert.equal(await digestOf('base:latest'), NEW)
})

test('a pull that fails does so in band, or with 500 when it is not streamed', async () => {
  const steps = await records(await post(fake, '/api/pull', { model: 'nope' }))
  assert.deepEqual(steps, [
    { status: 'pulling manifest' },
    { error: 'pull model manifest: file does not exist' }
  ])
  const whole = await post(fake, '/api/pull', { model: 'nope', stream: false })
  assert.equal(whole.status, 500)
  assert.equal(whole.headers.get('content-type'), 'application/json')
})

test('a client that leaves a pull ends it', async () => {
  await fake.configure({ pull_delay_ms: 50 })
  const controller = new AbortController()
  const response = await post(fake, '/api/pull', { model: 'fresh:1b' }, { signal: controller.signal })
  controller.abort()
  await assert.rejects(response.text())
  await fake.waitFor('client_gone')
  assert.equal(await digestOf('fresh:1b'), undefined)
})

test('push tells its steps; of an unknown model it says so after the first two', async () => {
  const good = await records(await post(fake, '/api/push', { model: 'base' }))
  assert.equal(good.at(-1)?.status, 'success')
  const bad = await records(await post(fake, '/api/push', { name: 'nope' }))
  assert.equal(bad.length, 3)
  assert.match(bad[2]?.error as string, /manifests\/registry.ollama.ai\/library\/nope\/latest: no such file/)
})

test('create makes a model on the same weights with settings of its own', async () => {
  const steps = await records(
    await post(fake, '/api/create', { model: 'mine', from: 'base', parameters: { num_ctx: 2048 } })
  )
  assert.equal(steps.at(-1)?.status, 'success')
  const { json } = await answer(fake, '/api/show', { model: 'mine' })
  assert.match(json.parameters as string, /^num_ctx +2048/)
  const from = (shown: Record<string, unknown>): string | undefined =>
    /^FROM (.+)$/m.exec(shown.modelfile as string)?.[1]
  assert.equal(from(json), from((await answer(fake, '/api/show', { model: 'base' })).json))
  assert.notEqual(await digestOf('mine:latest'), OLD)
})

test('create without a source is refused before its first line', async () => {
  const got = await answer(fake, '/api/create', { model: 'mine' })
  assert.deepEqual(got, { status: 400, json: { error: "neither 'from' or 'files' was specified" } })
})

test('an uploaded blob can be made into a model', async () => {
  const digest = `sha256:${createHash('sha256').update('weights').digest('hex')}`
  const path = `/api/blobs/${digest}`
  assert.equal((await fetch(fake.url + path, { method: 'HEAD' })).status, 404)
  assert.equal((await post(fake, path, 'other bytes')).status, 400)
  assert.equal((await post(fake, path, 'weights')).status, 201)
  assert.equal((await post(fake, path, 'weights')).status, 200)
  assert.equal(
    (await fetch(`${fake.url}${path.replace('sha256:', 'sha256-')}`, { method: 'HEAD' })).status,
    200
  )
  const { json } = await answer(fake, '/api/create', {
    model: 'up',
    files: { 'a.gguf': digest },
    stream: false
  })
  assert.deepEqual(json, { status: 'success' })
})

test('a blob that was never uploaded fails after the first line', async () => {
  const steps = await records(
    await post(fake, '/api/create', { model: 'up', files: { 'a.gguf': `sha256:${'0'.repeat(64)}` } })
  )
  assert.deepEqual(steps[0], { status: 'parsing GGUF' })
  assert.match(steps[1]?.error as string, /no such file or directory$/)
})

test('copy gives a second name for one digest, delete takes a name away', async () => {
  const copied = await post(fake, '/api/copy', { source: 'base', destination: 'Spare:x' })
  assert.deepEqual([copied.status, await copied.text()], [200, ''])
  assert.equal(await digestOf('Spare:x'), OLD)
  const removed = await remove({ model: 'spare:X' })
  assert.deepEqual([removed.status, await removed.text()], [200, ''])
  assert.equal(await digestOf('Spare:x'), undefined)
  assert.equal((await remove({ name: 'spare:x' })).status, 404)
})

test('a deleted model stays resident until it expires', async () => {
  await answer(fake, '/api/generate', { model: 'base' })
  await remove({ model: 'base' })
  assert.deepEqual(
    (await fake.state()).resident.map(runner => runner.model),
    ['base:latest']
  )
  assert.equal((await answer(fake, '/api/generate', { model: 'base' })).status, 404)
})

test('settings replace what is installed, residents stay', async () => {
  await answer(fake, '/api/generate', { model: 'base' })
  await fake.configure({ models: [{ name: 'base', digest: NEW }] })
  assert.equal(await digestOf('base:latest'), NEW)
  const ps = (await (await fetch(`${fake.url}/api/ps`)).json()) as { models: Tag[] }
  assert.equal(ps.models[0]?.digest, OLD)
})

test('GET /v1/models has null, not a list, when nothing is installed', async () => {
  await fake.configure({ models: [] })
  const response = await fetch(`${fake.url}/v1/models`)
  assert.deepEqual(await response.json(), { object: 'list', data: null })
})
