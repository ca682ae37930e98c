import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { setTimeout as after } from 'node:timers/promises'
import type { CallOptions, TargetErrorKind } from '../../../core/target/client.ts'
import { collect, startClient, startHttp, startTcp, unusedUrl } from './servers.ts'

const worker: CallOptions = { lane: 'worker' }
const post = { method: 'POST', path: '/api/chat', body: Buffer.from('{"model":"m"}') }
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'

const rejects = (call: Promise<void>, kind: TargetErrorKind) =>
  assert.rejects(call, { name: 'TargetError', kind })

test('a port on which nothing listens is refused', async t => {
  const client = startClient(t, await unusedUrl())
  await rejects(client.call(post, collect(), worker), 'refused')
})

test('a name that does not resolve is refused', async t => {
  const client = startClient(t, 'http://foreman-test.invalid:1')
  await rejects(client.call(post, collect(), worker), 'refused')
})

test('a connection that is not made within connectTimeoutMs is refused', async t => {
  // TLS against a server that never says a word: the handshake is part of connecting.
  const url = await startTcp(t, () => {})
  const client = startClient(t, url.replace('http:', 'https:'), { connectTimeoutMs: 30 })
  await assert.rejects(client.call(post, collect(), worker), { kind: 'refused', message: /within 30 ms/ })
})

test('a server without TLS behind an https url is refused', async t => {
  const url = await startTcp(t, socket => socket.on('data', () => socket.end(OK)))
  const client = startClient(t, url.replace('http:', 'https:'))
  await rejects(client.call(post, collect(), worker), 'refused')
})

const faults: { what: string; kind: TargetErrorKind; act: (socket: Socket) => void }[] = [
  { what: 'closes without a word', kind: 'reset', act: socket => socket.end() },
  { what: 'resets without a word', kind: 'reset', act: socket => socket.resetAndDestroy() },
  { what: 'closes inside the head', kind: 'reset', act: socket => socket.end('HTTP/1.1 200 OK\r\nX-') },
  { what: 'closes after the head', kind: 'truncated', act: socket => socket.end(CHUNKED) },
  { what: 'closes inside a chunk', kind: 'truncated', act: socket => socket.end(`${CHUNKED}a\r\n0123`) },
  {
    what: 'closes before the last chunk',
    kind: 'truncated',
    act: socket => socket.end(`${CHUNKED}2\r\nok\r\n`)
  },
  {
    what: 'closes short of its Content-Length',
    kind: 'truncated',
    act: socket => socket.end(OK.slice(0, -1))
  },
  {
    what: 'closes a chunked answer that said Connection: close',
    kind: 'truncated',
    act: socket => socket.end(`${CHUNKED.slice(0, -2)}Connection: close\r\n\r\n2\r\nok\r\n`)
  },
  {
    what: 'falls short of its Content-Length and said Connection: close',
    kind: 'truncated',
    act: socket => socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nok')
  },
  { what: 'does not speak HTTP', kind: 'protocol', act: socket => socket.write('SSH-2.0-OpenSSH_9.6\r\n') },
  {
    what: 'writes a chunk size that is none',
    kind: 'protocol',
    act: socket => socket.write(`${CHUNKED}zz\r\n`)
  },
  {
    what: 'sends a head without end',
    kind: 'protocol',
    act: socket => socket.write(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}`)
  }
]

for (const { what, kind, act } of faults) {
  test(`a target that ${what} is told as ${kind}, and the next call is served`, async t => {
    const url = await startTcp(t, (socket, number) => {
      socket.once('data', () => (number === 1 ? act(socket) : socket.end(OK)))
    })
    const client = startClient(t, url)
    await rejects(client.call(post, collect(), worker), kind)
    const handler = collect()
    await client.call(post, handler, worker)
    assert.deepEqual(handler.received.chunks, ['ok'])
  })
}

test('a reset in the middle of an answer is truncated, what came before is handed on', async t => {
  const cut = Promise.withResolvers<void>()
  const url = await startTcp(t, socket => {
    socket.once('data', () => socket.write(`${CHUNKED}2\r\nok\r\n`))
    cut.promise.then(() => socket.resetAndDestroy())
  })
  const handler = collect(() => cut.resolve())
  await rejects(startClient(t, url).call(post, handler, worker), 'truncated')
  assert.deepEqual(handler.received.chunks, ['ok'])
})

test('a kept connection that dies as the next request arrives costs the caller nothing', async t => {
  const requests: number[] = []
  const url = await startTcp(t, (socket, number) => {
    let count = 0
    socket.on('data', () => {
      requests.push(number)
      count += 1
      if (number === 1 && count === 2) socket.resetAndDestroy()
      else socket.write(OK)
    })
  })
  const client = startClient(t, url)
  await client.call(post, collect(), worker)
  const handler = collect()
  await client.call(post, handler, worker)
  assert.deepEqual(handler.received.chunks, ['ok'])
  assert.deepEqual(requests, [1, 1, 2])
})

test('a kept connection that was closed in between is not written to', async t => {
  const requests: number[] = []
  const url = await startTcp(t, (socket, number) => {
    socket.once('data', () => {
      requests.push(number)
      socket.write(OK, () => number === 1 && socket.end())
    })
  })
  const client = startClient(t, url)
  await client.call(post, collect(), worker)
  await client.call(post, collect(), worker)
  assert.deepEqual(requests, [1, 2])
})

test('the second sending is the last: a target that keeps dying is reset', async t => {
  let requests = 0
  const url = await startTcp(t, (socket, number) => {
    let count = 0
    socket.on('data', () => {
      requests += 1
      if (number === 1 && ++count === 1) socket.write(OK)
      else socket.resetAndDestroy()
    })
  })
  const client = startClient(t, url)
  await client.call(post, collect(), worker)
  await rejects(client.call(post, collect(), worker), 'reset')
  assert.equal(requests, 3)
})

test('a run that dies later on a kept connection is not sent again', async t => {
  let requests = 0
  const url = await startTcp(t, socket => {
    socket.on('data', async () => {
      requests += 1
      if (requests === 1) return socket.write(OK)
      // Longer than a stale connection takes to show: this one was a run.
      await after(1_100)
      return socket.destroy()
    })
  })
  const client = startClient(t, url)
  await client.call(post, collect(), worker)
  await rejects(client.call(post, collect(), worker), 'reset')
  assert.equal(requests, 2)
})

test('a stream cannot be sent again', async t => {
  let requests = 0
  const url = await startTcp(t, socket => {
    socket.on('data', () => (++requests === 1 ? socket.write(OK) : socket.resetAndDestroy()))
  })
  const client = startClient(t, url)
  await client.call(post, collect(), worker)
  const streamed = { ...post, body: Readable.from([Buffer.from('{}')]) }
  await rejects(client.call(streamed, collect(), worker), 'reset')
})

test('an aborted call has closed its connection when it settles', async t => {
  let isClosed = false
  const watch = (message: unknown) => {
    ;(message as { socket: Socket }).socket.once('close', () => {
      isClosed = true
    })
  }
  subscribe('net.client.socket', watch)
  t.after(() => unsubscribe('net.client.socket', watch))
  const url = await startTcp(t, socket => socket.once('data', () => socket.write(`${CHUNKED}2\r\nok\r\n`)))
  const stop = new AbortController()
  const options: CallOptions = { lane: 'worker', signal: stop.signal }
  const call = startClient(t, url).call(
    post,
    collect(() => stop.abort()),
    options
  )
  assert.equal(await call.catch(() => isClosed), true)
})

test('the next call on the lane starts only after the aborted one has left the target', async t => {
  const events: string[] = []
  const url = await startTcp(t, (socket, number) => {
    events.push(`open ${number}`)
    socket.once('data', () => socket.write(number % 2 === 1 ? `${CHUNKED}2\r\nok\r\n` : OK))
    socket.on('end', () => events.push(`closed ${number}`))
    socket.on('error', () => events.push(`closed ${number}`))
  })
  for (let round = 0; round < 10; round++) {
    const client = startClient(t, url)
    const stop = new AbortController()
    await rejects(
      client.call(
        post,
        collect(() => stop.abort()),
        { lane: 'worker', signal: stop.signal }
      ),
      'aborted'
    )
    await client.call(post, collect(), worker)
    await client.close()
  }
  const own = (number: number) => events.filter(event => event.endsWith(` ${number}`))
  for (let number = 1; number < 20; number += 2) {
    assert.deepEqual(own(number), [`open ${number}`, `closed ${number}`])
    assert.ok(events.indexOf(`closed ${number}`) < events.indexOf(`open ${number + 1}`), events.join())
  }
})

test('an abort while the answer is held back closes the connection too', async t => {
  const gone = Promise.withResolvers<void>()
  const url = await startTcp(t, socket => {
    socket.once('data', () => socket.write(`${CHUNKED}${'2\r\nok\r\n'.repeat(100)}`))
    socket.on('close', () => gone.resolve())
  })
  const stop = new AbortController()
  const handler = {
    head: (_status: number, _headers: unknown, flow: { pause(): void }) => {
      flow.pause()
      setImmediate(() => stop.abort())
    },
    data: () => assert.fail('data came through the pause')
  }
  await rejects(startClient(t, url).call(post, handler, { lane: 'worker', signal: stop.signal }), 'aborted')
  await gone.promise
})

test('an abort before the head ends the run on the target', async t => {
  const arrived = Promise.withResolvers<Socket>()
  const url = await startHttp(t, req => arrived.resolve(req.socket))
  const stop = new AbortController()
  const call = startClient(t, url).call(post, collect(), { lane: 'worker', signal: stop.signal })
  const socket = await arrived.promise
  stop.abort(new Error('client left'))
  await Promise.all([
    once(socket, 'close'),
    assert.rejects(call, { kind: 'aborted', message: /client left/, cause: stop.signal.reason })
  ])
})

test('an abort while the connection is being made does not wait for it', { timeout: 30_000 }, async t => {
  const connected = Promise.withResolvers<Socket>()
  const url = await startTcp(t, socket => connected.resolve(socket))
  const client = startClient(t, url.replace('http:', 'https:'), { connectTimeoutMs: 60_000 })
  const stop = new AbortController()
  const call = client.call(post, collect(), { lane: 'worker', signal: stop.signal })
  const socket = await connected.promise
  stop.abort()
  await Promise.all([rejects(call, 'aborted'), once(socket, 'close')])
})

test('a call whose signal is already aborted sends nothing', async t => {
  const url = await startTcp(t, () => assert.fail('a connection was made'))
  await rejects(
    startClient(t, url).call(post, collect(), { lane: 'worker', signal: AbortSignal.abort() }),
    'aborted'
  )
})

test('destroy breaks off a connection that is being made', { timeout: 30_000 }, async t => {
  const connected = Promise.withResolvers<Socket>()
  // The first bytes of the handshake: TCP stands, TLS does not.
  const url = await startTcp(t, socket => socket.once('data', () => connected.resolve(socket)))
  const client = startClient(t, url.replace('http:', 'https:'), { connectTimeoutMs: 60_000 })
  const failed = rejects(client.call(post, collect(), worker), 'aborted')
  const socket = await connected.promise
  await Promise.all([client.destroy(), once(socket, 'close'), failed])
})

test('an exception of the handler ends the call as aborted, with the exception as cause', async t => {
  const url = await startHttp(t, (_req, res) => res.end('data'))
  const failure = new Error('handler broke')
  const handler = collect(() => {
    throw failure
  })
  await assert.rejects(startClient(t, url).call(post, handler, worker), { kind: 'aborted', cause: failure })
})

test('a request body that fails half way ends the call as aborted', async t => {
  const url = await startHttp(t, req => req.resume())
  async function* broken() {
    yield Buffer.from('{')
    throw new Error('upload cut')
  }
  const request = { ...post, headers: ['content-length', '100'], body: Readable.from(broken()) }
  await assert.rejects(startClient(t, url).call(request, collect(), worker), {
    kind: 'aborted',
    message: /upload cut/
  })
})

test('a path that cannot be sent is told as protocol', async t => {
  const client = startClient(t, await unusedUrl())
  await rejects(client.call({ method: 'GET', path: '/a b' }, collect(), worker), 'protocol')
})
