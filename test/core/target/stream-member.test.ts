import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readInference } from '../../../core/target/inference.ts'
import { withStreaming } from '../../../core/target/stream-member.ts'

const streaming = (json: string) => withStreaming(Buffer.from(json)).toString()

for (const [body, expected] of [
  ['{"model":"m","stream":false}', '{"model":"m","stream":true}'],
  ['{ "stream" :\tfalse , "a":1e2}', '{ "stream" :\ttrue , "a":1e2}'],
  ['{"STREAM":false,"ſtream":false}', '{"STREAM":true,"ſtream":true}'],
  ['{"stream":false,"stream":true,"stream":false}', '{"stream":true,"stream":true,"stream":true}'],
  [
    '{"stream":false,"options":{"stream":false},"x":["stream",false]}',
    '{"stream":true,"options":{"stream":false},"x":["stream",false]}'
  ],
  ['{"\\u0073tream":false}', '{"\\u0073tream":true}']
] as const) {
  test(`${body} asks for pieces afterwards, all else as it was`, () => {
    assert.equal(streaming(body), expected)
  })
}

for (const body of ['{"model":"m"}', '{"stream":true}', '{"stream":null}', '{"streams":false}', '{}']) {
  test(`${body} streams as it is, and is the same buffer`, () => {
    const json = Buffer.from(body)
    assert.equal(withStreaming(json), json)
  })
}

test('the target reads it as streaming afterwards', () => {
  for (const body of ['{"model":"m","Stream":false}', '{"stream":true,"stream":false}', '{"stream":null}']) {
    const inference = readInference('/api/chat', withStreaming(Buffer.from(body)))
    assert.equal(!inference.malformed && inference.streams, true, body)
  }
})
