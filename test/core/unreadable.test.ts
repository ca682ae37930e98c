import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { startForeman } from '../helpers/foreman.ts'
import { startRig } from '../strength/support/rig.ts'

/** Sends bytes and nothing more, and reads all that comes until foreman hangs up. */
async function told(url: string, bytes: string): Promise<{ status: string; head: string; body: string }> {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', allowHalfOpen: true })
  socket.end(bytes)
  const [head, body] = (await text(socket)).split('\r\n\r\n', 2)
  socket.destroy()
  return { status: head!.split(' ')[1]!, head: head!, body: body! }
}

async function start(t: TestContext): Promise<string> {
  return (await startForeman(t, { target: 'http://127.0.0.1:9' })).url
}

const cases = {
  'no HTTP at all': ['hello?\r\n\r\n', 400],
  'a head without an end': ['GET /jobs HTTP/1.1\r\nHost: localhost\r\n', 400],
  'a body that is cut off': [
    'POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{}',
    400
  ],
  'a body of two lengths': [
    'POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}',
    400
  ],
  'a head of 20 kB': [`GET /jobs HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431]
} as const

for (const [name, [bytes, status]] of Object.entries(cases)) {
  test(`${name} is refused with a problem document`, async t => {
    const answer = await told(await start(t), bytes)
    assert.equal(answer.status, String(status), answer.head)
    assert.match(answer.head, /content-type: application\/problem\+json/)
    assert.match(answer.head, /foreman-error-code: bad_request/)
    const problem = JSON.parse(answer.body)
    assert.deepEqual([problem.status, problem.code], [status, 'bad_request'])
    assert.match(problem.request_id, /^req_/)
  })
}

test('garbage behind a request does not get into the answer that is on its way', async t => {
  const { url } = await startRig(t, { token_delay_ms: 50, token_count: 4 })
  const body = JSON.stringify({ model: 'alpha', messages: [{ role: 'user', content: 'hello' }] })
  const { port } = new URL(url)
  const socket = connect(Number(port), '127.0.0.1')
  t.after(() => socket.destroy())
  socket.write(`POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  const [first] = (await once(socket, 'data')) as [Buffer]
  socket.write('hello?\r\n\r\n')
  const all = String(first) + (await text(socket))
  assert.equal(all.match(/HTTP\/1\.1/g)?.length, 1, all)
})
