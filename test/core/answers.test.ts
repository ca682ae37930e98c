/** What every answer of foreman's own has, and what none of them has. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startForeman, temporaryDir } from '../helpers/foreman.ts'
import { startRig } from '../strength/support/rig.ts'

const header = 'x-content-type-options'

async function ask(url: string, path: string, init: RequestInit = {}) {
  const answer = await fetch(url + path, init)
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}

const json = { 'content-type': 'application/json' }
const chatBody = JSON.stringify({ model: 'alpha', messages: [{ role: 'user', content: 'hello' }] })
const cloud = JSON.stringify({ model: 'kimi:cloud', messages: [] })

/** Answers of foreman's own, with their status. */
const own: readonly (readonly [path: string, status: number, init?: RequestInit])[] = [
  ['/healthz', 200],
  ['/queue', 200],
  ['/jobs', 200],
  ['/jobs', 202, { method: 'POST', headers: json, body: chatBody }],
  ['/jobs', 200, { method: 'POST', headers: { 'content-type': 'application/x-ndjson' }, body: chatBody }],
  ['/jobs', 400, { method: 'POST', headers: json, body: '{' }],
  ['/jobs/job_01m83k3m03n1yjpsdb76tmtexm', 404],
  ['/artifacts', 201, { method: 'POST', headers: { 'content-type': 'text/html' }, body: '<script>' }],
  ['/nowhere', 404],
  ['/%zz', 400],
  ['/api/chat', 202, { method: 'POST', headers: { prefer: 'respond-async' }, body: chatBody }],
  ['/api/chat', 403, { method: 'POST', body: cloud }],
  ['/v1/chat/completions', 403, { method: 'POST', body: cloud }],
  ['/v1/messages', 403, { method: 'POST', body: cloud }]
]

test('every answer of foreman’s own says that its type is not to be guessed', async t => {
  const { url } = await startRig(t)
  for (const [path, status, init] of own) {
    const answer = await ask(url, path, init)
    assert.equal(answer.status, status, `${path} ${answer.text}`)
    assert.equal(answer.headers.get(header), 'nosniff', `${status} of ${path}`)
  }
})

test('so does an error of a call that the target could not answer', async t => {
  const { url } = await startForeman(t, { target: 'http://127.0.0.1:9' })
  const answer = await ask(url, '/api/tags')
  assert.deepEqual([answer.status, answer.headers.get(header)], [502, 'nosniff'])
})

test('the target’s answers pass without it', async t => {
  const { url } = await startRig(t)
  for (const [path, init] of [
    ['/api/tags'],
    ['/api/chat', { method: 'POST', body: chatBody }],
    ['/api/nothing']
  ] as const) {
    assert.equal((await ask(url, path, init)).headers.get(header), null, path)
  }
})

/** A plugin with mistakes in it: each route fails in another way, and would tell what nobody should read. */
const faulty = `
import { readFileSync } from 'node:fs'
import fp from '${import.meta.resolve('fastify-plugin')}'
const secret = '/srv/private/key.pem'
export default fp(async app => {
  const config = { access: 'inference' }
  const fail = () => { throw new Error('cannot use ' + secret) }
  app.get('/faulty/sync', { config }, () => fail())
  app.get('/faulty/async', { config }, async () => fail())
  app.get('/faulty/text', { config }, () => { throw 'cannot use ' + secret })
  app.get('/faulty/system', { config }, async () => readFileSync(secret))
  app.get('/faulty/status', { config }, async () => { throw Object.assign(new Error(secret), { statusCode: 503 }) })
  app.get('/faulty/hook', { config, preHandler: async () => fail() }, async () => 'ok')
  app.get('/faulty/late', { config, onSend: async () => fail() }, async () => 'ok')
  app.get('/faulty/loop', { config }, async () => { const me = {}; me.me = me; return me })
  app.get('/faulty/nested', { config }, async () => { throw new AggregateError([new Error(secret)], secret) })
  app.get('/api/faulty', { config }, async () => fail())
  app.get('/v1/faulty', { config }, async () => fail())
}, { name: 'faulty' })
`

async function startFaulty(t: TestContext): Promise<string> {
  const dir = temporaryDir(t)
  writeFileSync(join(dir, 'faulty.mjs'), faulty)
  const settings = { plugins: { './faulty.mjs': true } }
  return (await startForeman(t, { target: 'http://127.0.0.1:9', dataDir: dir, settings })).url
}

test('what fails in a plugin tells nobody why: no stack, no path, no text', async t => {
  const url = await startFaulty(t)
  const ways = ['sync', 'async', 'text', 'system', 'status', 'hook', 'late', 'loop', 'nested']
  for (const path of [...ways.map(way => `/faulty/${way}`), '/api/faulty', '/v1/faulty']) {
    const { status, headers, text } = await ask(url, path)
    assert.equal(status, path.endsWith('/status') ? 503 : 500, path)
    const said = [...headers.values(), text].join('\n')
    assert.doesNotMatch(said, /private|\.pem|\.mjs|\.ts|node:|node_modules|ENOENT|circular|\bat \w/, path)
    assert.equal(headers.get(header), 'nosniff', path)
  }
})
