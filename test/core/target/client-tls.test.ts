import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import type { TargetTls } from '../../../core/target/client.ts'
import { authority, clientCertificate, clientKey, serverCertificate, serverKey } from './certificates.ts'
import { collect, startClient } from './servers.ts'

/** What a server saw of its one client. */
interface Peer {
  servername: string | false
  protocol: string | false | null
  authorized: boolean
}

async function startHttps(
  t: TestContext,
  options: ServerOptions = {}
): Promise<{ url: string; peers: Peer[] }> {
  const peers: Peer[] = []
  const server = createServer({ cert: serverCertificate, key: serverKey, ...options }, (req, res) => {
    const { servername, alpnProtocol, authorized } = req.socket as TLSSocket
    peers.push({ servername: servername ?? false, protocol: alpnProtocol, authorized })
    res.end('ok')
  })
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, peers }
}

function call(t: TestContext, url: string, tls?: TargetTls): Promise<void> {
  return startClient(t, url, { tls }).call({ method: 'GET', path: '/' }, collect(), { lane: 'worker' })
}

test('a certificate of a configured authority is accepted, over HTTP/1.1', async t => {
  const { url, peers } = await startHttps(t)
  await call(t, url, { ca: authority })
  assert.deepEqual(peers, [{ servername: false, protocol: 'http/1.1', authorized: false }])
})

test('a certificate of an unknown authority is refused, unless told not to look', async t => {
  const { url } = await startHttps(t)
  await assert.rejects(call(t, url), { kind: 'refused' })
  await call(t, url, { rejectUnauthorized: false })
})

test('servername is asked for and expected', async t => {
  const { url, peers } = await startHttps(t)
  await call(t, url, { ca: authority, servername: 'target.test' })
  assert.equal(peers[0]?.servername, 'target.test')
  await assert.rejects(call(t, url, { ca: authority, servername: 'other.test' }), { kind: 'refused' })
})

test('a client certificate is shown where the target asks for one', async t => {
  const { url, peers } = await startHttps(t, { ca: authority, requestCert: true, rejectUnauthorized: true })
  await call(t, url, { ca: authority, cert: clientCertificate, key: clientKey })
  assert.equal(peers[0]?.authorized, true)
  await assert.rejects(call(t, url, { ca: authority }), { kind: 'reset' })
})
