import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { sweep } from '../../../core/jobs/retention.ts'
import type { ArtifactObject } from '../../../plugins/artifacts/schemas.ts'
import type { FakeConfig } from '../../fake-ollama/start.ts'
import type { SettingsPart } from '../../helpers/foreman.ts'
import { assertProblem, type Problem, startStage } from '../jobs/stage.ts'
import { pixel, upload } from './stage.ts'

const models: FakeConfig['models'] = [
  { name: 'alpha', size_bytes: 1e9, capabilities: ['completion', 'vision'] }
]

/** A stage with an uploaded picture. */
async function startInputs(t: TestContext, config: Partial<FakeConfig> = {}, settings: SettingsPart = {}) {
  const stage = await startStage(t, { models, body_log_bytes: 2_000_000, ...config }, settings)
  const { body: picture } = await upload(stage.url, pixel)
  /** What the target got on a route, as text: one body for each call. */
  const received = async (path: string) => {
    const { requests } = await stage.fake.state()
    return requests
      .filter(({ url, body_size_bytes }) => url === path && body_size_bytes > 100)
      .map(({ body_base64 }) => Buffer.from(body_base64, 'base64').toString())
  }
  return { stage, picture, received }
}

const dayMs = 86_400_000
const base64 = pixel.toString('base64')
const referenceTo = ({ id }: Pick<ArtifactObject, 'id'>) => `{"artifact_id":"${id}"}`

test('the picture of a chat job reaches the target, and not one other byte is changed', async t => {
  const { stage, picture, received } = await startInputs(t)
  const body = (image: string) =>
    `{"model":"alpha","stream":true, "options":{"seed":12345678901234567890,"seed":7},"x":"\\u0061",` +
    `"messages":[{"role":"user","content":"artifact_id","images":["${base64}", ${image}]}]}`
  const sent = body(referenceTo(picture))
  const { status, body: job } = await stage.ask('POST', '/jobs', { body: `{"request":${sent}}` })
  assert.equal(status, 202)
  assert.equal((await stage.ended(job.id)).state, 'done')
  assert.deepEqual(await received('/api/chat'), [body(`"${base64}"`)])
  const shown = await stage.ask('GET', `/jobs/${job.id}?include=request`)
  assert.ok(shown.text.includes(`"request":${sent}`), 'the job shows the reference')
  const { data } = (await stage.ask<{ data: ArtifactObject[] }>('GET', job.urls.artifacts)).body
  assert.deepEqual(
    data.map(({ role, id }) => [role, role === 'input' ? id : undefined]),
    [
      ['output', undefined],
      ['input', picture.id]
    ]
  )
})

test('generate, the short form, bulk lines and respond-async take references too', async t => {
  const { stage, picture, received } = await startInputs(t)
  const generate = `{"model":"alpha","prompt":"${'x'.repeat(50)}","images":[${referenceTo(picture)}]}`
  const filled = generate.replace(referenceTo(picture), `"${base64}"`)
  const short = await stage.ask('POST', '/jobs', { body: generate })
  assert.equal((await stage.ended(short.body.id)).state, 'done')
  const lines = await fetch(`${stage.url}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: `${generate}\n${generate.replace(picture.id, 'art_none')}\n`
  })
  const [first, second] = (await lines.text())
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  assert.equal((await stage.ended(first.id)).state, 'done')
  assert.deepEqual([second.error.code, second.error.pointer], ['validation_failed', '/images/0'])
  const respondAsync = (body: string) =>
    stage.ask<{ id: string; error: string }>('POST', '/api/generate', {
      body,
      headers: { prefer: 'respond-async' }
    })
  const native = await respondAsync(generate)
  assert.equal(native.status, 202, native.text)
  assert.equal((await stage.ended(native.body.id)).state, 'done')
  const refused = await respondAsync(generate.replace(picture.id, 'art_none'))
  assert.deepEqual([refused.status, /images\/0/.test(refused.body.error)], [422, true])
  assert.deepEqual(await received('/api/generate'), [filled, filled, filled])
})

test('a reference that cannot be used is refused with its place', async t => {
  const { stage, picture } = await startInputs(t)
  const text = (await upload(stage.url, Buffer.from('text'), { 'content-type': 'text/plain' })).body
  const unknown = (await upload(stage.url, Buffer.from('raw'), {})).body
  const { artifacts } = await stage.ended((await stage.submit()).id)
  const chat = (...images: unknown[]) => ({
    model: 'alpha',
    messages: [{ role: 'user' }, { role: 'user', images }]
  })
  const refuse = async (image: unknown, wanted: RegExp) => {
    for (const [body, pointer] of [
      [{ request: chat({ artifact_id: picture.id }, image) }, '/request/messages/1/images/1'],
      [chat({ artifact_id: picture.id }, image), '/messages/1/images/1'],
      [{ model: 'alpha', prompt: 'x', images: [image] }, '/images/0']
    ] as const) {
      const problem: Problem = assertProblem(
        await stage.ask('POST', '/jobs', { body }),
        422,
        'validation_failed'
      )
      assert.equal(problem.errors?.[0]?.pointer, pointer)
      assert.match(problem.detail, wanted)
    }
  }
  await refuse({ artifact_id: 'art_none' }, /must be base64 text or/)
  await refuse({ artifact_id: picture.id, other: 1 }, /must be base64 text or/)
  await refuse({ artifact_id: picture.id.replace(/.$/, '_') }, /must be base64 text or/)
  await refuse({ artifact_id: `art_${'0'.repeat(26)}` }, /there is no upload art_0/)
  await refuse({ artifact_id: artifacts[0]!.id }, /there is no upload/)
  await refuse({ artifact_id: text.id }, /text\/plain, which is no image/)
  assert.equal((await stage.ask('POST', '/jobs', { body: chat({ artifact_id: unknown.id }) })).status, 202)
})

test('a request that its pictures make too large is refused', async t => {
  const { stage, picture } = await startInputs(t, {}, { artifacts: { max_request_bytes: 400 } })
  const image = { artifact_id: picture.id }
  const send = (...images: object[]) =>
    stage.ask('POST', '/jobs', { body: { model: 'alpha', prompt: 'x', images } })
  assert.equal((await send(image)).status, 202)
  const problem = assertProblem(await send(image, image, image), 422, 'validation_failed')
  assert.match(problem.detail, /^\/images\/\d: makes the request larger than 400 bytes/)
})

test('an upload stays while a job needs it, whatever its caller or the clock wants', async t => {
  const { stage, picture, received } = await startInputs(t)
  await stage.ask('POST', '/queue/pause')
  const unused = (await upload(stage.url, Buffer.from('of no use'), {})).body
  const images = [{ artifact_id: picture.id }]
  const job = await stage.submit({ model: 'alpha', prompt: 'x'.repeat(50), images })
  assert.equal((await stage.ask<ArtifactObject>('GET', picture.urls.self)).body.expires_at, null)
  assertProblem(await stage.ask('DELETE', picture.urls.self), 409, 'artifact_in_use')
  sweep(stage.app.db, Date.now() + 2 * dayMs, { tombstoneMs: dayMs })
  assertProblem(await stage.ask('GET', unused.urls.self), 404, 'not_found')
  await stage.ask('POST', '/queue/resume')
  const { state, artifacts } = await stage.ended(job.id)
  assert.deepEqual([state, artifacts.length], ['done', 1])
  assert.match((await received('/api/generate'))[0]!, new RegExp(base64.slice(0, 20)))
  assert.equal((await stage.ask('GET', picture.urls.self)).status, 200, 'kept with the job')
  assert.equal(
    (await stage.ask('DELETE', picture.urls.self)).status,
    204,
    'and deleted when its caller says so'
  )
})

test('a job that is done again needs its picture again', async t => {
  const { stage, picture, received } = await startInputs(t)
  await stage.ask('POST', '/queue/pause')
  const body = { model: 'alpha', prompt: 'x'.repeat(50), images: [{ artifact_id: picture.id }] }
  const old = await stage.submit(body)
  await stage.ask('POST', `/jobs/${old.id}/cancel`)
  const again = await stage.ask('POST', `/jobs/${old.id}/retry`)
  assert.equal(again.status, 202)
  assertProblem(await stage.ask('DELETE', picture.urls.self), 409, 'artifact_in_use')
  await stage.ask('POST', '/queue/resume')
  assert.equal((await stage.ended(again.body.id)).state, 'done')
  assert.equal((await received('/api/generate')).length, 1)
  assert.equal((await stage.ask('DELETE', picture.urls.self)).status, 204)
  const problem = assertProblem(await stage.ask('POST', `/jobs/${old.id}/retry`), 409, 'input_gone')
  assert.match(problem.detail, new RegExp(picture.id))
})

test('a job whose picture is gone when it runs fails, with the reason', async t => {
  const { stage, picture } = await startInputs(t)
  await stage.ask('POST', '/queue/pause')
  const job = await stage.submit({ model: 'alpha', prompt: 'x', images: [{ artifact_id: picture.id }] })
  // As a removal in the moment between the look at it and the commit of the job leaves it.
  stage.app.db.exec('DELETE FROM artifact_use')
  await stage.ask('POST', '/queue/resume')
  const { state, error } = await stage.ended(job.id)
  assert.deepEqual([state, error?.code, error?.retryable], ['failed', 'input_gone', false])
})

test('a picture of a megabyte comes whole', async t => {
  const bytes = Buffer.concat([pixel, Buffer.alloc(1_000_000, 'picture ')])
  const { stage } = await startInputs(t)
  const { body: picture } = await upload(stage.url, bytes)
  const body = `{"model":"alpha","prompt":"x","images":[${referenceTo(picture)}]}`
  const { id } = (await stage.ask('POST', '/jobs', { body })).body
  assert.equal((await stage.ended(id)).state, 'done')
  const { requests } = await stage.fake.state()
  const sizes = requests.filter(({ url }) => url === '/api/generate').map(one => one.body_size_bytes)
  const filled = body.replace(referenceTo(picture), `"${bytes.toString('base64')}"`)
  assert.ok(sizes.includes(filled.length), String(sizes))
})
