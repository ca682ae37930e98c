import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import createError from '@fastify/error'
import Fastify, { type FastifyInstance } from 'fastify'
import {
  answerError,
  BadRequestError,
  DrainingError,
  defineError,
  installErrors,
  isForemanError,
  ModelNotFoundError,
  QueueFullError,
  renderError,
  StartTimeoutError,
  surfaceOf,
  TargetFailedError,
  TargetUnreachableError
} from '../../core/errors.ts'

/** An app on a free port whose `/…` routes throw what `thrown` says, on every surface. */
async function serve(t: TestContext, thrown: () => unknown, configure?: (app: FastifyInstance) => void) {
  const lines: string[] = []
  const logger = { level: 'info', stream: { write: (line: string) => void lines.push(line) } }
  const app = Fastify({ logger, frameworkErrors: answerError, bodyLimit: 64 })
  installErrors(app)
  for (const url of ['/jobs', '/api/chat', '/v1/chat/completions', '/v1/messages']) {
    app.all(url, () => {
      throw thrown()
    })
  }
  configure?.(app)
  const base = await app.listen({ port: 0, host: '127.0.0.1' })
  t.after(() => app.close())
  return { base, lines }
}

/** The exact bytes of an answer, since clients differ in what they forgive. */
async function raw(base: string, path: string): Promise<string> {
  const { hostname, port } = new URL(base)
  const socket = connect(Number(port), hostname)
  socket.write(`GET ${path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n`)
  let text = ''
  socket.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  await once(socket, 'close')
  return text
}

test('each path has its surface', () => {
  const expected = {
    native: ['/api/chat', '/api', '/api?x', '/api/'],
    openai: ['/v1/chat/completions', '/v1', '/v1/messagesx', '/v1/models/messages'],
    anthropic: ['/v1/messages', '/v1/messages?beta=true', '/v1/messages/count_tokens'],
    problem: ['/', '/jobs', '/apiary', '/v10/x', '/jobs/api/x', '/healthz']
  }
  for (const [surface, paths] of Object.entries(expected)) {
    for (const path of paths) assert.equal(surfaceOf(path), surface, path)
  }
})

test('own routes answer with a problem document of RFC 9457', async t => {
  const { base } = await serve(t, () => new StartTimeoutError('2026-07-01T12:00:00.000Z'))
  const res = await fetch(`${base}/jobs`)
  assert.equal(res.status, 503)
  assert.equal(res.headers.get('content-type'), 'application/problem+json')
  assert.equal(res.headers.get('retry-after'), '30')
  assert.equal(res.headers.get('foreman-error-code'), 'start_timeout')
  assert.deepEqual(await res.json(), {
    type: '/problems/start_timeout',
    title: 'Start timeout',
    status: 503,
    detail: 'Not started by 2026-07-01T12:00:00.000Z, which was its limit',
    instance: 'urn:foreman:request:req-1',
    code: 'start_timeout',
    retryable: true,
    request_id: 'req-1'
  })
})

test('a queue that takes no more has the problem type of the RateLimit draft', async t => {
  const { base } = await serve(t, () => new DrainingError())
  const body = (await (await fetch(`${base}/jobs`)).json()) as { type: string; code: string }
  assert.equal(body.type, 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity')
  assert.equal(body.code, 'draining')
})

test('native routes answer with one line whose error is a string', async t => {
  const { base } = await serve(
    t,
    () => new TargetUnreachableError('first line\r\nsecond\u2028third\u0085fourth')
  )
  const answer = await raw(base, '/api/chat')
  const [head, body] = answer.split('\r\n\r\n')
  assert.match(head!, /^HTTP\/1\.1 502 /)
  assert.match(head!, /^content-type: application\/json; charset=utf-8$/m)
  assert.equal(body, '{"error":"The target cannot be reached: first line second third fourth"}')
})

test('inference routes show status and words the target has itself', async t => {
  const full = await serve(t, () => new QueueFullError('100 jobs wait'))
  const busy = 'server busy, please try again.  maximum pending requests exceeded'
  const native = await fetch(`${full.base}/api/chat`)
  assert.deepEqual([native.status, await native.json()], [503, { error: busy }])

  const unknown = await serve(t, () => new ModelNotFoundError('Llama'))
  const chat = await fetch(`${unknown.base}/api/chat`)
  assert.deepEqual([chat.status, await chat.json()], [404, { error: "model 'Llama' not found" }])
  const job = await fetch(`${unknown.base}/jobs`)
  assert.equal(job.status, 422)
})

test('OpenAI routes answer with an error object whose type follows the status', async t => {
  const { base } = await serve(t, () => new ModelNotFoundError('m'))
  const res = await fetch(`${base}/v1/chat/completions`)
  assert.equal(res.status, 404)
  assert.deepEqual(await res.json(), {
    error: { message: "model 'm' not found", type: 'not_found_error', param: null, code: null }
  })
  const type = (error: unknown) => JSON.parse(renderError(error, 'openai', 'r').body).error.type
  assert.equal(type(new BadRequestError('no')), 'invalid_request_error')
  assert.equal(type(new DrainingError()), 'api_error')
})

test('Anthropic routes answer with type, error and request id', async t => {
  const { base } = await serve(t, () => new DrainingError())
  const res = await fetch(`${base}/v1/messages?beta=true`)
  assert.equal(res.status, 503)
  assert.equal(res.headers.get('retry-after'), '30')
  assert.deepEqual(await res.json(), {
    type: 'error',
    error: { type: 'overloaded_error', message: 'foreman is draining and accepts no new jobs' },
    request_id: 'req-1'
  })
})

test('an unforeseen failure says no more than its status, and the log has the cause', async t => {
  for (const thrown of [new Error('the secret'), 'the secret', { message: 'the secret', statusCode: 200 }]) {
    const { base, lines } = await serve(t, () => thrown)
    for (const path of ['/jobs', '/api/chat', '/v1/chat/completions', '/v1/messages']) {
      const res = await fetch(base + path)
      const body = await res.text()
      assert.equal(res.status, 500)
      assert.match(body, /"Internal Server Error"/)
      assert.doesNotMatch(body, /secret/)
    }
    assert.equal(lines.filter(line => line.includes('unforeseen')).length, 4)
    assert.equal(
      lines.some(line => line.includes('the secret')),
      true
    )
  }
})

test('an error of another library keeps its 4xx status and text, and of a 5xx only the status', async t => {
  const Teapot = createError('SOME_TEAPOT', 'short and stout', 418)
  const Gateway = createError('SOME_GATEWAY', 'the secret', 502)
  const teapot = await serve(t, () => new Teapot())
  const res = await fetch(`${teapot.base}/api/chat`)
  assert.deepEqual([res.status, await res.json()], [418, { error: 'short and stout' }])
  const gateway = await serve(t, () => new Gateway())
  const bad = await fetch(`${gateway.base}/api/chat`)
  assert.deepEqual([bad.status, await bad.json()], [502, { error: 'Bad Gateway' }])
})

test('an error may carry its own retry hint and verdict', () => {
  const error = Object.assign(new TargetFailedError('no such option'), { retryable: false, retryAfterS: 2.2 })
  const { headers, body } = renderError(error, 'problem', 'r')
  assert.equal(headers['retry-after'], '3')
  assert.equal(JSON.parse(body).retryable, false)
  const next = renderError(new TargetFailedError('again'), 'problem', 'r')
  assert.equal(JSON.parse(next.body).retryable, true)
  assert.equal('retry-after' in next.headers, false)
})

test('an error keeps its cause out of the answer', () => {
  const cause = new Error('ECONNREFUSED 10.0.0.7')
  const error = new TargetUnreachableError('connection refused', { cause })
  assert.equal(error.cause, cause)
  assert.equal(error.code, 'FOREMAN_TARGET_UNREACHABLE')
  assert.equal(error.wireCode, 'target_unreachable')
  assert.doesNotMatch(renderError(error, 'problem', 'r').body, /10\.0\.0\.7/)
})

test('a plugin defines errors of its own', () => {
  const Quota = defineError<[name: string]>({
    code: 'quota_used_up',
    status: 429,
    title: 'Quota used up',
    message: 'token %s has used up its quota',
    retryable: true
  })
  const error = new Quota('laptop')
  assert.equal(isForemanError(error), true)
  assert.equal(isForemanError(new Error('x')), false)
  assert.equal(error instanceof Quota, true)
  assert.equal(new DrainingError() instanceof Quota, false)
  assert.equal(JSON.parse(renderError(error, 'anthropic', 'r').body).error.type, 'rate_limit_error')
})

test("Fastify's own refusals fall into the catalogue", async t => {
  const schema = { body: { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } } }
  const query = { querystring: { type: 'object', properties: { limit: { type: 'integer' } } } }
  const { base } = await serve(
    t,
    () => new Error(),
    app => {
      app.post('/v', { schema }, () => 'ok')
      app.get('/q', { schema: query }, () => 'ok')
    }
  )
  const post = async (body: string, type = 'application/json') => {
    const res = await fetch(`${base}/v`, { method: 'POST', body, headers: { 'content-type': type } })
    const problem = (await res.json()) as { code: string; errors?: unknown }
    return [res.status, problem.code, problem.errors] as const
  }
  assert.deepEqual(await post('{'), [400, 'malformed_json', undefined])
  assert.deepEqual(await post(''), [400, 'malformed_json', undefined])
  assert.deepEqual(await post(`{"n":${'1'.repeat(80)}}`), [413, 'body_too_large', undefined])
  assert.deepEqual(await post('n=1', 'text/csv'), [415, 'unsupported_media_type', undefined])
  const faults = [{ pointer: '/n', detail: 'must be integer' }]
  assert.deepEqual(await post('{"n":"x"}'), [422, 'validation_failed', faults])
  const list = (await (await fetch(`${base}/q?limit=x`)).json()) as { errors: unknown }
  assert.deepEqual(list.errors, [{ pointer: '', detail: 'querystring/limit must be integer' }])
})

test('unknown routes get the words of the target under /api and /v1, elsewhere not_found', async t => {
  const { base } = await serve(t, () => new Error())
  for (const path of ['/api/nothing', '/v1/nothing', '/v1/messages/count_tokens']) {
    const res = await fetch(base + path)
    assert.equal(res.status, 404)
    assert.equal(res.headers.get('content-type'), 'text/plain')
    assert.equal(await res.text(), '404 page not found')
  }
  const own = await fetch(`${base}/nothing`)
  assert.equal(own.headers.get('content-type'), 'application/problem+json')
  assert.equal(((await own.json()) as { code: string }).code, 'not_found')
})

test('a path that cannot be decoded is refused in the shape of its surface', async t => {
  const { base } = await serve(t, () => new Error())
  const answer = await raw(base, '/api/%zz')
  assert.match(answer, /^HTTP\/1\.1 400 /)
  assert.match(answer, /\{"error":"'\/api\/%zz' is not a valid url component"\}$/)
})
