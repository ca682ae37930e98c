/** Proxies that the environment names: left alone by default, trusted with the addresses where that was asked for. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { after, before, type TestContext, test } from 'node:test'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { authority, serverCertificate, serverKey } from '../../../core/target/certificates.ts'
import { answer, names, post, receiver, says, startSender } from './stage.ts'

const trusted = getCACertificates('default')
before(() => setDefaultCACertificates([...trusted, authority]))
after(() => setDefaultCACertificates(trusted))

/** A proxy that leads every CONNECT to one port of this machine, or refuses it, and is named by the environment. */
async function startProxy(t: TestContext, port: number, noProxy = ''): Promise<{ asked: string[] }> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    response.end('by the proxy')
  })
  server.on('connect', (request, socket) => {
    asked.push(`CONNECT ${request.url}`)
    socket.on('error', () => {})
    if (port === 0) return void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
    const onward = connect(port, '127.0.0.1', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'))
    onward.on('error', () => socket.destroy())
    onward.pipe(socket).pipe(onward)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  Object.assign(process.env, { HTTPS_PROXY: url, HTTP_PROXY: url, NO_PROXY: noProxy })
  t.after(async () => {
    for (const name of ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY']) delete process.env[name]
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return { asked }
}

const tls = { cert: serverCertificate, key: serverKey }

test('a proxy of the environment is not used unless it was asked for', async t => {
  const to = await receiver(t, says(answer(200)), { tls })
  const { asked } = await startProxy(t, to.port)
  const sender = startSender(t, { allow: [`127.0.0.1/32:${to.port}`] })
  const got = await post(sender, `https://127.0.0.1:${to.port}/`)
  assert.equal(got.outcome, '2xx')
  assert.equal(got.address, '127.0.0.1')
  assert.deepEqual(asked, [])
})

test('a proxy that is trusted gets the name, and no name is looked up here', async t => {
  const to = await receiver(t, says(answer(200, 'yes')), { tls })
  const { asked } = await startProxy(t, to.port)
  const { server, lookup } = await names(t, () => [])
  const sender = startSender(t, { viaProxy: true, lookup })
  const got = await post(sender, 'https://target.test/hook')
  assert.equal(got.outcome, '2xx')
  assert.equal(got.address, null)
  assert.equal(got.response.toString(), 'yes')
  assert.deepEqual(asked, ['CONNECT target.test:443'])
  assert.deepEqual(server.questions, [])
})

test('the rules for URLs hold with a proxy too', async t => {
  const { asked } = await startProxy(t, 0)
  const sender = startSender(t, { viaProxy: true })
  const urls = ['https://10.0.0.1/', 'https://localhost/', 'http://example.com/', 'https://example.com:22/']
  for (const url of urls) assert.equal((await post(sender, url)).outcome, 'ssrf_blocked', url)
  assert.deepEqual(asked, [])
})

test('what a proxy refuses, and a certificate behind it, are failures with words', async t => {
  const to = await receiver(t, says(answer(200)), { tls })
  await startProxy(t, to.port)
  const wrong = await post(startSender(t, { viaProxy: true }), 'https://other.example.com/')
  assert.equal(wrong.outcome, 'tls')
  assert.equal(wrong.error, 'certificate for another name')

  await startProxy(t, 0)
  const refused = await post(startSender(t, { viaProxy: true }), 'https://target.test/')
  assert.equal(refused.outcome, 'connect')
  assert.equal(refused.error, 'refused by the proxy')
})

test('what NO_PROXY excepts is dialled from here, with every check at every attempt', async t => {
  const to = await receiver(t, says(answer(200)), { tls })
  const { asked } = await startProxy(t, 0, 'target.test')
  let address = '127.0.0.1'
  const { lookup } = await names(t, () => [address])
  const sender = startSender(t, { viaProxy: true, allow: [`127.0.0.1/32:${to.port}`], lookup })
  const url = `https://target.test:${to.port}/`
  assert.equal((await post(sender, url)).outcome, '2xx')
  address = '127.0.0.2'
  const blocked = await post(sender, url)
  assert.equal(blocked.outcome, 'ssrf_blocked')
  assert.equal(blocked.error, 'address not allowed')
  assert.equal(to.count, 1)
  assert.deepEqual(asked, [])
})
