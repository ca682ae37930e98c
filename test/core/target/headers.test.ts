import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  cleanResponseHeaders,
  forwardHeaders,
  type HeaderField,
  headerValue
} from '../../../core/target/headers.ts'

const kept = [
  ['Content-Type', 'application/json'],
  ['content-length', '17'],
  ['Content-Encoding', 'zstd'],
  ['Accept', '*/*'],
  ['User-Agent', 'ollama-python/0.6.2'],
  ['anthropic-version', '2023-06-01'],
  ['X-Two', 'a'],
  ['x-two', 'b']
]
const dropped = [
  ['Authorization', 'Bearer fm_x'],
  ['Cookie', 'a=b'],
  ['ORIGIN', 'https://evil.example'],
  ['Host', 'gw.example'],
  ['X-Api-Key', 'fm_x'],
  ['Proxy-Authorization', 'Basic x'],
  ['Proxy-Connection', 'keep-alive'],
  ['Foreman-Priority', 'batch'],
  ['foreman-on-disconnect', 'continue'],
  ['Prefer', 'respond-async'],
  ['Expect', '100-continue'],
  ['Accept-Encoding', 'gzip'],
  ['Connection', 'close, X-Private ,Content-Length'],
  ['X-Private', 'of this connection only'],
  ['Keep-Alive', 'timeout=5'],
  ['TE', 'trailers'],
  ['Trailer', 'x'],
  ['Transfer-Encoding', 'chunked'],
  ['Upgrade', 'h2c']
]

test('a client’s fields go on in order and spelling, save those that must not', () => {
  const mixed = kept.flatMap((field, at) => [
    ...(dropped[2 * at] ?? []),
    ...field,
    ...(dropped[2 * at + 1] ?? [])
  ])
  const all = [...mixed, ...dropped.slice(2 * kept.length).flat()]
  assert.equal(all.length, 2 * (kept.length + dropped.length))
  assert.deepEqual(forwardHeaders(all), kept.flat())
})

test('a record of fields is taken too', () => {
  const record = { accept: 'a', 'x-many': ['1', '2'], 'x-none': undefined, host: 'h' }
  assert.deepEqual(forwardHeaders(record), ['accept', 'a', 'x-many', '1', 'x-many', '2'])
  assert.deepEqual(forwardHeaders({}), [])
})

test('an answer loses what belongs to its connection and what only this foreman may say', () => {
  const answer: HeaderField[] = [
    ['Content-Type', 'application/x-ndjson'],
    ['Date', 'Mon, 01 Jan 2029 00:00:00 GMT'],
    ['Content-Length', '2'],
    ['X-Again', '1'],
    ['X-Again', '2']
  ]
  const own: HeaderField[] = [
    ['Transfer-Encoding', 'chunked'],
    ['Connection', 'keep-alive, x-hop'],
    ['X-Hop', '1'],
    ['Keep-Alive', 'timeout=5'],
    ['Proxy-Authenticate', 'Basic'],
    ['Foreman-Job-Id', 'job_of_another']
  ]
  assert.deepEqual(cleanResponseHeaders([...own, ...answer]), answer)
})

test('a field is found in any case, the first one counts', () => {
  const fields: HeaderField[] = [
    ['X-A', '1'],
    ['x-a', '2']
  ]
  assert.equal(headerValue(fields, 'x-a'), '1')
  assert.equal(headerValue(fields, 'x-b'), undefined)
})
