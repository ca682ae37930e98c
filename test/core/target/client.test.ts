import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { setImmediate, setTimeout } from 'node:timers/promises'
import type { CallOptions } from '../../../core/target/client.ts'
import { collect, startClient, startHttp, startTcp } from './servers.ts'

const worker: CallOptions = { lane: 'worker' }
const shared: CallOptions = { lane: 'shared' }
const post = (body: string) => ({ method: 'POST', path: '/api/chat', body: Buffer.from(body) })

test('a request arrives with its path, body and fields, and the answer with status, fields and body', async t => {
  let seen: IncomingMessage | undefined
  let body = ''
  const url = await startHttp(t, async (req, res) => {
    seen = req
    body = await text(req)
    res.writeHead(418, { 'Content-Type': 'application/json', 'X-Two': ['a', 'b'] }).end('{"error":"teapot"}')
  })
  const client = startClient(t, url)
  const handler = collect()
  const headers = [
    'Content-Type',
    'text/x',
    'Content-Length',
    '999',
    'Authorization',
    'Bearer fm_1',
    'Host',
    'gw'
  ]
  await client.call({ ...post('{"model":"é"}'), path: '/api/chat?x=1', headers }, handler, worker)

  assert.equal(seen?.method, 'POST')
  assert.equal(seen?.url, '/api/chat?x=1')
  assert.equal(body, '{"model":"é"}')
  assert.equal(seen?.headers.host, new URL(url).host)
  assert.equal(seen?.headers['content-type'], 'text/x')
  assert.equal(seen?.headers['content-length'], String(Buffer.byteLength(body)))
  assert.equal(seen?.headers.authorization, undefined)
  assert.equal(handler.received.status, 418)
  assert.deepEqual(handler.received.chunks, ['{"error":"teapot"}'])
  const twos = handler.received.headers.filter(([name]) => name === 'X-Two')
  assert.deepEqual(twos, [
    ['X-Two', 'a'],
    ['X-Two', 'b']
  ])
})

test('the base path of the url is kept and foreman’s own token is sent', async t => {
  let seen: IncomingMessage | undefined
  const url = await startHttp(t, (req, res) => {
    seen = req
    res.end()
  })
  const client = startClient(t, `${url}/ollama/`, { token: 'secret' })
  await client.call(
    { method: 'GET', path: '/api/tags', headers: { authorization: 'Bearer client' } },
    collect(),
    shared
  )
  assert.equal(seen?.url, '/ollama/api/tags')
  assert.equal(seen?.headers.authorization, 'Bearer secret')
})

test('chunks of the answer keep their boundaries and arrive while the answer is still open', async t => {
  const lines = ['{"n":1}\n', '{"n":2}\n', '{"n":3}\n']
  const url = await startTcp(t, socket => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
      // Two chunks in one packet, to be told apart; the third only after the first two were seen.
      socket.write(lines.slice(0, 2).map(frame).join(''))
    })
    last = () => socket.write(`${frame(lines[2]!)}0\r\n\r\n`)
  })
  let last = () => {}
  const client = startClient(t, url)
  const handler = collect(chunk => chunk === lines[1] && last())
  await client.call(post('{}'), handler, worker)
  assert.deepEqual(handler.received.chunks, lines)
})

test('a part of a chunk is handed on without waiting for the rest', async t => {
  let rest = () => {}
  const url = await startTcp(t, socket => {
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n01234'))
    rest = () => socket.write('56789\r\n0\r\n\r\n')
  })
  const handler = collect(chunk => chunk === '01234' && rest())
  await startClient(t, url).call(post('{}'), handler, worker)
  assert.deepEqual(handler.received.chunks, ['01234', '56789'])
})

test('pause holds a large answer back until resume', async t => {
  const size = 8 * 1024 * 1024
  let drained = false
  const url = await startHttp(t, (_req, res) => {
    res.write('start')
    if (!res.write(Buffer.alloc(size))) res.once('drain', () => (drained = true))
    res.end()
  })
  let bytes = 0
  let resume = () => {}
  const paused = Promise.withResolvers<void>()
  const done = startClient(t, url).call(
    { method: 'GET', path: '/' },
    {
      head: (_status, _headers, flow) => {
        flow.pause()
        resume = () => flow.resume()
        paused.resolve()
      },
      data: chunk => {
        bytes += chunk.length
      }
    },
    shared
  )
  await paused.promise
  // A whole exchange with another server in between: plenty of turns in which data would have come.
  const other = await startHttp(t, (_req, res) => res.end('x'.repeat(1_000_000)))
  await once(get(other), 'response').then(([res]) => text(res))
  assert.equal(bytes, 0)
  assert.equal(drained, false)
  resume()
  await done
  assert.equal(bytes, size + 5)
})

test('an interim answer is not taken for the head', async t => {
  const url = await startHttp(t, (_req, res) => {
    res.writeEarlyHints({ link: '</x>; rel=preload' })
    res.writeHead(200).end('ok')
  })
  const handler = collect()
  await startClient(t, url).call({ method: 'GET', path: '/' }, handler, shared)
  assert.equal(handler.received.status, 200)
})

test('HEAD has a head and no data', async t => {
  const url = await startHttp(t, (_req, res) => res.writeHead(200, { 'content-length': 17 }).end())
  const handler = collect()
  await startClient(t, url).call({ method: 'HEAD', path: '/' }, handler, shared)
  assert.deepEqual(handler.received.chunks, [])
  assert.ok(handler.received.headers.some(([name, value]) => name === 'content-length' && value === '17'))
})

test('DELETE carries a body', async t => {
  let body = ''
  const url = await startHttp(t, async (req, res) => {
    body = await text(req)
    res.end()
  })
  const request = { method: 'DELETE', path: '/api/delete', body: Buffer.from('{"model":"m"}') }
  await startClient(t, url).call(request, collect(), shared)
  assert.equal(body, '{"model":"m"}')
})

test('a stream is sent with the length its fields give, and chunked without', async t => {
  const framings: (string | undefined)[] = []
  const url = await startHttp(t, async (req, res) => {
    framings.push(req.headers['content-length'] ?? req.headers['transfer-encoding'])
    res.end(await text(req))
  })
  const client = startClient(t, url)
  const send = async (headers: string[]) => {
    const handler = collect()
    const body = Readable.from(parts())
    await client.call({ method: 'POST', path: '/api/blobs/x', headers, body }, handler, shared)
    return handler.received.chunks.join('')
  }
  assert.equal(await send(['Content-Length', '5']), '12345')
  assert.equal(await send([]), '12345')
  assert.deepEqual(framings, ['5', 'chunked'])
})

test('a kept connection is used again', async t => {
  let connections = 0
  const url = await startTcp(t, (socket, number) => {
    connections = number
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
  })
  const client = startClient(t, url)
  for (const lane of ['worker', 'worker', 'shared', 'shared'] as const) {
    await client.call(post('{}'), collect(), { lane })
  }
  assert.equal(connections, 2, 'one for each lane')
})

test('the worker lane runs one call at a time, the shared lane as many as come', async t => {
  let open = 0
  const peaks = { worker: 0, shared: 0 }
  let lane: keyof typeof peaks = 'worker'
  const held: (() => void)[] = []
  const url = await startHttp(t, (_req, res) => {
    peaks[lane] = Math.max(peaks[lane], ++open)
    const answer = () => {
      open -= 1
      res.end()
    }
    // Slow enough for a second call to come in, if one did.
    if (lane === 'worker') setTimeout(5).then(answer)
    else if (held.push(answer) === 3) for (const each of held) each()
  })
  const client = startClient(t, url)
  const three = () => Promise.all([1, 2, 3].map(() => client.call(post('{}'), collect(), { lane })))
  await three()
  lane = 'shared'
  await three()
  assert.deepEqual(peaks, { worker: 1, shared: 3 })
})

test('close lets the call in progress end and takes no new one', async t => {
  let answer = () => {}
  const arrived = Promise.withResolvers<void>()
  const url = await startHttp(t, (_req, res) => {
    answer = () => res.end('late')
    arrived.resolve()
  })
  const client = startClient(t, url)
  const handler = collect()
  const call = client.call(post('{}'), handler, worker)
  await arrived.promise
  const closed = client.close()
  await assert.rejects(client.call(post('{}'), collect(), shared), { name: 'TargetError', kind: 'aborted' })
  answer()
  await Promise.all([call, closed])
  assert.deepEqual(handler.received.chunks, ['late'])
})

test('destroy ends the call in progress as aborted', async t => {
  const arrived = Promise.withResolvers<void>()
  const url = await startHttp(t, () => arrived.resolve())
  const client = startClient(t, url)
  const call = client.call(post('{}'), collect(), worker)
  const failed = assert.rejects(call, { name: 'TargetError', kind: 'aborted' })
  await arrived.promise
  await client.destroy()
  await failed
})

test('json sends and reads JSON and names what went wrong', async t => {
  const url = await startHttp(t, async (req, res) => {
    const body = await text(req)
    if (req.url === '/echo') res.end(JSON.stringify({ type: req.headers['content-type'], body }))
    else if (req.url === '/html') res.end('<html>')
    else if (req.url === '/empty') res.end()
    else if (req.url !== '/hang') res.writeHead(404).end('{"error":"model \'m\' not found"}')
  })
  const client = startClient(t, url)
  assert.deepEqual(await client.json('POST', '/echo', { a: 1 }), {
    type: 'application/json',
    body: '{"a":1}'
  })
  assert.equal(await client.json('GET', '/empty'), undefined)
  await assert.rejects(client.json('GET', '/html'), { kind: 'protocol' })
  await assert.rejects(client.json('GET', '/x'), {
    kind: 'status',
    status: 404,
    message: /GET \/x answered 404.*not found/
  })
  await assert.rejects(client.json('GET', '/hang', undefined, { timeoutMs: 20 }), { kind: 'unreachable' })
  const signal = AbortSignal.abort(new Error('enough'))
  await assert.rejects(client.json('GET', '/hang', undefined, { signal }), {
    kind: 'aborted',
    message: /enough/
  })
})

function frame(line: string): string {
  return `${line.length.toString(16)}\r\n${line}\r\n`
}

async function* parts() {
  yield Buffer.from('12')
  // Undici looks once whether the stream has ended already and then counts it itself.
  await setImmediate()
  yield Buffer.from('345')
}
