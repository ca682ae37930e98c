import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { AnswerAssembler } from '../../../core/jobs/assemble.ts'
import { startFakeOllama } from '../../fake-ollama/start.ts'
import fc from '../../helpers/fast-check.ts'
import { anySizes, cut } from '../cuts.ts'

function assembled(...chunks: (string | Buffer)[]): unknown {
  const assembler = new AnswerAssembler()
  for (const chunk of chunks) assembler.push(Buffer.from(chunk))
  const answer = assembler.assembled()
  return answer && JSON.parse(answer.toString())
}

const lines = (...records: object[]) => records.map(record => `${JSON.stringify(record)}\n`).join('')

const story = lines(
  {
    model: 'm',
    created_at: '1',
    message: { role: 'assistant', content: '', thinking: 'hmm… ' },
    done: false
  },
  {
    model: 'm',
    created_at: '2',
    message: { role: 'assistant', content: 'žluť', thinking: 'ano' },
    done: false
  },
  { model: 'm', message: { role: 'assistant', content: '', tool_calls: [{ function: { name: 'a' } }] } },
  { model: 'm', message: { role: 'assistant', content: '🐎', tool_calls: [{ function: { name: 'b' } }] } },
  { model: 'm', created_at: '3', message: { role: 'assistant', content: '' }, done: true, eval_count: 4 }
)

test('text, thinking and tool calls are joined, everything else is from the last record that has it', () => {
  assert.deepEqual(assembled(story), {
    model: 'm',
    created_at: '3',
    message: {
      role: 'assistant',
      content: 'žluť🐎',
      thinking: 'hmm… ano',
      tool_calls: [{ function: { name: 'a' } }, { function: { name: 'b' } }]
    },
    done: true,
    eval_count: 4
  })
})

test('no cut of the bytes changes the answer', () => {
  const whole = assembled(story)
  fc.assert(
    fc.property(anySizes, sizes => assert.deepEqual(assembled(...cut(Buffer.from(story), sizes)), whole))
  )
})

test('asking in the middle changes nothing of what comes later', () => {
  const whole = assembled(story)
  fc.assert(
    fc.property(anySizes, sizes => {
      const assembler = new AnswerAssembler()
      for (const chunk of cut(Buffer.from(story), sizes)) {
        assembler.push(chunk)
        assembler.assembled()
      }
      assert.deepEqual(JSON.parse(assembler.assembled()!.toString()), whole)
    })
  )
})

test('logprobs of all records are one list', () => {
  const logprob = (token: string) => ({ token, logprob: -1 })
  const answer = assembled(
    lines({ response: 'a', logprobs: [logprob('a')] }, { response: 'b' }),
    lines({ response: 'c', logprobs: [logprob('c')] }, { response: '', logprobs: null, done: true })
  )
  assert.deepEqual(answer, { response: 'abc', logprobs: [logprob('a'), logprob('c')], done: true })
})

test('an answer that broke off keeps the mark of its last record', () => {
  const cut = lines({ response: 'a', done: false }, { response: 'b', done: false })
  assert.deepEqual(assembled(`${cut}{"response":"c`), { response: 'ab', done: false })
})

test('an answer without a newline counts', () => {
  assert.deepEqual(assembled('{"embeddings":[[0.5]],"total_duration":3}'), {
    embeddings: [[0.5]],
    total_duration: 3
  })
})

test('where no record came there is nothing', () => {
  assert.equal(assembled(), undefined)
  assert.equal(assembled('\n\n', 'no json\n', '[1]\n', 'null\n', '{"error":"out of memory"}\n'), undefined)
})

test('an error line ends the answer and is no part of it', () => {
  const broken = lines({ response: 'a', done: false }, { error: 'out of memory' })
  assert.deepEqual(assembled(broken), { response: 'a', done: false })
})

async function post(url: string, path: string, body: object): Promise<Buffer> {
  const response = await fetch(url + path, { method: 'POST', body: JSON.stringify(body) })
  assert.equal(response.status, 200)
  return Buffer.from(await response.arrayBuffer())
}

/** Times differ from call to call. */
function withoutTimes(answer: Buffer): Record<string, unknown> {
  const all = Object.entries(JSON.parse(answer.toString()) as Record<string, unknown>)
  return Object.fromEntries(all.filter(([name]) => name !== 'created_at' && !name.endsWith('_duration')))
}

async function startTarget(t: TestContext): Promise<string> {
  const fake = await startFakeOllama()
  t.after(() => fake.stop())
  return fake.url
}

const tool = {
  type: 'function',
  function: { name: 'weather', parameters: { type: 'object', properties: {} } }
}
const messages = [{ role: 'user', content: 'How is the weather in Brno?' }]

for (const [what, path, body] of [
  ['text', '/api/generate', { model: 'llama3.2', prompt: 'Tell me of žluťoučký kůň' }],
  ['logprobs', '/api/generate', { model: 'llama3.2', prompt: 'a', logprobs: true, top_logprobs: 2 }],
  ['a chat', '/api/chat', { model: 'llama3.2', messages }],
  ['thinking', '/api/chat', { model: 'qwen3:8b', messages, think: true }],
  ['tool calls on the last record', '/api/chat', { model: 'llama3.2', messages, tools: [tool] }],
  ['tool calls in a record of their own', '/api/chat', { model: 'qwen3:8b', messages, tools: [tool] }],
  ['an embedding', '/api/embed', { model: 'nomic-embed-text', input: ['a', 'b'] }]
] as const) {
  test(`${what}: the pieces give what the same call answers without streaming`, async t => {
    const url = await startTarget(t)
    const whole = await post(url, path, { ...body, stream: false })
    const pieces = await post(url, path, { ...body, stream: true })
    const assembler = new AnswerAssembler()
    assembler.push(pieces)
    assert.deepEqual(withoutTimes(assembler.assembled()!), withoutTimes(whole))
  })
}
