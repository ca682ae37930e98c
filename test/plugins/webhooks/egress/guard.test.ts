/** What the guard does at each attempt: names that lead elsewhere by the next question, kept connections, TLS. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { dnsLookup } from '../../../../plugins/webhooks/egress/lookup.ts'
import { authority, serverCertificate, serverKey } from '../../../core/target/certificates.ts'
import { answer, names, post, receiver, says, startSender } from './stage.ts'

const trusted = getCACertificates('default')
const tls = { cert: serverCertificate, key: serverKey }
before(() => setDefaultCACertificates([...trusted, authority]))
after(() => setDefaultCACertificates(trusted))

test('a name is looked up for each attempt, and a kept connection is used only where it still leads', async t => {
  let address = '127.0.0.1'
  const { server, lookup } = await names(t, () => [address])
  const first = await receiver(t, says(answer(200)))
  const second = await receiver(t, says(answer(200)), { host: '127.0.0.3', port: first.port })
  const allow = [`127.0.0.1/32:${first.port}`, `127.0.0.3/32:${first.port}`]
  const sender = startSender(t, { allow, lookup })
  const url = `http://hook.example.com:${first.port}/`

  assert.equal((await post(sender, url)).address, '127.0.0.1')
  assert.equal((await post(sender, url)).address, '127.0.0.1')
  assert.equal(first.count, 1, 'the connection was kept')
  assert.equal(server.questions.length, 4, 'A and AAAA, for each of two attempts')

  address = '127.0.0.3'
  assert.equal((await post(sender, url)).address, '127.0.0.3')
  assert.equal(second.count, 1)

  address = '127.0.0.2'
  const got = await post(sender, url)
  assert.equal(got.outcome, 'ssrf_blocked')
  assert.equal(got.error, 'address not allowed')
  assert.equal(got.address, null)
  assert.equal(first.count + second.count, 2, 'nothing went over a connection that was kept')
})

test('one address that is not allowed makes the whole answer unfit', async t => {
  const to = await receiver(t, says(answer(200)))
  const { lookup } = await names(t, () => ['127.0.0.1', '10.0.0.1'])
  const sender = startSender(t, { allow: [`127.0.0.1/32:${to.port}`], lookup })
  const got = await post(sender, `http://hook.example.com:${to.port}/`)
  assert.equal(got.outcome, 'ssrf_blocked')
  assert.equal(to.count, 0)
})

test('an address that was never looked up again is dialled, though the name would lead elsewhere by then', async t => {
  const to = await receiver(t, says(answer(200)))
  let questions = 0
  const { lookup } = await names(t, (_name, type) => {
    questions += 1
    if (type === 'AAAA') return []
    return questions <= 2 ? ['127.0.0.1'] : ['127.0.0.2']
  })
  const sender = startSender(t, { allow: [`127.0.0.1/32:${to.port}`], lookup })
  assert.equal((await post(sender, `http://hook.example.com:${to.port}/`)).address, '127.0.0.1')
  assert.equal(questions, 2)
})

test('a name without addresses, or whose server fails or is silent, is a fault of the name', async t => {
  const zone = (name: string) => (name.startsWith('silent') ? undefined : [])
  const { lookup } = await names(t, zone)
  const missing = await post(startSender(t, { lookup }), 'https://missing.example.com/')
  assert.equal(missing.outcome, 'dns')
  assert.equal(missing.error, 'name not found')
  const silent = await post(startSender(t, { lookup, timeoutMs: 300 }), 'https://silent.example.com/')
  assert.equal(silent.outcome, 'timeout', 'the time of the attempt is over first')
  assert.equal(silent.error, 'no answer in time')
  assert.equal(silent.address, null)

  const nowhere = startSender(t, { lookup: dnsLookup(['127.0.0.1:1']) })
  const failed = await post(nowhere, 'https://any.example.com/')
  assert.equal(failed.outcome, 'dns')
  assert.equal(failed.error, 'name server failed')
})

test('a host that the operator listed is looked up as the system does it, and may be anywhere', async t => {
  const to = await receiver(t, says(answer(200)))
  const { server, lookup } = await names(t, () => [])
  const sender = startSender(t, { allow: [`localhost:${to.port}`], lookup })
  const got = await post(sender, `http://LOCALHOST.:${to.port}/`)
  assert.equal(got.outcome, '2xx')
  assert.equal(server.questions.length, 0)
})

test('certificates are verified against the name, or the address where the URL has one', async t => {
  const { lookup } = await names(t, () => ['127.0.0.1'])
  const to = await receiver(t, says(answer(200)), { tls })
  const sender = startSender(t, { allow: [`127.0.0.1/32:${to.port}`], lookup })
  const send = (host: string) => post(sender, `https://${host}:${to.port}/`)
  assert.equal((await send('target.test')).outcome, '2xx')
  assert.equal((await send('target.test.')).outcome, '2xx', 'a dot at the end means the same name')
  assert.equal((await send('127.0.0.1')).outcome, '2xx')
  assert.equal(to.count, 2, 'and connections are kept')
  const other = await send('other.example.com')
  assert.equal(other.outcome, 'tls')
  assert.equal(other.error, 'certificate for another name')

  setDefaultCACertificates(trusted)
  t.after(() => setDefaultCACertificates([...trusted, authority]))
  const fresh = startSender(t, { allow: [`127.0.0.1/32:${to.port}`], lookup })
  const unknown = await post(fresh, `https://target.test:${to.port}/`)
  assert.equal(unknown.outcome, 'tls')
  assert.equal(unknown.error, 'certificate of an unknown authority')
})

test('what does not speak TLS, or never says a word of it, is a fault of its own', async t => {
  const plain = await receiver(t, says(answer(200)))
  const silent = await receiver(t, () => {})
  const allow = [`127.0.0.1/32:${plain.port}`, `127.0.0.1/32:${silent.port}`]
  const wrong = await post(startSender(t, { allow }), `https://127.0.0.1:${plain.port}/`)
  assert.equal(wrong.outcome, 'tls')
  assert.equal(wrong.error, 'TLS handshake failed')
  const late = await post(
    startSender(t, { allow, connectTimeoutMs: 200 }),
    `https://127.0.0.1:${silent.port}/`
  )
  assert.equal(late.outcome, 'timeout')
  assert.equal(late.error, 'no connection in time')
  await silent.allClosed()
})

test('a kept connection that the receiver closes as it is used again costs no attempt', async t => {
  const to = await receiver(t, (socket, _text, nth) => {
    if (nth === 1) socket.write(answer(200))
    else socket.destroy()
  })
  const sender = startSender(t, { allow: [`127.0.0.1/32:${to.port}`] })
  const url = `http://127.0.0.1:${to.port}/`
  assert.equal((await post(sender, url)).outcome, '2xx')
  assert.equal((await post(sender, url)).outcome, '2xx')
  assert.equal(to.count, 2)
})

test('a hundred events go over one connection, and the next over another', async t => {
  const to = await receiver(t, says(answer(200, 'x'.repeat(4000))))
  const sender = startSender(t, { allow: [`127.0.0.1/32:${to.port}`] })
  const url = `http://127.0.0.1:${to.port}/`
  for (let sent = 0; sent < 101; sent++) assert.equal((await post(sender, url)).outcome, '2xx')
  assert.equal(to.count, 2)
})
