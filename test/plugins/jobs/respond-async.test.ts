import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SettingsPart } from '../../helpers/foreman.ts'
import { type Answer, chatBody, type ShownJob, type Stage, startStage } from './stage.ts'

const models = [
  { name: 'alpha', size_bytes: 1e9, capabilities: ['completion' as const, 'vision' as const] },
  { name: 'embedder', size_bytes: 1e8, capabilities: ['embedding' as const] }
]

/** Sends a native body with the preference. */
function prefer(
  { ask }: Pick<Stage, 'ask'>,
  path: string,
  body: object | string,
  headers: Readonly<Record<string, string>> = {}
): Promise<Answer<ShownJob>> {
  return ask('POST', path, { body, headers: { prefer: 'respond-async', ...headers } })
}

const bodies: readonly [path: string, kind: string, body: object][] = [
  ['/api/chat', 'chat', chatBody],
  ['/api/generate', 'generate', { model: 'alpha', prompt: 'why?', stream: false }],
  ['/api/embed', 'embed', { model: 'embedder', input: ['a', 'b'] }],
  ['/api/embeddings', 'embed', { model: 'embedder', prompt: 'a' }]
]

test('any native body becomes a background job by one header', async t => {
  const stage = await startStage(t, { models })
  for (const [path, kind, body] of bodies) {
    const { status, headers, body: job } = await prefer(stage, path, body)
    assert.equal(status, 202, path)
    assert.equal(headers.get('location'), `/jobs/${job.id}`)
    assert.equal(headers.get('preference-applied'), 'respond-async')
    assert.ok(Number(headers.get('retry-after')) >= 1)
    assert.deepEqual(
      ['job-id', 'queue-position', 'estimated-start'].map(name => headers.get(`foreman-${name}`)),
      [job.id, String(job.queue!.position), job.queue!.estimated_start_at]
    )
    assert.deepEqual([job.kind, job.state, job.priority], [kind, 'queued', 'normal'])
    const direct = await (
      await fetch(stage.fake.url + path, { method: 'POST', body: JSON.stringify({ ...body, stream: false }) })
    ).json()
    const { state, result } = await stage.ended(job.id)
    assert.equal(state, 'done')
    assert.deepEqual(Object.keys(result!), Object.keys(direct as object), path)
  }
})

test("the job is one like others: its body is kept, foreman's keep_alive in it, and it can be done again", async t => {
  const stage = await startStage(t, { models })
  const sent =
    '{"model":"embedder", "prompt":"a","keep_alive":"1s","options":{"seed":12345678901234567890}} trailing'
  const { body } = await prefer(stage, '/api/embeddings', sent)
  await stage.ended(body.id)
  const { requests } = await stage.fake.state()
  const bytes = requests
    .filter(({ url }) => url === '/api/embeddings')
    .map(one => Buffer.from(one.body_base64, 'base64').toString())
  // It is the model that is kept loaded, for ever.
  assert.ok(bytes.includes(sent.replace('"1s"', '-1')), bytes.join('\n'))
  await stage.ask('POST', '/queue/pause')
  const waiting = await prefer(stage, '/api/embeddings', { model: 'embedder', prompt: 'a' })
  await stage.ask('POST', `/jobs/${waiting.body.id}/cancel`)
  const again = await stage.ask('POST', `/jobs/${waiting.body.id}/retry`)
  assert.deepEqual([again.status, again.body.kind, again.body.retry_of], [202, 'embed', waiting.body.id])
})

test('priority, key and wait count as on POST /jobs', async t => {
  const stage = await startStage(t, { models })
  await stage.ask('POST', '/queue/pause')
  const urgent = await prefer(stage, '/api/chat', chatBody, {
    'foreman-priority': 'batch',
    'idempotency-key': 'k'
  })
  assert.equal(urgent.body.priority, 'batch')
  const again = await prefer(stage, '/api/chat', `${JSON.stringify(chatBody)} `, { 'idempotency-key': '"k"' })
  assert.deepEqual([again.status, again.body.id], [200, urgent.body.id])
  assert.equal(again.headers.get('idempotency-replayed'), 'true')
  const other = await prefer(
    stage,
    '/api/generate',
    { model: 'alpha', prompt: 'x' },
    { 'idempotency-key': 'k' }
  )
  assert.equal(other.status, 202, 'each route has keys of its own')
  await stage.ask('POST', '/queue/resume')
  const waited = await prefer(stage, '/api/chat', chatBody, { prefer: 'respond-async, wait=20' })
  assert.deepEqual([waited.status, waited.body.state], [201, 'done'])
  assert.equal(waited.headers.get('preference-applied'), 'respond-async, wait=20')
})

test('what is refused before there is a job is told in the words of the route', async t => {
  const stage = await startStage(t, { models }, { queue: { max_queued: 1 } })
  await stage.ask('POST', '/queue/pause')
  const refused = async (body: object | string, headers: Record<string, string> = {}) => {
    const { status, headers: got, body: told } = await prefer(stage, '/api/chat', body, headers)
    assert.deepEqual(Object.keys(told), ['error'])
    return [status, got.get('foreman-error-code'), got.get('preference-applied')]
  }
  assert.deepEqual(await refused({ ...chatBody, model: 'nobody' }), [404, null, null])
  assert.deepEqual(await refused('{"model":'), [400, null, null])
  assert.deepEqual(await refused({ ...chatBody, model: 'embedder' }), [400, null, null])
  assert.deepEqual(await refused({ ...chatBody, model: 'alpha:cloud' }), [403, 'leaves_this_machine', null])
  assert.deepEqual(await refused(chatBody, { 'foreman-priority': 'now' }), [400, 'bad_request', null])
  assert.deepEqual(await refused(chatBody, { 'idempotency-key': '"' }), [
    400,
    'invalid_idempotency_key',
    null
  ])
  assert.equal((await prefer(stage, '/api/chat', chatBody, { 'idempotency-key': 'k' })).status, 202)
  const twice = await refused({ ...chatBody, stream: false }, { 'idempotency-key': 'k' })
  assert.deepEqual(twice, [422, 'idempotency_key_reused', null])
  assert.deepEqual(await refused(chatBody), [503, 'queue_full', null])
})

test('an uploaded image may be referred to here as well', async t => {
  const stage = await startStage(t, { models })
  const image = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')
  const headers = { 'content-type': 'image/png' }
  const upload = await fetch(`${stage.url}/artifacts`, { method: 'POST', headers, body: image })
  const { id } = (await upload.json()) as { id: string }
  const withImage = (artifact_id: string) => ({ model: 'alpha', prompt: 'what?', images: [{ artifact_id }] })
  const { body: job } = await prefer(stage, '/api/generate', withImage(id))
  assert.equal((await stage.ended(job.id)).state, 'done')
  const { requests } = await stage.fake.state()
  const sent = requests.map(({ body_base64 }) => Buffer.from(body_base64, 'base64').toString())
  assert.ok(sent.some(body => body.includes(`"images":["${image.toString('base64')}"]`)))
  const none = await prefer(stage, '/api/generate', withImage(`art_${'0'.repeat(26)}`))
  assert.deepEqual([none.status, Object.keys(none.body)], [422, ['error']])
})

test('an unload is no job: it goes to the target', async t => {
  const stage = await startStage(t, { models })
  const { status, body } = await prefer(stage, '/api/generate', { model: 'alpha', keep_alive: 0 })
  assert.equal(status, 200)
  assert.equal((body as unknown as { done_reason: string }).done_reason, 'unload')
})

/** Answers of the target itself, whatever was preferred. */
async function assertIgnored(stage: Stage, path: string): Promise<void> {
  const { status, headers } = await prefer(stage, path, { ...chatBody, stream: false })
  assert.deepEqual([status, headers.get('preference-applied')], [200, null], path)
}

test('on the routes of OpenAI and Anthropic, and without the plugin jobs, the preference is ignored', async t => {
  const stage = await startStage(t)
  await assertIgnored(stage, '/v1/chat/completions')
  const needing = { artifacts: false, sse: false, websocket: false, webhooks: false }
  const without: SettingsPart = { plugins: { jobs: false, ...needing } }
  await assertIgnored(await startStage(t, {}, without), '/api/chat')
})
