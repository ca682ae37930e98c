import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { soleOwner } from '../../../core/access/caller.ts'
import { withImplied } from '../../../core/access/scopes.ts'
import { assertProblem, startStage } from '../jobs/stage.ts'
import { fetchBytes, pixel, reprDigestOf, sha256, upload } from './stage.ts'

const text = Buffer.from('0123456789')

/** An upload of ten bytes, and a way to ask for them. */
async function startContent(t: TestContext, bytes = text, type = 'text/plain') {
  const stage = await startStage(t)
  const { body } = await upload(stage.url, bytes, { 'content-type': type })
  const ask = (headers: Record<string, string> = {}, method = 'GET', query = '') =>
    fetchBytes(stage.url + body.urls.content + query, { method, headers })
  return { stage, artifact: body, ask }
}

const etagOf = (bytes: Buffer) => `"sha256:${sha256(bytes).toString('hex')}"`

test('the bytes come with all that a client needs to check and keep them', async t => {
  const { ask } = await startContent(t)
  for (const method of ['GET', 'HEAD']) {
    const { status, headers, bytes } = await ask({}, method)
    assert.deepEqual([status, String(bytes)], [200, method === 'GET' ? '0123456789' : ''])
    const maxAge = Number(/^private, max-age=(\d+), immutable$/.exec(headers.get('cache-control')!)?.[1])
    assert.ok(maxAge > 86_000 && maxAge <= 86_400, String(maxAge))
    const wanted = {
      ...{ 'content-length': '10', 'content-type': 'text/plain; charset=utf-8', 'accept-ranges': 'bytes' },
      ...{ etag: etagOf(text), 'repr-digest': reprDigestOf(text), 'content-disposition': 'inline' },
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'"
    }
    assert.deepEqual(Object.fromEntries(Object.keys(wanted).map(name => [name, headers.get(name)])), wanted)
  }
})

test('one range of bytes is sent alone, with the digest of the whole', async t => {
  const { ask } = await startContent(t)
  const cases: [range: string, status: number, bytes: string, place: string | null][] = [
    ['bytes=0-0', 206, '0', 'bytes 0-0/10'],
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=-100', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=8-100', 206, '89', 'bytes 8-9/10'],
    ['Bytes= 9-9 ', 206, '9', 'bytes 9-9/10'],
    [`bytes=9-${'9'.repeat(400)}`, 206, '9', 'bytes 9-9/10'],
    ['bytes=5-2', 200, '0123456789', null],
    ['bytes=0-1,3-4', 200, '0123456789', null],
    ['bytes=-', 200, '0123456789', null],
    ['bytes=a-b', 200, '0123456789', null],
    ['lines=1-2', 200, '0123456789', null],
    ['', 200, '0123456789', null]
  ]
  for (const [range, status, bytes, place] of cases) {
    const answer = await ask({ range })
    assert.deepEqual(
      [answer.status, answer.text, answer.headers.get('content-range')],
      [status, bytes, place],
      range
    )
    assert.equal(answer.headers.get('content-length'), String(bytes.length), range)
    assert.equal(answer.headers.get('repr-digest'), reprDigestOf(text), range)
  }
  for (const range of ['bytes=10-', 'bytes=10-20', 'bytes=-0', `bytes=${'9'.repeat(400)}-`]) {
    const answer = await ask({ range })
    assertProblem(answer, 416, 'range_not_satisfiable')
    assert.equal(answer.headers.get('content-range'), 'bytes */10')
    assert.equal(answer.headers.get('cache-control'), null)
  }
  const head = await ask({ range: 'bytes=2-4' }, 'HEAD')
  assert.deepEqual([head.status, head.headers.get('content-length')], [200, '10'])
})

test('a range is sent to who has the same bytes, and all of them to who has others', async t => {
  const { ask } = await startContent(t)
  const range = 'bytes=2-4'
  const cases: [condition: string, status: number][] = [
    [etagOf(text), 206],
    [`W/${etagOf(text)}`, 200],
    ['"other"', 200],
    [new Date().toUTCString(), 200]
  ]
  for (const [condition, status] of cases) {
    assert.equal((await ask({ range, 'if-range': condition })).status, status, condition)
  }
})

test('who has the bytes is not sent them again', async t => {
  const { ask } = await startContent(t)
  for (const tag of [etagOf(text), `W/${etagOf(text)}`, `"x", ${etagOf(text)}`, '*']) {
    const answer = await ask({ 'if-none-match': tag, range: 'bytes=0-1' })
    assert.deepEqual([answer.status, answer.text, answer.headers.get('etag')], [304, '', etagOf(text)], tag)
  }
  assert.equal((await ask({ 'if-none-match': '"x"' })).status, 200)
})

test('only what no browser runs is shown; the rest is saved, and on request all of it', async t => {
  const html = Buffer.from('<!doctype html><script>alert(1)</script>')
  const cases: [type: string, bytes: Buffer, sent: string, disposition: string][] = [
    ['image/png', pixel, 'image/png', 'inline'],
    ['application/json', Buffer.from('{}'), 'application/json', 'inline'],
    ['text/html', html, 'text/html; charset=utf-8', 'attachment'],
    ['image/png', Buffer.concat([html, html]), 'application/octet-stream', 'attachment'],
    ['image/svg+xml', Buffer.from('<svg/>'), 'image/svg+xml', 'attachment']
  ]
  const { stage } = await startContent(t)
  for (const [type, bytes, sent, disposition] of cases) {
    const { body } = await upload(stage.url, bytes, { 'content-type': type })
    const answer = (query: string) => fetchBytes(stage.url + body.urls.content + query)
    const plain = await answer('')
    assert.deepEqual(
      [plain.headers.get('content-type'), plain.headers.get('content-disposition')],
      [sent, disposition]
    )
    assert.ok(plain.bytes.equals(bytes))
    assert.equal((await answer('?disposition=inline')).headers.get('content-disposition'), disposition)
    assert.equal((await answer('?disposition=attachment')).headers.get('content-disposition'), 'attachment')
  }
  assertProblem(await (await startContent(t)).ask({}, 'GET', '?disposition=x'), 422, 'validation_failed')
})

test('a name goes out so that no header can be made of it', async t => {
  const { stage } = await startContent(t)
  const disposition = "attachment; filename*=UTF-8''%E2%82%AC%22%0d%0aX-Evil: 1"
  const { body } = await upload(stage.url, pixel, {
    'content-type': 'image/png',
    'content-disposition': disposition
  })
  const { headers } = await fetchBytes(stage.url + body.urls.content)
  assert.equal(headers.get('x-evil'), null)
  assert.match(
    headers.get('content-disposition')!,
    /^inline; filename="\?\\"X-Evil: 1"; filename\*=UTF-8''%E2%82%AC%22X-Evil%3A%201$/
  )
})

test('an artifact that is not there is 404 on every route', async t => {
  const { stage, artifact } = await startContent(t)
  const paths = ['', '/content'].flatMap(end => [
    `/artifacts/art_none${end}`,
    `/artifacts/${'x'.repeat(5000)}${end}`,
    `/artifacts/%2e%2e%2fforeman.db${end}`,
    `/artifacts/__proto__${end}`
  ])
  for (const path of paths) assertProblem(await stage.ask('GET', path), 404, 'not_found')
  for (const method of ['DELETE', 'GET']) {
    assert.equal((await stage.ask(method, artifact.urls.self)).status, method === 'DELETE' ? 204 : 404)
  }
  assertProblem(await stage.ask('POST', artifact.urls.sign), 404, 'not_found')
  assertProblem(await stage.ask('DELETE', artifact.urls.self), 404, 'not_found')
  assertProblem(await stage.ask('GET', artifact.urls.content), 404, 'not_found')
})

test("another owner's artifact is as if it were not there", async t => {
  const { stage, artifact } = await startContent(t)
  const scopes = withImplied(['artifacts', 'jobs:write'])
  stage.app.access.identifyBy(() => ({ owner: soleOwner, scopes, limits: {} }))
  stage.app.db.prepare("UPDATE artifact SET owner = 'other'").run()
  for (const [method, path] of [
    ['GET', artifact.urls.self],
    ['GET', artifact.urls.content],
    ['POST', artifact.urls.sign],
    ['DELETE', artifact.urls.self]
  ] as const) {
    assertProblem(await stage.ask(method, path), 404, 'not_found')
  }
  const request = { model: 'alpha', prompt: 'x', images: [{ artifact_id: artifact.id }] }
  assertProblem(await stage.ask('POST', '/jobs', { body: request }), 422, 'validation_failed')
  assert.equal((await upload(stage.url, text)).status, 201, 'and the same bytes are an artifact of its own')
})
