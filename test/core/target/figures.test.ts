import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BodyFigures, nativeFigures, StreamFigures } from '../../../core/target/figures.ts'
import fc from '../../helpers/fast-check.ts'

const openAi = [
  'data: {"choices":[{"delta":{"content":"\\"usage\\":{ and finish_reason"},"finish_reason":null}]}',
  'data: {"choices":[{"delta":{},"finish_reason":"length"}]}',
  'data: {"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":5,"total_tokens":16}}',
  'data: [DONE]'
]
const anthropic = [
  'event: message_start',
  'data: {"type":"message_start","message":{"usage":{"input_tokens":9,"output_tokens":0}}}',
  'event: message_delta',
  'data: {"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"input_tokens":9,"output_tokens":4}}'
]
const responses = [
  'event: response.completed',
  'data: {"type":"response.completed","response":{"status":"completed","usage":{"input_tokens":3,"output_tokens":2}}}'
]

const streams: [name: string, lines: string[], expected: [number, number, string]][] = [
  ['OpenAI', openAi, [11, 5, 'length']],
  ['Anthropic', anthropic, [9, 4, 'tool_calls']],
  ['Responses', responses, [3, 2, 'stop']]
]

for (const [name, lines, expected] of streams) {
  test(`a stream of ${name} tells the same in any cut`, () => {
    const bytes = Buffer.from(`${lines.join('\n\n')}\n\n`)
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: bytes.length }), { maxLength: 12 }), cuts => {
        const figures = new StreamFigures()
        let from = 0
        for (const to of [...cuts, bytes.length].sort((a, b) => a - b)) {
          figures.push(bytes.subarray(from, to))
          from = to
        }
        const { inputTokens, outputTokens, reason } = figures.read()
        assert.deepEqual([inputTokens, outputTokens, reason], expected)
      })
    )
  })
}

test('an answer in one piece, and what is no answer', () => {
  const read = (text: string) => {
    const figures = new BodyFigures()
    figures.push(Buffer.from(text))
    const { inputTokens, outputTokens, reason } = figures.read()
    return [inputTokens, outputTokens, reason]
  }
  const body = '{"choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}'
  assert.deepEqual(read(body), [1, 2, 'stop'])
  assert.deepEqual(read('{"usage":{"prompt_tokens":-1,"completion_tokens":1.5},"stop_reason":7}'), [
    null,
    null,
    null
  ])
  for (const text of ['', 'no JSON', 'null', '[]', '{"usage":null}'])
    assert.deepEqual(read(text), [null, null, null])
})

test('a native record: nanoseconds become ms, a tool call is a reason of its own', () => {
  const last = {
    done_reason: 'stop',
    prompt_eval_count: 3,
    prompt_eval_duration: 2_500_000,
    eval_count: 4,
    eval_duration: 1e9
  }
  const told = { inputTokens: 3, outputTokens: 4, promptEvalMs: 2.5, generationMs: 1000 }
  assert.deepEqual(nativeFigures(last, false), { ...told, reason: 'stop' })
  assert.deepEqual(nativeFigures(last, true), { ...told, reason: 'tool_calls' })
  assert.equal(nativeFigures({ done_reason: 'load' }, false).reason, 'other')
})
