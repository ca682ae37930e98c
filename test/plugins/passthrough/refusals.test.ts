/** What foreman refuses by itself: what would leave the machine, and bodies that are too large. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { fieldValue, type HttpMessage, statusOf } from '../../differential/message-reader.ts'
import type { RawRequest } from '../../differential/raw-client.ts'
import { ask, chat, errorText, type Stage, start } from './stage.ts'

const leaving: readonly (readonly [RawRequest, 'account' | 'cloud'])[] = [
  [{ method: 'POST', path: '/api/me' }, 'account'],
  [{ method: 'POST', path: '/api/signout' }, 'account'],
  [{ method: 'DELETE', path: '/api/user/keys/abc' }, 'account'],
  [{ method: 'POST', path: '/api/experimental/web_search', body: '{"query":"x"}' }, 'cloud'],
  [chat([], { model: 'gpt-oss:120b-cloud' }), 'cloud'],
  [chat([], { model: 'kimi:cloud' }), 'cloud'],
  [chat([], { model: 'stub' }), 'cloud'],
  [{ ...chat([], { model: 'kimi:cloud' }), path: '/v1/chat/completions' }, 'cloud'],
  [{ ...chat([], { model: 'stub', max_tokens: 5 }), path: '/v1/messages' }, 'cloud'],
  [{ ...chat([], { model: 'kimi:cloud', input: 'a' }), path: '/api/embed' }, 'cloud']
]

const models = [
  { name: 'llama3.2:latest' },
  { name: 'stub:latest', remote_host: 'https://ollama.com:443', remote_model: 'big' }
]

function assertRefused(answer: HttpMessage, status: number, code: string): void {
  assert.equal(statusOf(answer), status)
  assert.equal(fieldValue(answer.fields, 'foreman-error-code'), code)
}

test('account routes and cloud models are 403 in the shape of the route, and the target hears nothing', async t => {
  const stage = await start(t, { fake: { models } })
  for (const [request, word] of leaving) {
    const answer = await ask(stage, request)
    assertRefused(answer, 403, 'leaves_this_machine')
    assert.match(
      errorText(request.path, answer),
      new RegExp(`list "${word}" in plugins\\.passthrough\\.allow`)
    )
  }
  const asked = (await stage.fake.state()).requests.map(({ url }) => url)
  assert.deepEqual(
    asked.filter(url => !['/api/version', '/api/tags', '/api/ps', '/api/show'].includes(url)),
    []
  )
})

test('one word in allow opens what it names and nothing else', async t => {
  const settings = { plugins: { passthrough: { allow: ['account'] } } }
  const stage = await start(t, { settings, fake: { models } })
  assert.equal(statusOf(await ask(stage, { method: 'POST', path: '/api/me' })), 401)
  assertRefused(await ask(stage, chat([], { model: 'kimi:cloud' })), 403, 'leaves_this_machine')
})

const limited = { settings: { limits: { body_bytes: 2000 } } }
const long = { padding: 'x'.repeat(2000), max_tokens: 5 }
const surfaces = ['/api/chat', '/v1/chat/completions', '/v1/messages']

test('a body over the limit is 413 in the shape of the route, told by its length or by its bytes', async t => {
  const stage = await start(t, limited)
  for (const path of surfaces) {
    const request = { ...chat([], long), path }
    for (const body of [request.body as string, [request.body as string]]) {
      const answer = await ask(stage, { ...request, body })
      assertRefused(answer, 413, 'body_too_large')
      assert.match(errorText(path, answer), /larger than 2000 bytes/)
    }
  }
})

test('the limit does not hold for blobs, which are streamed', async t => {
  const stage = await start(t, limited)
  await assertUploads(stage, Buffer.alloc(3_000_000, 'blob'))
})

async function assertUploads(stage: Stage, blob: Buffer): Promise<void> {
  const digest = createHash('sha256').update(blob).digest('hex')
  const request = { method: 'POST', path: `/api/blobs/sha256:${digest}`, body: blob }
  assert.equal(statusOf(await ask(stage, request)), 201)
}
