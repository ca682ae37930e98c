/** Where foreman's answer differs from the target's on purpose, and the read whose content depends on foreman. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fault, post } from './case.ts'
import { assertAlike, assertPassedOn } from './compare.ts'
import { bodyOf, fieldValue, statusOf } from './message-reader.ts'
import { send } from './raw-client.ts'
import { sendThrough, setStage } from './stage.ts'

const say = [{ role: 'user', content: 'a' }]

test('GET /api/ps is what the target says of itself', async t => {
  const stage = await setStage(t)
  const load = post('/api/generate', { model: 'llama3.2' }, { name: 'load', status: 200 })
  await sendThrough(stage, load, 'load')
  const ps = { name: 'ps', status: 200, method: 'GET', path: '/api/ps' } as const
  const { received, exchange } = await sendThrough(stage, ps, 'ps')
  assert.match(bodyOf(received).toString(), /"name":"llama3\.2:latest"/)
  assertPassedOn(exchange!.answer!, received)
  assertAlike(await send(stage.target.url, ps), received)
})

const emptyErrors = [
  ['/api/chat', { error: 'service unavailable' }],
  [
    '/v1/chat/completions',
    { error: { message: 'service unavailable', type: 'api_error', param: null, code: null } }
  ]
] as const

test('an error without a body gets one line of JSON, its status stays', async t => {
  const stage = await setStage(t)
  for (const [path, body] of emptyErrors) {
    const row = post(
      path,
      { model: 'llama3.2', messages: say },
      { name: path, status: 503, fields: [fault('empty')] }
    )
    const { received, exchange } = await sendThrough(stage, row, path)
    assert.equal(bodyOf(exchange!.answer!).length, 0)
    assert.equal(statusOf(received), 503)
    assert.deepEqual(JSON.parse(bodyOf(received).toString()), body)
    assert.equal(fieldValue(received.fields, 'content-type'), 'application/json; charset=utf-8')
  }
})

test('a transcription that is no plain form is refused by foreman, which could not tell the model', async t => {
  const stage = await setStage(t)
  const row = { name: 'form', status: 400, method: 'POST', path: '/v1/audio/transcriptions', body: 'x' }
  const { received, exchange } = await sendThrough(stage, row, 'form')
  const direct = await send(stage.target.url, row)
  assert.equal(statusOf(received), statusOf(direct))
  const { error } = JSON.parse(bodyOf(received).toString())
  assert.equal(error.type, JSON.parse(bodyOf(direct).toString()).error.type)
  assert.equal(exchange, undefined)
})

test('Origin and Host are not passed on: the target’s check of them is not meant for foreman', async t => {
  const stage = await setStage(t)
  const page = ['Origin', 'http://localhost:5173'] as const
  const row = post(
    '/api/chat',
    { model: 'llama3.2', messages: say },
    { name: 'origin', status: 200, fields: [page] }
  )
  const { received, exchange } = await sendThrough(stage, row, 'origin')
  assert.equal(statusOf(received), 200)
  assert.equal(fieldValue(exchange!.request.fields, 'origin'), undefined)
  assert.equal(fieldValue(exchange!.request.fields, 'host'), new URL(stage.tap.url).host)
  assert.equal(fieldValue(received.fields, 'access-control-allow-origin'), undefined)
})
