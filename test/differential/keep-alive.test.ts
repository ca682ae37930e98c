/** The one change foreman makes to a request: a client's `keep_alive` value gives way to the policy's. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { post } from './case.ts'
import { bodyOf, fieldValue, statusOf } from './message-reader.ts'
import { sendThrough, setStage } from './stage.ts'

const spaced = (value: string) =>
  `{ "keep_alive" : ${value} ,"model":"llama3.2","messages":[{"role":"user","content":"\\"keep_alive\\":1 \u2028"}]}  `

const replaced: readonly [value: string, why: string][] = [
  ['5', 'a number'],
  ['"1h30m"', 'a duration'],
  ['0', 'an unload after the answer'],
  ['-1', 'for ever'],
  ['5,"KEEP_alive":"10m"', 'twice, in another case']
]

test('a keep_alive value is replaced in place, every other byte stays', async t => {
  const stage = await setStage(t, { keep_alive: { idle_unload: '45m' } })
  for (const [index, [value, why]] of replaced.entries()) {
    const row = { ...post('/api/chat', {}, { name: why, status: 200 }), body: spaced(value) }
    const { received, exchange } = await sendThrough(stage, row, String(index))
    assert.equal(statusOf(received), 200, why)
    const expected = spaced(value.replaceAll(/(?<=^|:)("[^"]*"|-?\d+)/g, '"45m"'))
    assert.equal(bodyOf(exchange!.request).toString(), expected, why)
    assert.equal(fieldValue(exchange!.request.fields, 'content-length'), String(Buffer.byteLength(expected)))
  }
})

test('a null, and a value the target refuses, stay as they are', async t => {
  const stage = await setStage(t)
  for (const [value, status] of [
    ['null', 200],
    ['"10"', 400],
    ['true', 400]
  ] as const) {
    const row = { ...post('/api/chat', {}, { name: value, status }), body: spaced(value) }
    const { received, exchange } = await sendThrough(stage, row, value)
    assert.equal(statusOf(received), status)
    assert.equal(bodyOf(exchange!.request).toString(), spaced(value))
  }
})
