/** Paths, methods and headers: what a client sees before any model is involved. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type FakeOllama, startFakeOllama } from '../fake-ollama/start.ts'
import { rawExchange, rawRequest } from './support.ts'

let fake: FakeOllama
before(async () => {
  fake = await startFakeOllama()
})
after(() => fake.stop())

/** Head and body of an exchange, the date left out. */
async function exchange(
  method: string,
  path: string,
  headers: string[] = []
): Promise<{ head: string[]; body: string }> {
  const [head = '', body = ''] = (await rawExchange(fake, rawRequest(method, path, headers)))
    .toString()
    .split('\r\n\r\n')
  return { head: head.split('\r\n').filter(line => !/^(?:Date|Connection):/.test(line)), body }
}

test('GET / says that Ollama runs, with headers in the order of the real server', async () => {
  assert.deepEqual(await exchange('GET', '/'), {
    head: ['HTTP/1.1 200 OK', 'Content-Type: text/plain; charset=utf-8', 'Content-Length: 17'],
    body: 'Ollama is running'
  })
})

test('HEAD / has the length of the body and no body', async () => {
  assert.deepEqual(await exchange('HEAD', '/'), {
    head: ['HTTP/1.1 200 OK', 'Content-Type: text/plain; charset=utf-8', 'Content-Length: 17'],
    body: ''
  })
})

test('a connection that is kept alive is not spoken of', async () => {
  const response = await fetch(fake.url)
  assert.equal(response.headers.get('connection'), null)
  assert.equal(response.headers.get('keep-alive'), null)
})

test('an unknown path is 404 in plain text, under /v1 too', async () => {
  for (const path of ['/nope', '/v1/nope', '/v1/messages/count_tokens', '/v1/models/a/b', '/API/TAGS']) {
    const expected = ['HTTP/1.1 404 Not Found', 'Content-Type: text/plain', 'Content-Length: 18']
    assert.deepEqual(await exchange('GET', path), { head: expected, body: '404 page not found' })
  }
})

test('a known path with the wrong method is 405 and tells the right ones', async () => {
  assert.deepEqual(await exchange('DELETE', '/api/tags'), {
    head: [
      'HTTP/1.1 405 Method Not Allowed',
      'Allow: HEAD, GET',
      'Content-Type: text/plain',
      'Content-Length: 22'
    ],
    body: '405 method not allowed'
  })
  assert.equal((await exchange('HEAD', '/api/ps')).head[0], 'HTTP/1.1 405 Method Not Allowed')
})

test('a slash too many is redirected, for GET with 301 and else with 307', async () => {
  const get = await exchange('GET', '/api/tags/?a=b&c=d')
  assert.equal(get.head[0], 'HTTP/1.1 301 Moved Permanently')
  assert.ok(get.head.includes('Location: /api/tags?a=b&c=d'))
  assert.equal(get.body, '<a href="/api/tags?a=b&amp;c=d">Moved Permanently</a>.\n\n')
  assert.equal((await exchange('POST', '/api/chat/')).head[0], 'HTTP/1.1 307 Temporary Redirect')
  assert.equal((await exchange('POST', '/api/tags/')).head[0], 'HTTP/1.1 404 Not Found')
})

test('a path with an empty segment is redirected to the clean one', async () => {
  const { head } = await exchange('GET', '/api//tags')
  assert.equal(head[0], 'HTTP/1.1 307 Temporary Redirect')
  assert.ok(head.includes('Location: /api/tags'))
})

test('a foreign Host is refused with 403 and no body, a local one is not', async () => {
  const status = async (host: string): Promise<string | undefined> => {
    const request = rawRequest('GET', '/api/version').replace('Host: 127.0.0.1', `Host: ${host}`)
    return (await rawExchange(fake, request)).toString().split('\r\n')[0]
  }
  for (const host of ['localhost:1', 'gpu.local', 'x.internal', '10.0.0.1', '[::1]:80', 'LOCALHOST']) {
    assert.equal(await status(host), 'HTTP/1.1 200 OK', host)
  }
  for (const host of ['evil.example', '8.8.8.8', '169.254.1.1']) {
    assert.equal(await status(host), 'HTTP/1.1 403 Forbidden', host)
  }
})

test('a foreign Origin is refused on every path, a local one is echoed', async () => {
  assert.equal(
    (await exchange('GET', '/nope', ['Origin: http://evil.example'])).head[0],
    'HTTP/1.1 403 Forbidden'
  )
  const { head } = await exchange('GET', '/api/version', ['Origin: http://localhost:3000'])
  assert.ok(head.includes('Access-Control-Allow-Origin: http://localhost:3000'))
})

test('a preflight is 204 and does not allow x-api-key', async () => {
  const { head } = await exchange('OPTIONS', '/api/chat', [
    'Origin: app://x',
    'Access-Control-Request-Method: POST'
  ])
  assert.equal(head[0], 'HTTP/1.1 204 No Content')
  const allowed = head.find(line => line.startsWith('Access-Control-Allow-Headers')) ?? ''
  assert.match(allowed, /Authorization/)
  assert.doesNotMatch(allowed, /x-api-key/i)
})

test('settings turn the guards off and old routes away', async t => {
  const old = await startFakeOllama({
    check_host: false,
    check_origin: false,
    missing_routes: ['/v1/responses'],
    tags_without_capabilities: true,
    version: '0.1.2'
  })
  t.after(() => old.stop())
  const response = await fetch(`${old.url}/api/tags`, { headers: { origin: 'http://evil.example' } })
  const { models } = (await response.json()) as { models: object[] }
  assert.ok(models.every(model => !('capabilities' in model)))
  const missing = await fetch(`${old.url}/v1/responses`, { method: 'POST', body: '{}' })
  assert.equal(missing.status, 404)
  assert.equal(await missing.text(), '404 page not found')
  await old.configure({ version: '0.1.3' })
  assert.deepEqual(await (await fetch(`${old.url}/api/version`)).json(), { version: '0.1.3' })
})

test('an answer above 2048 bytes comes in chunks, a shorter one with its length', async () => {
  const tags = await fetch(`${fake.url}/api/tags`)
  assert.equal(tags.headers.get('content-length'), null)
  assert.ok((await tags.text()).length > 2048)
  const ps = await fetch(`${fake.url}/api/ps`)
  assert.equal(ps.headers.get('content-length'), '13')
})
