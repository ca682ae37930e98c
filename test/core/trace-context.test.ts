/** Which headers `traceparent` count, as HTTP brings them, and in which lines of the log they are. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { traceOf } from '../../core/trace-context.ts'
import { type SettingsPart, startForeman } from '../helpers/foreman.ts'

const trace = '0af7651916cd43dd8448eb211c80319c'
const parent = 'b7ad6b7169203331'
const ids = `${trace}-${parent}`
const plain = `00-${ids}-01`

/** A server that says what it makes of the headers of a request, sent as they are given: name, value, name, value … */
async function reader(t: TestContext): Promise<(headers: readonly string[]) => Promise<string | undefined>> {
  const server = createServer((received, response) => response.end(JSON.stringify(traceOf(received))))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  return async headers => {
    const asking = request({ port, host: '127.0.0.1', headers: ['host', 'a', ...headers], agent: false })
    const [answer] = await once(asking.end(), 'response')
    return JSON.parse(await text(answer)).traceparent
  }
}

/** What is sent, and what is handed on of it. */
const read: readonly (readonly [sent: string, handedOn: string])[] = [
  [plain, plain],
  [`00-${ids}-00`, `00-${ids}-00`],
  [`00-${ids}-03`, `00-${ids}-03`],
  [`00-${ids}-ff`, `00-${ids}-ff`],
  [`00-${'0'.repeat(31)}1-${'0'.repeat(15)}1-00`, `00-${'0'.repeat(31)}1-${'0'.repeat(15)}1-00`],
  [` \t${plain}\t `, plain],
  // Of later versions: the ids, and whether it was sampled.
  [`01-${ids}-01`, plain],
  [`cc-${ids}-00`, `00-${ids}-00`],
  [`cc-${ids}-02`, `00-${ids}-00`],
  [`fe-${ids}-ff`, plain],
  [`cc-${ids}-01-what-the-future-will-be-like`, plain],
  [`cc-${ids}-01-a, b`, plain],
  [`cc-${ids}-01-`, plain]
]

const unread: readonly (readonly [why: string, sent: string])[] = [
  ['nothing', ''],
  ['another text', 'canary'],
  ['no version', `${ids}-01`],
  ['the version that there is not', `ff-${ids}-01`],
  ['a version that is no number', `.0-${ids}-01`],
  ['a version in capitals', `0A-${ids}-01`],
  ['a long version', `000-${ids}-01`],
  ['a short version', `0-${ids}-01`],
  ['a trace of zeros', `00-${'0'.repeat(32)}-${parent}-01`],
  ['a trace of zeros in a later version', `01-${'0'.repeat(32)}-${parent}-01`],
  ['a trace in capitals', `00-${trace.toUpperCase()}-${parent}-01`],
  ['a trace that is no number', `00-.${trace.slice(1)}-${parent}-01`],
  ['a long trace', `00-${trace}0-${parent}-01`],
  ['a short trace', `00-${trace.slice(1)}-${parent}-01`],
  ['a parent of zeros', `00-${trace}-${'0'.repeat(16)}-01`],
  ['a parent in capitals', `00-${trace}-${parent.toUpperCase()}-01`],
  ['a parent that is no number', `00-${trace}-${parent.slice(1)}.-01`],
  ['a long parent', `00-${trace}-${parent}0-01`],
  ['a short parent', `00-${trace}-${parent.slice(1)}-01`],
  ['flags in capitals', `00-${ids}-0A`],
  ['flags that are no number', `00-${ids}-.0`],
  ['long flags', `00-${ids}-001`],
  ['long flags of a later version', `01-${ids}-001`],
  ['short flags', `00-${ids}-1`],
  ['short flags of a later version, and more', `01-${ids}-1-more`],
  ['no flags', `00-${ids}`],
  ['no flags of a later version', `01-${ids}-`],
  ['more than version 00 has', `00-${ids}-01-more`],
  ['nothing more than a dash in version 00', `00-${ids}-01-`],
  ['more behind another mark', `01-${ids}-01.more`],
  ['other marks between', plain.replaceAll('-', '_')],
  ['something before it', `x ${plain}`]
]

test('a traceparent is handed on as it came, a later version as version 00', async t => {
  const ask = await reader(t)
  for (const [sent, handedOn] of read) assert.equal(await ask(['traceparent', sent]), handedOn, sent)
  assert.equal(await ask(['TraceParent', plain]), plain)
})

test('whatever breaks a rule of the standard counts as absent', async t => {
  const ask = await reader(t)
  for (const [why, sent] of unread) assert.equal(await ask(['traceparent', sent]), undefined, why)
  assert.equal(await ask([]), undefined)
})

test('of several headers none counts, whatever they say', async t => {
  const ask = await reader(t)
  const other = `00-${trace}-00f067aa0ba902b7-00`
  const later = `01-${ids}-01-more`
  for (const several of [
    [plain, other],
    [plain, plain],
    [plain, ''],
    ['', plain],
    [later, other],
    [later, later]
  ]) {
    const headers = several.flatMap(value => ['traceparent', value])
    assert.equal(await ask(headers), undefined, String(several))
  }
})

type Line = Readonly<Record<string, unknown>>

/** A foreman without a target, and all that it logs. */
async function start(t: TestContext, settings: SettingsPart = {}): Promise<{ url: string; lines: Line[] }> {
  const lines: Line[] = []
  const stream = new Writable({
    write(line, _encoding, done) {
      lines.push(JSON.parse(line))
      done()
    }
  })
  const target = 'http://127.0.0.1:9'
  const { url } = await startForeman(t, { target, settings }, { logger: { level: 'trace', stream } })
  return { url, lines }
}

/** Requests that the log tells of, with the line. */
const told: readonly (readonly [path: string, msg: string, init?: RequestInit])[] = [
  ['/nowhere', 'request refused'],
  ['/%zz', 'request refused'],
  ['/jobs/job_none', 'request refused'],
  [
    '/jobs',
    'request refused',
    { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{' }
  ],
  ['/api/generate', 'request refused', { method: 'POST', body: '{"model":"a:cloud"}' }],
  ['/v1/chat/completions', 'request refused', { method: 'POST', body: '{"model":"a:cloud"}' }],
  ['/api/version', 'a call could not be forwarded']
]

test('the lines of a request have its trace beside its id, on every route', async t => {
  const { url, lines } = await start(t)
  for (const [path, msg, init] of told) {
    const ask = async (headers: object) => {
      const before = lines.length
      await (await fetch(url + path, { ...init, headers: { ...init?.headers, ...headers } })).text()
      return lines.slice(before).find(line => line.msg === msg)
    }
    const traced = await ask({ traceparent: `01-${ids}-01-canary` })
    assert.deepEqual([traced?.traceparent, typeof traced?.reqId], [plain, 'string'], path)
    for (const headers of [{}, { traceparent: `canary ${plain}` }, { tracestate: 'canary=1' }]) {
      const line = await ask(headers)
      assert.equal(typeof line?.reqId, 'string', path)
      assert.equal('traceparent' in line!, false, path)
    }
  }
  assert.ok(!JSON.stringify(lines).includes('canary'), 'nothing else of the headers')
})

test('so has the line of a request whose body came too slowly', async t => {
  const limits = { body_min_bytes_per_s: 1000, body_grace_s: 0.1 }
  const { url, lines } = await start(t, { limits })
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  t.after(() => socket.destroy())
  const fields = [
    'Host: localhost',
    'Content-Type: application/json',
    'Content-Length: 9',
    `traceparent: ${plain}`
  ]
  socket.write(`POST /jobs HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`)
  assert.match(await text(socket), /^HTTP\/1\.1 408 /)
  const line = lines.find(({ code }) => code === 'request_timeout')
  assert.deepEqual([line?.traceparent, typeof line?.reqId], [plain, 'string'])
})
