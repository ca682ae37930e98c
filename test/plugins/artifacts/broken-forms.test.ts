import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertProblem, startStage } from '../jobs/stage.ts'

const part = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello\r\n'
const whole = `${part}--b--\r\n`
const type = 'multipart/form-data; boundary=b'

const cases: Readonly<Record<string, readonly [type: string, body: string]>> = {
  'without a boundary': ['multipart/form-data', whole],
  'that is cut off': [type, part],
  'that is cut off in the head of a part': [type, '--b\r\nContent-Dispo'],
  'with a boundary of its own': ['multipart/form-data; boundary=c', whole],
  'with no part': [type, '--b--\r\n']
}

test('a form that cannot be read is refused, and leaves nothing', async t => {
  const { app, ask } = await startStage(t)
  for (const [name, [contentType, body]] of Object.entries(cases)) {
    const answer = await ask('POST', '/artifacts', { body, headers: { 'content-type': contentType } })
    assert.ok(answer.status === 400 || answer.status === 422, `a form ${name}: ${answer.text}`)
    assertProblem(answer, answer.status, answer.status === 400 ? 'bad_request' : 'validation_failed')
  }
  assert.equal(app.db.prepare('SELECT count(*) FROM artifact').pluck().get(), 0)
})
