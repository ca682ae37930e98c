/** Streams whose bytes come in unusual portions, and streams that go wrong. */
import { type Case, fault, post } from '../case.ts'

const ok = { status: 200 } as const
const request = { model: 'llama3.2', messages: [{ role: 'user', content: 'tell' }] }
const chat = '/api/chat'
const v1 = '/v1/chat/completions'

function chatWith(name: string, field: readonly [string, string], more: object = {}): Case {
  return post(chat, { ...request, ...more }, { name, ...ok, fields: [field] })
}

/** The table. */
export const streamCases: readonly Case[] = [
  chatWith('three lines in one write', fault('coalesce', { after: 3 })),
  chatWith('a line in two writes, cut inside a character', fault('split')),
  chatWith('U+0085, U+2028 and U+2029 as they are', fault('separators_raw')),
  chatWith('U+0085, U+2028 and U+2029 escaped', fault('separators_escaped')),
  chatWith('a line of 1 MB', fault('big_line')),
  chatWith('an answer of 1 MB, whole', fault('big_line'), { stream: false }),
  chatWith('a first line with nothing before it for a while', fault('slow_headers', { for_ms: 30 })),
  chatWith('a pause in the middle', fault('stall', { after: 2, for_ms: 30 })),
  chatWith('an error line after three chunks', fault('error_line', { after: 3 })),
  chatWith('a clean end without the last record', fault('clean_end', { after: 3 })),
  chatWith('a clean end without anything', fault('clean_end')),
  chatWith('a runner that dies after two chunks', fault('runner_crash', { after: 2 })),
  chatWith('an answer without its last record, whole', fault('clean_end', { after: 3 }), { stream: false }),
  post(chat, { ...request, options: { num_predict: 500 } }, { name: 'five hundred chunks', ...ok }),
  post(
    v1,
    { ...request, stream: true },
    { name: 'events: an error lost in translation', ...ok, fields: [fault('error_line', { after: 2 })] }
  ),
  post(
    v1,
    { ...request, stream: true },
    { name: 'events: a clean end without [DONE]', ...ok, fields: [fault('clean_end', { after: 2 })] }
  ),
  post(
    v1,
    { ...request, stream: true },
    { name: 'events cut inside a character', ...ok, fields: [fault('split')] }
  ),
  post(
    v1,
    { ...request, stream: true },
    { name: 'events with separators as they are', ...ok, fields: [fault('separators_raw')] }
  )
]
