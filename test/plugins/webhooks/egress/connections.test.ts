/** What goes over which connection, how much of an answer is read, and what an end of an attempt leaves behind. */
import assert from 'node:assert/strict'
import dns from 'node:dns'
import { Resolver } from 'node:dns/promises'
import { getEventListeners } from 'node:events'
import { syncBuiltinESMExports } from 'node:module'
import type { Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { type TestContext, test } from 'node:test'
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls'
import { Client } from 'undici'
import { Deadline } from '../../../../plugins/webhooks/egress/deadline.ts'
import { readDestination } from '../../../../plugins/webhooks/egress/destination.ts'
import { dial } from '../../../../plugins/webhooks/egress/dial.ts'
import { SendFault, tooLate } from '../../../../plugins/webhooks/egress/faults.ts'
import { dnsLookup } from '../../../../plugins/webhooks/egress/lookup.ts'
import type { Destination } from '../../../../plugins/webhooks/egress/rules.ts'
import { authority, serverCertificate, serverKey } from '../../../core/target/certificates.ts'
import { answer, type Behaviour, names, post, receiver, says, sendTo, startSender } from './stage.ts'

const never = new AbortController().signal
const patience = { timeout: 60_000 }
/** No test waits for a time so long. */
const endlessMs = 600_000

/** A receiver with its sender and URL. */
async function stage(t: TestContext, behave: Behaviour) {
  const to = await receiver(t, behave)
  const sender = startSender(t, { allow: [`127.0.0.1/32:${to.port}`] })
  return { to, sender, url: `http://127.0.0.1:${to.port}/` }
}

test('the query of a URL is sent, and nothing of the text of a header instead of foreman’s own', async t => {
  let seen = ''
  const { sender, url } = await stage(t, (socket, text) => {
    seen += text
    if (text.endsWith('{}')) socket.write(answer(200))
  })
  const headers = { 'user-agent': 'somebody else' }
  assert.equal((await sender.send({ url: `${url}hook?key=a%20b`, headers, body: '{}' })).outcome, '2xx')
  assert.match(seen, /^POST \/hook\?key=a%20b HTTP\/1\.1\r\n/)
  assert.match(seen, /\r\nuser-agent: Foreman-Webhooks\/test\r\n/)
})

test('eight interim answers are borne, the ninth is not', async t => {
  const interim = 'HTTP/1.1 103 Early Hints\r\n\r\n'
  for (const [count, error] of [
    [8, null],
    [9, 'no HTTP answer']
  ] as const)
    assert.equal((await sendTo(t, says(interim.repeat(count) + answer(200)))).answer.error, error)
})

test('a head of up to 16 KiB is read', async t => {
  for (const [size, error] of [
    [12_000, null],
    [20_000, 'answer too large']
  ] as const)
    assert.equal((await sendTo(t, says(answer(200, '', [`x: ${'y'.repeat(size)}`])))).answer.error, error)
})

test('a connection is kept after a body of 4 KiB, and not after a longer one', async t => {
  for (const [size, connections] of [
    [4096, 1],
    [4097, 2]
  ] as const) {
    const { to, sender, url } = await stage(t, says(answer(200, 'x'.repeat(size))))
    for (let n = 0; n < 2; n++) assert.equal((await post(sender, url)).response.length, 4096)
    assert.equal(to.count, connections, `${size}`)
  }
})

test('a hundred events go over one connection', async t => {
  const { to, sender, url } = await stage(t, says(answer(200)))
  for (let n = 0; n < 100; n++) assert.equal((await post(sender, url)).outcome, '2xx')
  assert.equal(to.count, 1)
})

test(
  'a connection that the receiver closes after its answer is not counted among the kept',
  patience,
  async t => {
    const closing = (socket: Socket) => void socket.end(answer(200, '', ['connection: close']))
    const { to, sender, url } = await stage(t, closing)
    assert.equal((await post(sender, url)).outcome, '2xx')
    await to.allClosed()
    while (sender.connections > 0) await new Promise(resolve => setImmediate(resolve))
  }
)

test('64 connections are kept, those that were used last', async t => {
  const { lookup } = await names(t, () => ['127.0.0.1'])
  const to = await receiver(t, says(answer(200)))
  const sender = startSender(t, { allow: [`127.0.0.1/32:${to.port}`], lookup })
  const send = async (n: number) =>
    assert.equal((await post(sender, `http://h${n}.example.com:${to.port}/`)).outcome, '2xx')
  for (let n = 0; n < 65; n++) await send(n)
  assert.equal(sender.connections, 64)
  await send(64)
  await send(1)
  assert.equal(to.count, 65)
  await send(0)
  assert.equal(to.count, 66)
})

test('the order in which addresses are told makes no other receiver', async t => {
  let order = ['127.0.0.1', '127.0.0.3']
  const { lookup } = await names(t, () => order)
  const first = await receiver(t, says(answer(200)))
  const second = await receiver(t, says(answer(200)), { host: '127.0.0.3', port: first.port })
  const allow = order.map(address => `${address}/32:${first.port}`)
  const sender = startSender(t, { allow, lookup })
  for (let n = 0; n < 4; n++, order = order.toReversed())
    assert.equal((await post(sender, `http://hook.example.com:${first.port}/`)).outcome, '2xx')
  assert.equal(first.count + second.count, 1)
})

test('two events at once go over two connections; the next over the one used last, and then over a new one', async t => {
  const calls: Socket[] = []
  const { to, sender, url } = await stage(t, socket => {
    calls.push(socket)
    if (calls.length === 2) for (const one of calls) one.write(answer(200))
    if (calls.length > 3) socket.write(answer(200))
    if (calls.length === 3) socket.destroy()
  })
  const both = [post(sender, url), post(sender, url)]
  const last = await Promise.all(both.map(async (sent, n) => sent.then(({ outcome }) => `${n} ${outcome}`)))
  assert.deepEqual(last, ['0 2xx', '1 2xx'])
  assert.equal((await post(sender, url)).outcome, '2xx')
  assert.equal(calls[2], calls[1], 'the one that was used last')
  assert.deepEqual([calls.length, to.count], [4, 3], 'and no other that was kept')
})

test('what is no answer on a kept connection is not asked for a second time', async t => {
  let calls = 0
  const { sender, url } = await stage(t, socket => void socket.write(++calls === 1 ? answer(200) : 'garbage'))
  assert.equal((await post(sender, url)).outcome, '2xx')
  assert.equal((await post(sender, url)).error, 'no HTTP answer')
  assert.equal(calls, 2)
})

test('an attempt ends while a name is looked up that cannot be called off', patience, async t => {
  const begun = Promise.withResolvers<void>()
  const lookup = () => {
    begun.resolve()
    return new Promise<never>(() => {})
  }
  const sender = startSender(t, { lookup })
  const stop = new AbortController()
  const sent = post(sender, 'https://hook.example.com/', stop.signal)
  await begun.promise
  stop.abort()
  assert.equal((await sent).error, 'stopped')
})

test('an address of IPv6 is dialed as one', async t => {
  if (Object.values(networkInterfaces()).every(list => list?.every(({ family }) => family === 'IPv4')))
    return t.diagnostic('SKIPPED, NOT PROVED: this machine has no IPv6')
  const { lookup } = await names(t, () => ['::1'])
  const called = await receiver(t, says(answer(200)), { host: '::1' })
  const sender = startSender(t, { allow: [`[::1]:${called.port}`], lookup })
  assert.equal((await post(sender, `http://hook.example.com:${called.port}/`)).address, '::1')
})

test('what is cut is cut at once, while it is being connected too', patience, async t => {
  const silent = await receiver(t, () => {})
  const sender = startSender(t, { allow: [`127.0.0.1/32:${silent.port}`], connectTimeoutMs: endlessMs })
  const stop = new AbortController()
  const sent = post(sender, `https://127.0.0.1:${silent.port}/`, stop.signal)
  while (silent.open.size === 0) await new Promise(resolve => setImmediate(resolve))
  stop.abort()
  assert.equal((await sent).error, 'stopped')
  await silent.allClosed()
})

test('the end of a sender ends the connections that it keeps', async t => {
  const { sender, url } = await stage(t, says(answer(200)))
  await post(sender, url)
  const destroyed = t.mock.method(Client.prototype, 'destroy')
  await sender.close()
  assert.ok(destroyed.mock.callCount() > 0)
})

const to = (url: string) => readDestination(url) as Destination

test('who answers at another address than was dialed is not spoken to', async t => {
  const called = await receiver(t, says(answer(200)))
  // The system takes this one for its own loopback address.
  const options = {
    to: to(`http://hook.example.com:${called.port}/`),
    addresses: ['0.0.0.0'],
    timeoutMs: endlessMs
  }
  const [error, socket] = await new Promise<unknown[]>(resolve => dial(options, (...told) => resolve(told)))
  assert.ok(error instanceof SendFault)
  assert.deepEqual([error.outcome, error.message, socket], ['ssrf_blocked', 'address not allowed', null])
})

test('what comes of a connection is told once', patience, async t => {
  const gone = await receiver(t, socket => socket.destroy())
  const told: unknown[] = []
  const url = `https://127.0.0.1:${gone.port}/`
  await new Promise<void>(resolve =>
    dial({ to: to(url), addresses: ['127.0.0.1'], timeoutMs: endlessMs }, error =>
      resolve(void told.push(error))
    )
  )
  await gone.allClosed()
  for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve))
  assert.equal(told.length, 1)
})

test('TLS asks for the name and no address, and for HTTP/1.1', async t => {
  const trusted = getCACertificates('default')
  setDefaultCACertificates([...trusted, authority])
  t.after(() => setDefaultCACertificates(trusted))
  const asked: unknown[] = []
  const tls = { cert: serverCertificate, key: serverKey, ALPNProtocols: ['h2', 'http/1.1'] }
  const behave = (socket: Socket) => {
    const { servername, alpnProtocol } = socket as TLSSocket & { servername: unknown }
    asked.push([servername, alpnProtocol])
    socket.write(answer(200))
  }
  const { lookup } = await names(t, () => ['127.0.0.1'])
  const called = await receiver(t, behave, { tls })
  const sender = startSender(t, { allow: [`127.0.0.1/32:${called.port}`], lookup })
  for (const host of ['target.test', '127.0.0.1'])
    assert.equal((await post(sender, `https://${host}:${called.port}/`)).outcome, '2xx')
  assert.deepEqual(asked, [
    ['target.test', 'http/1.1'],
    [false, 'http/1.1']
  ])
})

test('an end of an attempt ends every wait for something else, and leaves no listener', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const stop = new AbortController()
  const deadline = new Deadline(1000, [stop.signal])
  assert.equal(await deadline.race(Promise.resolve(7)), 7)
  assert.equal(getEventListeners(deadline.signal, 'abort').length, 0)
  const waiting = deadline.race(new Promise(() => {}))
  deadline.end(tooLate('connection'))
  await assert.rejects(waiting, { message: 'no connection in time' })
  await assert.rejects(deadline.race(new Promise(() => {})), { message: 'no connection in time' })

  const over = new Deadline(1000, [stop.signal])
  over.done()
  deadline.done()
  assert.equal(getEventListeners(stop.signal, 'abort').length, 0)
  t.mock.timers.tick(2000)
  assert.equal(over.signal.aborted, false)
})

test('a lookup that is not wanted any more is called off, or not begun, for the reason that was given', async t => {
  const asked = Promise.withResolvers<void>()
  const { server, lookup } = await names(t, () => void asked.resolve())
  const cancel = t.mock.method(Resolver.prototype, 'cancel')
  const [reason, stop] = [new Error('enough'), new AbortController()]
  await assert.rejects(lookup('hook.example.com', false, AbortSignal.abort(reason)), reason)
  assert.equal(server.questions.length, 0)
  const found = lookup('hook.example.com', false, stop.signal)
  await asked.promise
  stop.abort(reason)
  await assert.rejects(found, reason)
  assert.equal(cancel.mock.callCount(), 1)
})

test('names are asked of the servers of the system unless others are named, and no answer leaves a listener', async t => {
  t.mock.method(Resolver.prototype, 'resolve4', async () => ['192.0.2.1'])
  t.mock.method(Resolver.prototype, 'resolve6', async () => ['2001:DB8::1'])
  const set = t.mock.method(Resolver.prototype, 'setServers')
  const stop = new AbortController()
  const found = await dnsLookup()('hook.example.com', false, stop.signal)
  assert.deepEqual(found, ['192.0.2.1', '2001:db8::1'])
  assert.equal(set.mock.callCount(), 0)
  assert.equal(getEventListeners(stop.signal, 'abort').length, 0)
})

test('of a listed host every address counts, one with a zone is refused, and a failure is one of the name', async t => {
  let told: [Error | null, { address: string }[]] = [null, []]
  const lookup = t.mock.method(dns, 'lookup', (...[, , done]: unknown[]) =>
    (done as (...told: unknown[]) => void)(...told)
  )
  syncBuiltinESMExports()
  t.after(() => {
    lookup.mock.restore()
    syncBuiltinESMExports()
  })
  const ask = () => dnsLookup()('hooks.lan', true, never)
  told = [null, [{ address: '10.0.0.1' }, { address: 'FD00::1' }]]
  assert.deepEqual(await ask(), ['10.0.0.1', 'fd00::1'])
  assert.deepEqual(lookup.mock.calls[0]!.arguments[1], { all: true })
  told = [null, [{ address: '10.0.0.1' }, { address: 'fe80::1%eth0' }]]
  await assert.rejects(ask(), { outcome: 'ssrf_blocked', message: 'address not allowed' })
  told = [Object.assign(new Error(), { code: 'ENOTFOUND' }), []]
  await assert.rejects(ask(), { outcome: 'dns', message: 'name not found' })
})
