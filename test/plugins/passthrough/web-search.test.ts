/** The tool by which the target searches the web: refused however it is written, until it is allowed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { zstdCompressSync } from 'node:zlib'
import { fieldValue, type HttpMessage, statusOf } from '../../differential/message-reader.ts'
import type { RawRequest } from '../../differential/raw-client.ts'
import { ask, errorText, jobOf, start } from './stage.ts'

const messages = '/v1/messages'
const responses = '/v1/responses'

/** A request whose body is well-formed but for `more`, JSON text of further members. */
function post(path: string, more: string, fields: RawRequest['fields'] = []): RawRequest {
  const words =
    path === responses ? '"input":"hi"' : '"max_tokens":5,"messages":[{"role":"user","content":"hi"}]'
  return { method: 'POST', path, fields, body: `{"model":"llama3.2",${words},${more}}` }
}

const tool = (type: string) => `"tools":[{"type":"${type}","name":"web_search"}]`
const custom = '{"type":"custom","name":"f","input_schema":{"type":"object"}}'

const refused: readonly (readonly [how: string, request: RawRequest])[] = [
  ['on messages', post(messages, tool('web_search_20250305'))],
  ['on messages, of a version to come', post(messages, tool('web_search_20990101'))],
  ['on messages, without a version', post(messages, tool('web_search'))],
  ['on responses', post(responses, tool('web_search'))],
  ['on responses, as a preview', post(responses, tool('web_search_preview'))],
  ['on responses, dated', post(responses, tool('web_search_2025_08_26'))],
  ['between others', post(messages, `"tools":[${custom},{"type":"web_search"},${custom}]`)],
  ['in another case of the names', post(messages, '"TOOLS":[{"Type":"web_search"}]')],
  ['with letters that fold', post(messages, '"tool\u017f":[{"type":"web_search"}]')],
  ['with escapes', post(messages, '"to\\u006fls":[{"typ\\u0065":"web\\u005fsearch"}]')],
  ['given twice, the last another', post(messages, '"tools":[{"type":"web_search"}],"tools":[{"name":"f"}]')],
  ['with its type given twice', post(messages, '"tools":[{"type":"web_search","type":null}]')],
  ['with white space before it', post(messages, tool(' \\u0085 web_search'))],
  ['of a caller that does not wait', post(messages, tool('web_search'), [['Prefer', 'respond-async']])],
  ['by a path with percent signs', { ...post(messages, tool('web_search')), path: '/v1/mess%61ges' }],
  ['with a query', { ...post(messages, tool('web_search')), path: '/v1/messages?beta=true' }],
  ['for a model in the cloud', { ...post(messages, `${tool('web_search')},"model":"kimi:cloud"`) }]
]

function assertRefused({ path }: RawRequest, answer: HttpMessage, how: string): void {
  assert.equal(statusOf(answer), 403, how)
  assert.equal(fieldValue(answer.fields, 'foreman-error-code'), 'leaves_this_machine', how)
  assert.match(errorText(path, answer), /list "web_search" in plugins\.passthrough\.allow/, how)
}

test('a request with the tool is 403 in the shape of the route, and the target hears nothing', async t => {
  const stage = await start(t, { settings: { plugins: { passthrough: { allow: ['cloud', 'account'] } } } })
  for (const [how, request] of refused) assertRefused(request, await ask(stage, request), how)
  const { requests } = await stage.fake.state()
  assert.deepEqual(
    requests.map(({ url }) => url).filter(url => url.startsWith('/v1')),
    []
  )
})

test('a compressed body is read as the target reads it: of several codings it takes the first', async t => {
  const stage = await start(t)
  const plain = post(responses, tool('web_search'))
  const packed = zstdCompressSync(Buffer.from(plain.body as string))
  for (const codings of [['zstd'], ['zstd', 'identity'], ['zstd', 'zstd']]) {
    const fields = codings.map(coding => ['Content-Encoding', coding] as const)
    const request = { ...plain, fields, body: packed }
    assertRefused(request, await ask(stage, request), codings.join())
  }
})

test('allowed by its own word it passes, as a job', async t => {
  const stage = await start(t, { settings: { plugins: { passthrough: { allow: ['web_search'] } } } })
  for (const request of [post(messages, tool('web_search_20250305')), post(responses, tool('web_search'))]) {
    const answer = await ask(stage, request)
    assert.equal(statusOf(answer), 200, request.path)
    assert.equal(jobOf(stage, answer)!.state, 'done')
  }
})

const harmless: readonly (readonly [how: string, request: RawRequest])[] = [
  [
    'a function of that name',
    post(messages, '"tools":[{"name":"web_search","input_schema":{"type":"object"}}]')
  ],
  ['the words in a message', post(messages, '"system":"tools: [{type: web_search}]"')],
  ['a type that ends so', post(messages, `"tools":[{"type":"my_web_search","name":"f"}]`)],
  [
    'a function of that name on chat',
    post('/v1/chat/completions', '"tools":[{"type":"function","function":{"name":"web_search"}}]')
  ]
]

test('what the target takes for an ordinary tool passes', async t => {
  const stage = await start(t)
  for (const [how, request] of harmless) assert.equal(statusOf(await ask(stage, request)), 200, how)
})
