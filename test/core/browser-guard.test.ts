import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import Fastify from 'fastify'
import { Access } from '../../core/access/access.ts'
import { soleCaller } from '../../core/access/caller.ts'
import { addBrowserGuard } from '../../core/browser-guard.ts'
import { installErrors } from '../../core/errors.ts'

async function statusOf(port: number, headers: Record<string, string>): Promise<number> {
  const asked = request({ host: '127.0.0.1', port, path: '/', headers }).end()
  const [answer] = await once(asked, 'response')
  answer.resume()
  return answer.statusCode
}

const served = [
  {},
  { host: 'localhost:8080' },
  { host: 'LOCALHOST.' },
  { host: '127.0.0.1' },
  { host: '[::1]:8080' },
  { host: '192.168.1.20:8080' },
  { host: 'foreman.localhost' },
  { host: 'box.local' },
  { host: 'host.docker.internal:8080' },
  { origin: 'http://localhost:3000' },
  { origin: 'https://127.0.0.1' },
  { origin: 'app://obsidian.md' },
  { origin: 'vscode-webview://1234' },
  { origin: 'https://app.example' }
]

const refused = [
  { host: 'attacker.example' },
  { host: 'localhost.attacker.example' },
  { host: '203.0.113.7' },
  { host: 'not a host' },
  { origin: 'https://attacker.example' },
  { origin: 'http://localhost.attacker.example' },
  { origin: 'chrome-extension://1234' },
  { origin: 'null' }
]

test('a request from this machine is served, one from a page of another site is not', async t => {
  const app = Fastify()
  t.after(() => app.close())
  installErrors(app)
  addBrowserGuard(app, new Access(), { cors: { origins: ['https://app.example'] }, open_to_everyone: false })
  app.get('/', async () => 'served')
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  for (const headers of served)
    assert.equal(await statusOf(port, headers as never), 200, JSON.stringify(headers))
  for (const headers of refused)
    assert.equal(await statusOf(port, headers as never), 403, JSON.stringify(headers))
})

test('where foreman is open to everyone, any name is its own, and where callers are told apart nothing is refused here', async t => {
  const statuses = async (access: Access, open_to_everyone: boolean) => {
    const app = Fastify()
    t.after(() => app.close())
    installErrors(app)
    addBrowserGuard(app, access, { cors: { origins: [] }, open_to_everyone })
    app.get('/', async () => 'served')
    await app.listen({ host: '127.0.0.1', port: 0 })
    const { port } = app.server.address() as AddressInfo
    const [name, page] = [{ host: 'attacker.example' }, { origin: 'https://attacker.example' }]
    return [await statusOf(port, name), await statusOf(port, page as never)]
  }
  assert.deepEqual(await statuses(new Access(), true), [200, 403])
  const guarded = new Access()
  guarded.identifyBy(() => soleCaller)
  assert.deepEqual(await statuses(guarded, false), [200, 200])
})
