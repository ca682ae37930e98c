/** The text of an answer, cut into pieces: whatever comes, the pieces are the text and each says where it belongs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Channel,
  codePoints,
  longestPiece,
  type OutputPiece,
  PendingOutput,
  takeTexts
} from '../../../core/jobs/output.ts'
import fc from '../../helpers/fast-check.ts'
import { said, spoken } from './texts.ts'

test('pieces join to the text of their channel and item, and each knows the code points before it', () => {
  fc.assert(
    fc.property(fc.array(spoken, { maxLength: 60 }), all => {
      const pending = new PendingOutput()
      const pieces: OutputPiece[] = []
      const take = () => {
        assert.equal(
          pending.length,
          pending.pieces.reduce((sum, { text }) => sum + text.length, 0)
        )
        pieces.push(...pending.pieces)
        pending.clear()
      }
      for (const { channel, item, text, isWritten } of all) {
        pending.add(channel, text, item)
        if (isWritten) take()
      }
      take()
      const joined: Record<string, string> = {}
      for (const { channel, item, start, text } of pieces) {
        const key = `${channel} ${item}`
        assert.equal(start, [...(joined[key] ?? '')].length)
        assert.ok(text.length > 0 && text.isWellFormed())
        joined[key] = (joined[key] ?? '') + text
      }
      assert.deepEqual(joined, said(all))
    })
  )
})

test('what comes of one channel and item while it waits is one piece; another one begins another', () => {
  const pending = new PendingOutput()
  const say = (channel: Channel, text: string, item = 0) => pending.add(channel, text, item)
  for (const text of ['a', 'b', '👍', 'c']) say('content', text)
  say('thinking', 'd')
  say('content', 'e')
  say('tool_call', 'f', 0)
  say('tool_call', 'g', 1)
  assert.deepEqual(pending.pieces, [
    { channel: 'content', item: 0, start: 0, text: 'ab👍c' },
    { channel: 'thinking', item: 0, start: 0, text: 'd' },
    { channel: 'content', item: 0, start: 4, text: 'e' },
    { channel: 'tool_call', item: 0, start: 0, text: 'f' },
    { channel: 'tool_call', item: 1, start: 0, text: 'g' }
  ])
})

test('a long text is cut, and never inside of a pair', () => {
  for (const shift of ['', 'x']) {
    const pending = new PendingOutput()
    const text = `${shift}${'👍'.repeat(longestPiece)}`
    pending.add('content', shift, 0)
    pending.add('content', text.slice(shift.length), 0)
    assert.equal(pending.pieces.map(piece => piece.text).join(''), text)
    for (const piece of pending.pieces) {
      assert.ok(piece.text.length <= longestPiece + 1)
      assert.ok(piece.text.isWellFormed())
    }
    assert.ok(pending.pieces.length >= 2)
  }
})

test('code points are counted as a string is walked', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), text => codePoints(text) === [...text].length))
  for (const text of ['\ud83d', '\udc4d\ud83d', 'a\udc4d', '\ud83d\ud83d\udc4d'])
    assert.equal(codePoints(text), [...text].length, JSON.stringify(text))
})

/** What is told of records of an answer. */
function told(...records: object[]): unknown[] {
  const texts: unknown[] = []
  let calls = 0
  for (const record of records)
    calls = takeTexts(record as Record<string, unknown>, calls, (...text) => texts.push(text))
  return texts
}

test('the texts of a record are told in the order in which they are filled, and nothing else of it', () => {
  const call = (name: string) => ({ function: { name, arguments: { a: 1 } } })
  assert.deepEqual(
    told(
      { message: { role: 'assistant', content: '', thinking: 'hm' }, done: false },
      { message: { role: 'assistant', content: 'so', thinking: 'm', tool_calls: [call('a'), call('b')] } },
      { message: { tool_calls: [call('c')] } },
      { response: 'and', thinking: 'x', done: true },
      { message: { content: 7, thinking: null, tool_calls: {} } },
      {}
    ),
    [
      ['thinking', 'hm'],
      ['thinking', 'm'],
      ['content', 'so'],
      ['tool_call', JSON.stringify(call('a')), 0],
      ['tool_call', JSON.stringify(call('b')), 1],
      ['tool_call', JSON.stringify(call('c')), 2],
      ['thinking', 'x'],
      ['content', 'and']
    ]
  )
})
