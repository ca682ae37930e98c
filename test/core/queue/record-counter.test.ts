import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recordCounter } from '../../../core/queue/record-counter.ts'

const answers: readonly [type: string, text: string, records: number][] = [
  ['application/x-ndjson', '{"a":1}\n{"b":"\\n"}\n{"c":1}\n', 3],
  ['application/x-ndjson; charset=utf-8', '\n{"a":1}\r\n\r\n{"b":1}\n{"not yet', 2],
  ['text/event-stream', 'data: {"a":1}\n\ndata: [DONE]\n\n', 2],
  ['text/event-stream', 'event: x\ndata: 1\n\nevent: y\r\ndata: 2\r\n\r\ndata: not yet\n', 2]
]

test('the records of an answer are counted, wherever its chunks end', () => {
  for (const [type, text, records] of answers) {
    const bytes = Buffer.from(text)
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const counter = recordCounter(type)!
      counter.push(bytes.subarray(0, cut))
      counter.push(bytes.subarray(cut))
      assert.equal(counter.count, records, `${type} cut at ${cut}`)
    }
    const single = recordCounter(type)!
    for (const byte of bytes) single.push(Buffer.of(byte))
    assert.equal(single.count, records, `${type} byte by byte`)
  }
})

test('an answer in one piece has no records', () => {
  assert.equal(recordCounter('application/json'), undefined)
  assert.equal(recordCounter(''), undefined)
})
