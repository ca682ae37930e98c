/** The parser of events in the TypeScript client is held against the library of that name, whatever comes and however it is cut. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createParser } from 'eventsource-parser'
import fc from '../../helpers/fast-check.ts'
import { load } from './built.ts'

const { FrameParser } = await load('sse')

const word = fc.constantFrom(
  'data',
  'event',
  'id',
  'retry',
  ':',
  ': ',
  ' ',
  'ä🦙',
  '{"a":1}',
  '\0',
  '\uFEFF',
  ''
)
const end = fc.constantFrom('\n', '\r\n', '\r')
const line = fc.tuple(fc.array(word, { maxLength: 4 }), end).map(([words, end]) => words.join('') + end)
const stream = fc.array(line, { maxLength: 20 }).map(lines => lines.join(''))

interface Told {
  readonly event: string
  readonly data: string
}

function byLibrary(text: string): Told[] {
  const told: Told[] = []
  // An event without a name of its own is a message.
  const parser = createParser({
    onEvent: ({ event, data }) => told.push({ event: event || 'message', data })
  })
  parser.feed(text)
  return told
}

test('it tells the events that the library tells, cut anywhere', () => {
  fc.assert(
    fc.property(stream, fc.array(fc.nat(40), { maxLength: 10 }), (text, cuts) => {
      // A carriage return at the very end may be half of a line end, which the library waits for.
      const whole = `${text}\n`
      const parser = new FrameParser()
      const told: Told[] = []
      let from = 0
      for (const length of [...cuts, whole.length]) {
        for (const { event, data } of parser.push(whole.slice(from, from + length)))
          told.push({ event, data })
        from += length
      }
      assert.deepEqual(told, byLibrary(whole))
    }),
    { numRuns: 2000 }
  )
})

test('the id is that of the block, and what no blank line ends is no event', () => {
  const parser = new FrameParser()
  const text =
    ': foreman\nretry: 2000\n\nid: a:1\nevent: x\ndata: 1\ndata: 2\n\ndata: 3\n\nid: a:2\ndata: 4\n'
  assert.deepEqual(
    [...parser.push(text)],
    [
      { id: 'a:1', event: 'x', data: '1\n2' },
      { event: 'message', data: '3' }
    ]
  )
})
