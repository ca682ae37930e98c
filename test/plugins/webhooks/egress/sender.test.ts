/** What becomes of an event at receivers that answer, well or badly: real sockets, receivers that do the worst. */
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { errors } from 'undici'
import { holdTimers } from '../../../helpers/held-timers.ts'
import { startFarm } from '../../../receiver-farm/start.ts'
import { answer, post, receiver, says, sendTo, startSender } from './stage.ts'

/** How long the body of an answer may take. */
const bodyMs = 2000
const asleep = new Int32Array(new SharedArrayBuffer(4))

test('a delivery is one POST over HTTP/1.1 with the headers and the body it was given', async t => {
  let seen = ''
  const { answer: got } = await sendTo(t, (socket, text) => {
    seen += text
    if (seen.endsWith('{}')) socket.write(answer(200, 'thanks'))
  })
  assert.equal(got.outcome, '2xx')
  assert.equal(got.status, 200)
  assert.equal(got.error, null)
  assert.equal(got.address, '127.0.0.1')
  assert.equal(got.response.toString(), 'thanks')
  assert.match(seen, /^POST \/hook HTTP\/1\.1\r\n/)
  assert.match(seen, /\r\nuser-agent: Foreman-Webhooks\/test\r\n/)
  assert.match(seen, /\r\ncontent-type: application\/json\r\n/)
  assert.match(seen, /\r\ncontent-length: 2\r\n/)
  assert.doesNotMatch(seen, /accept-encoding/i)
})

const statuses: [status: number, outcome: string][] = [
  ...([200, 201, 202, 204, 299].map(status => [status, '2xx']) as [number, string][]),
  ...([300, 301, 302, 304, 307, 308].map(status => [status, '3xx']) as [number, string][]),
  ...([400, 401, 404, 413, 451, 499].map(status => [status, '4xx']) as [number, string][]),
  [410, '410'],
  [429, '429'],
  ...([500, 502, 503, 504, 599, 600, 999].map(status => [status, '5xx']) as [number, string][])
]

test('each status has its outcome, and every one but 2xx its words', async t => {
  for (const [status, outcome] of statuses) {
    const { answer: got } = await sendTo(t, says(answer(status)))
    assert.equal(got.outcome, outcome, `${status}`)
    assert.equal(got.status, status)
    assert.equal(got.error, outcome === '2xx' ? null : `answered ${status}`)
  }
})

test('a redirect is a failure that shows where it led, without its query, and is not followed', async t => {
  const inner = await receiver(t, says(answer(200)))
  const location = `http://u:p@127.0.0.1:${inner.port}/admin?token=secret#part`
  const allow = [`127.0.0.1/32:${inner.port}`]
  const outer = await receiver(t, says(answer(302, '', [`location: ${location}`])))
  const sender = startSender(t, { allow: [...allow, `127.0.0.1/32:${outer.port}`] })
  const got = await post(sender, `http://127.0.0.1:${outer.port}/hook`)
  assert.equal(got.outcome, '3xx')
  assert.equal(got.location, `http://127.0.0.1:${inner.port}/admin`)
  assert.equal(inner.count, 0)
})

test('a relative redirect is shown as the URL it means, and one that means none as none', async t => {
  const { answer: got, to } = await sendTo(t, says(answer(301, '', ['location: ../new/?a=b'])))
  assert.equal(got.location, `http://127.0.0.1:${to.port}/new/`)
  const { answer: odd } = await sendTo(t, says(answer(301, '', ['location: http://['])))
  assert.equal(odd.location, null)
})

test('Retry-After is read from 429 and 503, up to one hour', async t => {
  const asked = async (status: number, header: string) =>
    (await sendTo(t, says(answer(status, '', [header])))).answer.retryAfterMs
  assert.equal(await asked(429, 'retry-after: 7'), 7000)
  assert.equal(await asked(503, 'Retry-After: 0'), 0)
  assert.equal(await asked(503, 'retry-after: 999999999999999999999'), 3_600_000)
  assert.equal(await asked(503, 'retry-after: Sun, 06 Nov 1994 08:49:37 GMT'), 0)
  assert.equal(await asked(503, 'retry-after: Fri, 31 Dec 2100 23:59:59 GMT'), 3_600_000)
  assert.equal(await asked(429, 'retry-after: soon'), null)
  assert.equal(await asked(429, 'retry-after: -5'), null)
  assert.equal(await asked(429, 'x: y'), null)
  assert.equal(await asked(500, 'retry-after: 7'), null)
})

test('a body of 1 GB costs the first 4 KiB of it, and the connection', async t => {
  let written = 0
  const piece = Buffer.alloc(64 * 1024, 'x')
  const { answer: got, to } = await sendTo(t, socket => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n')
    const pour = () => {
      while (!socket.destroyed && socket.write(piece)) written += piece.length
      written += piece.length
    }
    socket.on('drain', pour)
    pour()
  })
  assert.equal(got.outcome, '2xx')
  assert.equal(got.response.length, 4096)
  await to.allClosed()
  assert.ok(written < 20_000_000, `${written} bytes were taken`)
})

test('a body that is compressed is kept as it came', async t => {
  const bomb = gzipSync(Buffer.alloc(3_000_000))
  const { answer: got } = await sendTo(t, socket => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`)
    socket.write(bomb)
  })
  assert.equal(got.outcome, '2xx')
  assert.deepEqual(got.response, bomb.subarray(0, 4096))
})

test('a body that is cut off counts as much as a whole one', async t => {
  const { answer: got } = await sendTo(t, socket => {
    socket.end('HTTP/1.1 500 No\r\ncontent-length: 100\r\n\r\nhalf')
  })
  assert.equal(got.outcome, '5xx')
  assert.equal(got.response.toString(), 'half')
})

const garbage: [name: string, bytes: string][] = [
  ['the hello of another protocol', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ['zeros', '\0'.repeat(2000)],
  ['a status that is none', 'HTTP/1.1 abc\r\n\r\n'],
  ['another version', 'HTTP/9.9 200 OK\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'],
  ['leave to go on that was not asked for', 'HTTP/1.1 100 Continue\r\n\r\n'],
  ['another protocol from here on', 'HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'],
  ['interim answers without end', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(500)]
]

test('garbage is no answer', async t => {
  for (const [name, bytes] of garbage) {
    const { answer: got } = await sendTo(t, says(bytes))
    assert.equal(got.outcome, 'connect', name)
    assert.equal(got.error, 'no HTTP answer', name)
    assert.equal(got.status, null)
  }
})

test('a head without end is not read to its end', async t => {
  const { answer: got } = await sendTo(t, socket => {
    socket.write(`HTTP/1.1 200 OK\r\n${`x-a: ${'y'.repeat(1000)}\r\n`.repeat(100)}`)
  })
  assert.equal(got.outcome, 'connect')
  assert.equal(got.error, 'answer too large')
})

test('of a head without end little is looked at once it is too long', async t => {
  // undici makes one of these for each line that is too many, and this is the first thing that it sets.
  let made = 0
  Object.defineProperty(errors.HeadersOverflowError.prototype, 'name', {
    configurable: true,
    set: () => made++
  })
  t.after(() => Reflect.deleteProperty(errors.HeadersOverflowError.prototype, 'name'))
  await sendTo(t, socket => {
    socket.write(`HTTP/1.1 200 OK\r\n${'x-a: y\r\n'.repeat(20_000)}`)
  })
  assert.ok(made > 0 && made < 1000, `${made}`)
})

test('floods of what is neither head nor body are cut for what they are, not for their time', async t => {
  const most = 20_000_000
  const body = holdTimers(t, bodyMs)
  const floods = {
    'empty lines before the head': ['', '\r\n'],
    'an extension of a chunk': ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;', 'a']
  }
  for (const [name, [head, piece]] of Object.entries(floods)) {
    let written = 0
    const { answer: got, to } = await sendTo(t, socket => {
      socket.write(head!)
      const bytes = Buffer.alloc(16 * 1024, piece)
      const pour = () => {
        while (!socket.destroyed && socket.write(bytes)) written += bytes.length
        if (written >= most) socket.end()
      }
      socket.on('drain', pour)
      pour()
    })
    assert.equal(got.error, head === '' ? 'answer too large' : null, name)
    await to.allClosed()
    assert.ok(written < most, `${name}: ${written} bytes were taken`)
  }
  assert.equal(body.overdue, 0)
})

test('a connection that is reset or closed before an answer is one that failed', async t => {
  const { answer: reset } = await sendTo(t, socket => void socket.resetAndDestroy())
  assert.equal(reset.outcome, 'connect')
  assert.equal(reset.error, 'connection closed')
  assert.equal(reset.address, '127.0.0.1')
  const { answer: closed } = await sendTo(t, socket => void socket.destroy())
  assert.equal(closed.error, 'connection closed')
})

test('a receiver that resets each connection at once is gone, not forbidden', async t => {
  // A process of its own, and a while in which this one does nothing: the reset is there before the connection is looked at.
  const farm = await startFarm(t)
  const hold = (message: unknown) =>
    (message as { socket: Socket }).socket.once('connect', () => Atomics.wait(asleep, 0, 0, 20))
  subscribe('net.client.socket', hold)
  t.after(() => unsubscribe('net.client.socket', hold))
  const sender = startSender(t, { allow: farm.allow })
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => post(sender, farm.url('resetting_at_once')))
  )
  assert.deepEqual(new Set(answers.map(({ outcome }) => outcome)), new Set(['connect']))
})

test('where nobody listens, the connection is refused', async t => {
  const sender = startSender(t, { allow: ['127.0.0.1/32:1'] })
  const got = await post(sender, 'http://127.0.0.1:1/hook')
  assert.equal(got.outcome, 'connect')
  assert.equal(got.error, 'connection refused')
  assert.equal(got.address, null)
})

test('a header that cannot be sent is a failed attempt, not an exception', async t => {
  const to = await receiver(t, says(answer(200)))
  const sender = startSender(t, { allow: [`127.0.0.1/32:${to.port}`] })
  const url = `http://127.0.0.1:${to.port}/`
  const got = await sender.send({ url, headers: { 'x-bad': 'a\r\nb' }, body: '{}' })
  assert.equal(got.outcome, 'connect')
  assert.equal(to.count, 0)
})

test('what is stopped from outside ends as stopped, and so does what is in flight at the close', async t => {
  const to = await receiver(t, () => {})
  const sender = startSender(t, { allow: [`127.0.0.1/32:${to.port}`] })
  const url = `http://127.0.0.1:${to.port}/`
  const stop = new AbortController()
  const stopped = post(sender, url, stop.signal)
  stop.abort()
  assert.equal((await stopped).error, 'stopped')
  assert.equal((await post(sender, url, stop.signal)).error, 'stopped', 'also where it had stopped before')

  const cut = post(sender, url)
  await sender.close()
  const got = await cut
  assert.equal(got.outcome, 'timeout')
  assert.equal(got.error, 'stopped')
  assert.equal((await post(sender, url)).error, 'stopped')
  assert.equal(sender.connections, 0)
})
