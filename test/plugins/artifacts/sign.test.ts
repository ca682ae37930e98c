import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { assertProblem, startStage } from '../jobs/stage.ts'
import { fetchBytes, pixel, upload } from './stage.ts'

interface Signed {
  readonly url: string
  readonly expires_at: string
}

/** An uploaded picture, and a way to have its address signed. */
async function startSigning(t: TestContext) {
  const stage = await startStage(t)
  const { body: artifact } = await upload(stage.url, pixel)
  const sign = async (body?: object) => (await stage.ask<Signed>('POST', artifact.urls.sign, { body })).body
  const get = (url: string, method = 'GET') => fetchBytes(stage.url + url, { method })
  return { stage, artifact, sign, get }
}

test('a signed address opens the content, for GET and HEAD, until its time is over', async t => {
  const { artifact, sign, get } = await startSigning(t)
  const before = Math.floor(Date.now() / 1000)
  const { url, expires_at } = await sign()
  assert.ok(url.startsWith(`${artifact.urls.content}?`))
  const endS = Date.parse(expires_at) / 1000
  assert.ok(endS >= before + 3600 && endS <= before + 3602, expires_at)
  assert.equal(new URL(url, 'http://x').searchParams.get('exp'), String(endS))
  assert.ok((await get(url)).bytes.equals(pixel))
  assert.equal((await get(url, 'HEAD')).status, 200)
  const soon = await sign({ ttl_s: 1 })
  assert.equal((await get(soon.url)).status, 200)
  t.mock.timers.enable({ apis: ['Date'], now: Date.parse(soon.expires_at) - 1 })
  assert.equal((await get(soon.url)).status, 200)
  t.mock.timers.setTime(Date.parse(soon.expires_at))
  assertProblem(await get(soon.url), 403, 'signature_expired')
})

test('an address that was changed in any place does not open it', async t => {
  const { stage, artifact, sign, get } = await startSigning(t)
  const other = (await upload(stage.url, Buffer.from('other'), { 'content-type': 'text/plain' })).body
  const { url } = await sign({ disposition: 'attachment' })
  assert.equal((await get(url)).headers.get('content-disposition'), 'attachment')
  const change = (name: string, value: string | undefined) => {
    const changed = new URL(url, 'http://x')
    if (value === undefined) changed.searchParams.delete(name)
    else changed.searchParams.set(name, value)
    return changed.pathname + changed.search
  }
  const forged = [
    url.replace(artifact.id, other.id),
    ...['exp', 'kid', 'sig', 'disposition'].map(name => change(name, undefined)),
    change('exp', '99999999999'),
    change('exp', '1e9'),
    change('kid', '00000000'),
    change('sig', 'A'.repeat(43)),
    change('sig', ''),
    change('disposition', 'inline')
  ]
  for (const one of forged) assertProblem(await get(one), 403, 'invalid_signature')
  const deleting = await get(url, 'DELETE')
  assert.ok([404, 405].includes(deleting.status), 'it opens nothing but the content')
  assertProblem(await get(`${url}&sig=x`), 422, 'validation_failed')
  assertProblem(await get(change('sig', 'x'.repeat(1000))), 422, 'validation_failed')
})

test('a signed address dies with the key, and with the artifact', async t => {
  const { stage, artifact, sign, get } = await startSigning(t)
  const old = await sign()
  stage.app.db.prepare("DELETE FROM secret WHERE name = 'artifact_url'").run()
  assertProblem(await get(old.url), 403, 'invalid_signature')
  const fresh = await sign()
  assert.equal((await get(fresh.url)).status, 200)
  assertProblem(await get(old.url), 403, 'invalid_signature')
  await stage.ask('DELETE', artifact.urls.self)
  assertProblem(await get(fresh.url), 404, 'not_found')
})

test('a wish that cannot be fulfilled is refused with its place', async t => {
  const { stage, artifact } = await startSigning(t)
  const cases: [body: object | string, status: number, code: string, pointer?: string][] = [
    [{ ttl_s: 604_801 }, 422, 'validation_failed', '/ttl_s'],
    [{ ttl_s: 0 }, 422, 'validation_failed', '/ttl_s'],
    [{ ttl_s: 1.5 }, 422, 'validation_failed', '/ttl_s'],
    [{ disposition: 'x' }, 422, 'validation_failed', '/disposition'],
    [{ __proto__: null, other: 1 }, 422, 'validation_failed', '/other'],
    ['[]', 422, 'validation_failed', ''],
    ['{', 400, 'malformed_json'],
    [`{"ttl_s":${'1'.repeat(70_000)}}`, 413, 'body_too_large']
  ]
  for (const [body, status, code, pointer] of cases) {
    const answer = await stage.ask('POST', artifact.urls.sign, { body })
    const problem = assertProblem(answer, status, code)
    if (pointer !== undefined) assert.equal(problem.errors?.[0]?.pointer, pointer)
  }
  const empty = await stage.ask<Signed>('POST', artifact.urls.sign, { body: '' })
  assert.equal(empty.status, 200)
})
