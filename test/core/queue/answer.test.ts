import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AttachedCall, AttachedCalls } from '../../../core/queue/answer.ts'
import { Recording } from '../../../core/queue/recording.ts'

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
    recording.head(status)
    recording.data(Buffer.from('{"response":"a"}\n{"resp'))
    recording.data(Buffer.from('onse":"b","done":true}\n'))
    recording.end()
    assert.equal(recording.kept()?.toString(), kept)
  }
})

test('a recording of an answer that is not native keeps its bytes as they came', () => {
  const recording = new Recording(false)
  recording.head(200)
  for (const piece of ['data: {"a":1}\n\nda', 'ta: [DONE]\n\n']) recording.data(Buffer.from(piece))
  assert.equal(recording.kept()?.toString(), 'data: {"a":1}\n\ndata: [DONE]\n\n')
})
