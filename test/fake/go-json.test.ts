/** The fake reads and writes JSON as Go does: each row was seen from Go itself. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseGoDuration } from '../fake-ollama/go/duration.ts'
import { decodeGo } from '../fake-ollama/go/json-decode.ts'
import { parseGoJson } from '../fake-ollama/go/json-parse.ts'
import { goStringify } from '../fake-ollama/go/json-write.ts'
import { localTime, utcTime } from '../fake-ollama/go/time.ts'
import { chatRequest, generateRequest } from '../fake-ollama/native/requests.ts'

const MALFORMED: [text: string, message: string][] = [
  ['', 'EOF'],
  [' \n', 'EOF'],
  ['{', 'unexpected EOF'],
  ['{"model"', 'unexpected EOF'],
  ['{"a":"', 'unexpected EOF'],
  ['{"a":"\\', 'unexpected EOF'],
  ['{"a":1,', 'unexpected EOF'],
  ['{"model":nul', 'unexpected EOF'],
  ['{"model":"a",}', "invalid character '}' looking for beginning of object key string"],
  ['{"model" "a"}', "invalid character '\"' after object key"],
  ['{model:1}', "invalid character 'm' looking for beginning of object key string"],
  ['{"model":tru}', "invalid character '}' in literal true (expecting 'e')"],
  ['{"model":"a\n"}', "invalid character '\\n' in string literal"],
  ['{"a":"\x01"}', "invalid character '\\x01' in string literal"],
  ['{"model":"\\x"}', "invalid character 'x' in string escape code"],
  ['{"model":"\\u12g4"}', "invalid character 'g' in \\u hexadecimal character escape"],
  ['{"n":01}', "invalid character '1' after object key:value pair"],
  ['{"n":1.}', "invalid character '}' after decimal point in numeric literal"],
  ['{"n":1e}', "invalid character '}' in exponent of numeric literal"],
  ['{"n":-}', "invalid character '}' in numeric literal"],
  ['{"n":+1}', "invalid character '+' looking for beginning of value"],
  ['[1 2]', "invalid character '2' after array element"],
  ['[1,]', "invalid character ']' looking for beginning of value"],
  ["'x'", "invalid character '\\'' looking for beginning of value"],
  ['{"a":é}', "invalid character 'Ã' looking for beginning of value"],
  ['['.repeat(10_001), "invalid character '[' exceeded max depth"]
]
for (const [text, message] of MALFORMED) {
  test(`${JSON.stringify(text.slice(0, 30))} is malformed: ${message}`, () => {
    assert.throws(() => parseGoJson(text), { message })
  })
}

const MISMATCHED: [text: string, message: string][] = [
  ['"x"', 'json: cannot unmarshal string into Go value of type api.ChatRequest'],
  ['{"stream":"x"}', 'json: cannot unmarshal string into Go struct field ChatRequest.stream of type bool'],
  [
    '{"top_logprobs":1.5}',
    'json: cannot unmarshal number 1.5 into Go struct field ChatRequest.top_logprobs of type int'
  ],
  [
    '{"messages":{}}',
    'json: cannot unmarshal object into Go struct field ChatRequest.messages of type []api.Message'
  ],
  [
    '{"messages":[1]}',
    'json: cannot unmarshal number into Go struct field ChatRequest.messages of type api.Alias'
  ],
  [
    '{"messages":[{"tool_calls":[{"function":{"name":3}}]}]}',
    'json: cannot unmarshal number into Go struct field ChatRequest.messages.tool_calls.function.name of type string'
  ],
  [
    '{"options":[]}',
    'json: cannot unmarshal array into Go struct field ChatRequest.options of type map[string]interface {}'
  ],
  ['{"tools":"x"}', 'json: cannot unmarshal string into Go struct field ChatRequest.tools of type api.Tools'],
  [
    '{"tools":[{"type":1}]}',
    'json: cannot unmarshal number into Go struct field Tool.tools.type of type string'
  ],
  [
    '{"model":1,"stream":1}',
    'json: cannot unmarshal number into Go struct field ChatRequest.model of type string'
  ]
]
for (const [text, message] of MISMATCHED) {
  test(`${text} has the wrong type: ${message}`, () => {
    assert.throws(() => decodeGo(chatRequest, parseGoJson(text)), { message })
  })
}

const BASE64: [image: string, message: string][] = [
  ['!!', 'illegal base64 data at input byte 0'],
  ['YQ', 'illegal base64 data at input byte 0'],
  ['YWJj!', 'illegal base64 data at input byte 4'],
  ['YWJjZA=', 'illegal base64 data at input byte 7']
]
for (const [image, message] of BASE64) {
  test(`the image ${image} is refused: ${message}`, () => {
    assert.throws(() => decodeGo(generateRequest, parseGoJson(JSON.stringify({ images: [image] }))), {
      message
    })
  })
}

test('null is read as nothing, into a string as no change', () => {
  assert.equal(decodeGo(chatRequest, parseGoJson('null')).model, '')
  assert.equal(decodeGo(chatRequest, parseGoJson('{"MODEL":"b","model":null}')).model, 'b')
  assert.equal(decodeGo(chatRequest, parseGoJson('{"stream":true,"stream":null}')).stream, undefined)
})

test('repeated options add up, their keys keep their case', () => {
  const { options } = decodeGo(chatRequest, parseGoJson('{"options":{"a":1,"b":1},"OPTIONS":{"b":2,"B":3}}'))
  assert.deepEqual({ ...options }, { a: 1, b: 2, B: 3 })
})

test('the long s and the Kelvin sign count as s and k in a key', () => {
  const read = decodeGo(chatRequest, parseGoJson('{"me\u017f\u017fages":[],"\u212aeep_alive":5}'))
  assert.deepEqual([read.messages, read.keep_alive], [[], 5000])
})

test('text is written with the escapes of Go', () => {
  assert.equal(
    goStringify({ s: '<>&\u2028\u2029\u0085\x00\b\f\n"\\/é😀', none: undefined }),
    '{"s":"\\u003c\\u003e\\u0026\\u2028\\u2029\u0085\\u0000\\b\\f\\n\\"\\\\/é😀"}'
  )
})

test('times have up to six digits of fraction and no zeros at their end', () => {
  assert.equal(utcTime(Date.UTC(2026, 0, 2, 3, 4, 5)), '2026-01-02T03:04:05Z')
  assert.equal(utcTime(Date.UTC(2026, 0, 2, 3, 4, 5, 120)), '2026-01-02T03:04:05.12Z')
  assert.match(localTime(Date.UTC(2026, 0, 2)), /^2026-01-0[12]T\d\d:00:00(?:Z|[+-]\d\d:\d\d)$/)
})

test('durations are read unit by unit', () => {
  assert.equal(parseGoDuration('1h2m3.5s'), 3_723_500)
  assert.equal(parseGoDuration('-.5ms'), -0.5)
  assert.equal(parseGoDuration('0'), 0)
  assert.throws(() => parseGoDuration('9999999999h'), { message: 'time: invalid duration "9999999999h"' })
  assert.throws(() => parseGoDuration('1.5.5s'), { message: 'time: missing unit in duration "1.5.5s"' })
})
