import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Outcome, outcomeReader } from '../../../core/target/outcome.ts'
import fc from '../../helpers/fast-check.ts'
import { anySizes, cut } from '../cuts.ts'

interface Answer {
  readonly what: string
  readonly path: string
  readonly status?: number
  readonly type?: string
  readonly body: string
  readonly outcome: Outcome
}

const complete: Outcome = { kind: 'complete' }
const incomplete: Outcome = { kind: 'incomplete' }
const sse = 'text/event-stream; charset=utf-8'
const failed = (status: number, message: string): Outcome => ({ kind: 'error', status, message })

const native: readonly Answer[] = [
  {
    what: 'a stream',
    path: '/api/chat',
    body: '{"done":false}\n{"message":{},"done":true}\n',
    outcome: complete
  },
  { what: 'one object', path: '/api/generate', body: '{"response":"žluť","done":true}', outcome: complete },
  {
    what: 'a stream without its end',
    path: '/api/chat',
    body: '{"done":false}\n{"done":false}\n',
    outcome: incomplete
  },
  { what: 'a line that is cut', path: '/api/chat', body: '{"done":false}\n{"done":tr', outcome: incomplete },
  { what: 'nothing', path: '/api/generate', body: '', outcome: incomplete },
  {
    what: 'an error line',
    path: '/api/chat',
    body: '{"done":false}\n{"error":"žádná paměť"}\n',
    outcome: failed(200, 'žádná paměť')
  },
  {
    what: 'a rendered template',
    path: '/api/chat',
    body: '{"_debug_info":{"rendered_template":"x"}}',
    outcome: complete
  },
  { what: 'no object', path: '/api/chat', body: '[true]\n', outcome: incomplete },
  { what: 'done that is no boolean', path: '/api/chat', body: '{"done":"true"}\n', outcome: incomplete },
  { what: 'an embedding', path: '/api/embed', body: '{"embeddings":[]}', outcome: complete }
]

const compat: readonly Answer[] = [
  {
    what: 'chat completions',
    path: '/v1/chat/completions',
    body: 'data: {"a":1}\n\ndata: [DONE]\n\n',
    type: sse,
    outcome: complete
  },
  {
    what: 'completions that broke off',
    path: '/v1/completions',
    body: 'data: {"a":1}\n\n',
    type: sse,
    outcome: incomplete
  },
  {
    what: 'a text that quotes the terminator',
    path: '/v1/chat/completions',
    body: 'data: {"content":"then data: [DONE] comes"}\n\n',
    type: sse,
    outcome: incomplete
  },
  {
    what: 'messages',
    path: '/v1/messages',
    body: 'event: message_delta\ndata: {}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n',
    type: sse,
    outcome: complete
  },
  {
    what: 'messages with the wrong terminator',
    path: '/v1/messages',
    body: 'data: [DONE]\n\n',
    type: sse,
    outcome: incomplete
  },
  {
    what: 'responses',
    path: '/v1/responses',
    body: 'event: response.created\ndata: {}\n\nevent: response.completed\ndata: {}\n\n',
    type: sse,
    outcome: complete
  },
  {
    what: 'responses that only began',
    path: '/v1/responses',
    body: 'event: response.created\ndata: {}\n\n',
    type: sse,
    outcome: incomplete
  },
  { what: 'a terminator alone', path: '/v1/completions', body: 'data: [DONE]', type: sse, outcome: complete },
  {
    what: 'an answer without streaming',
    path: '/v1/chat/completions',
    body: '{"choices":[]}',
    outcome: complete
  },
  { what: 'embeddings', path: '/v1/embeddings', body: '{"data":[]}', outcome: complete },
  { what: 'a stream of another route', path: '/api/other', body: 'data: 1\n\n', type: sse, outcome: complete }
]

const errors: readonly Answer[] = [
  {
    what: 'the native shape',
    path: '/api/chat',
    status: 404,
    body: '{"error":"model \'ž\' not found"}',
    outcome: failed(404, "model 'ž' not found")
  },
  {
    what: "OpenAI's shape",
    path: '/v1/completions',
    status: 400,
    body: '{"error":{"message":"nó","type":"invalid_request_error"}}',
    outcome: failed(400, 'nó')
  },
  {
    what: 'a page of a proxy',
    path: '/api/chat',
    status: 502,
    body: '<html>žluťoučký</html>',
    outcome: failed(502, '<html>žluťoučký</html>')
  },
  { what: 'no body', path: '/api/chat', status: 503, body: '', outcome: failed(503, 'status 503') },
  {
    what: 'an event stream',
    path: '/v1/messages',
    status: 500,
    type: sse,
    body: 'oops',
    outcome: failed(500, 'oops')
  },
  {
    what: 'a long text in JSON',
    path: '/api/chat',
    status: 500,
    body: JSON.stringify({ error: 'ž'.repeat(6000) }),
    outcome: failed(500, 'ž'.repeat(6000))
  },
  {
    what: 'a long page',
    path: '/api/chat',
    status: 500,
    body: 'ž'.repeat(200_000),
    outcome: failed(500, 'ž'.repeat(200))
  }
]

function outcomeOf(
  { path, status = 200, type = 'application/json' }: Answer,
  chunks: readonly Buffer[]
): Outcome {
  const reader = outcomeReader(path, status, type)
  for (const chunk of chunks) reader.push(chunk)
  return reader.outcome()
}

for (const [family, answers] of Object.entries({ native, compat, errors })) {
  for (const answer of answers) {
    test(`${family}: ${answer.what} is ${answer.outcome.kind}, however it is cut`, () => {
      const body = Buffer.from(answer.body)
      assert.deepEqual(outcomeOf(answer, [body]), answer.outcome)
      fc.assert(
        fc.property(anySizes, sizes => {
          assert.deepEqual(outcomeOf(answer, cut(body, sizes)), answer.outcome)
        }),
        { numRuns: body.length > 10_000 ? 5 : 100 }
      )
    })
  }
}

test('a last line too long to look into counts as complete', () => {
  const answer = { path: '/api/chat', body: '', what: '', outcome: complete }
  const megabyte = Buffer.alloc(1024 * 1024, 'a')
  assert.deepEqual(outcomeOf(answer, Array(9).fill(megabyte)), complete)
  assert.deepEqual(
    outcomeOf(answer, [...Array(9).fill(megabyte), Buffer.from('\n{"done":false}\n')]),
    incomplete
  )
})
