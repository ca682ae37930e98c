import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AttachedCall, AttachedCalls } from '../../../core/queue/answer.ts'
import { Recording } from '../../../core/queue/recording.ts'

/** What a recording keeps: its type, and its text. */
function textOf(recording: Recording): [type: string, text: string] | undefined {
  const kept = recording.kept()
  return kept && [kept.contentType, String(kept.content)]
}

const call = () => ({ sink: new Recording(true) }) as unknown as AttachedCall

test('a call is known by the id of its job until it is released', () => {
  const calls = new AttachedCalls()
  const [a, b] = [call(), call()]
  calls.add('job_a', a)
  calls.add('job_b', b)
  assert.deepEqual([calls.get('job_a'), calls.ids()], [a, ['job_a', 'job_b']])
  assert.equal(calls.release('job_a'), a)
  assert.deepEqual(
    [calls.get('job_a'), calls.release('job_a'), calls.ids()],
    [undefined, undefined, ['job_b']]
  )
})

test('calls may be released while their ids are gone through', () => {
  const calls = new AttachedCalls()
  for (const id of ['a', 'b', 'c']) calls.add(id, call())
  for (const id of calls.ids()) calls.release(id)
  assert.deepEqual(calls.ids(), [])
})

test('a recording keeps an answer with status 200 and no other', () => {
  for (const [status, kept] of [
    [200, '{"response":"ab","done":true}'],
    [404, undefined],
    [500, undefined]
  ] as const) {
    const recording = new Recording(true)
    recording.head(status, [])
    recording.data(Buffer.from('{"response":"a"}\n{"resp'))
    recording.data(Buffer.from('onse":"b","done":true}\n'))
    recording.end()
    assert.deepEqual(textOf(recording), kept && ['application/json', kept])
  }
})

test('a recording of an answer that is not native keeps its bytes as they came', () => {
  const recording = new Recording(false)
  recording.head(200, [['Content-Type', 'text/event-stream; charset=utf-8']])
  for (const piece of ['data: {"a":1}\n\nda', 'ta: [DONE]\n\n']) recording.data(Buffer.from(piece))
  assert.deepEqual(textOf(recording), ['text/event-stream', 'data: {"a":1}\n\ndata: [DONE]\n\n'])
})

test('the type of an answer is kept where it is one that foreman knows', () => {
  for (const [sent, kept] of [
    ['Application/JSON', 'application/json'],
    ['text/html', 'application/octet-stream'],
    [undefined, 'application/octet-stream']
  ]) {
    const recording = new Recording(false)
    recording.head(200, sent === undefined ? [] : [['content-type', sent]])
    assert.equal(recording.kept()?.contentType, kept)
  }
})
