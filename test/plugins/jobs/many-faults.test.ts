import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertProblem, chatBody, startStage } from './stage.ts'

const unknown = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`unknown_${n}`, '1']))

test('every unknown field has its place told, also where there are more than the validator counts', async t => {
  const { ask } = await startStage(t)
  for (const count of [1, 7, 8, 50]) {
    const answer = await ask('POST', '/jobs', { body: { request: chatBody, ...unknown(count) } })
    const { errors = [], detail } = assertProblem(answer, 422, 'validation_failed')
    assert.equal(errors.length, Math.min(count, 8))
    for (const fault of errors) assert.match(fault.pointer, /^\/unknown_\d+$/)
    assert.match(detail, /^\/unknown_0 there is no such field/)
    const query = new URLSearchParams(unknown(count))
    const list = assertProblem(await ask('GET', `/jobs?${query}`), 422, 'validation_failed')
    assert.match(list.errors![0]!.detail, /^querystring\/unknown_0 /)
  }
})
