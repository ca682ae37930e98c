/** Caddy and nginx themselves, with the files of deploy/proxies, between a client and foreman. */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { type RequestOptions, request } from 'node:https'
import { connect } from 'node:net'
import { join } from 'node:path'
import { buffer, text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { authority, serverCertificate, serverKey } from '../core/target/certificates.ts'
import { unusedUrl } from '../core/target/servers.ts'
import { spawnForeman, temporaryDir } from '../helpers/foreman.ts'
import { sha256 } from '../plugins/artifacts/stage.ts'
import { startFake } from '../strength/support/rig.ts'

const files = join(import.meta.dirname, '../../deploy/proxies')
const token = 'a-token-of-the-proxy-tests'
/** The certificate of the tests is for this name. */
const name = 'target.test'

/** Where a proxy is to listen, and what it is to speak for. */
interface Place {
  readonly dir: string
  readonly port: number
  readonly foreman: string
}

/** How each of them is run with its file, told another place. */
const proxies: Record<string, (place: Place) => readonly string[]> = {
  caddy: ({ dir, port, foreman }) => {
    const site = changed(readFileSync(join(files, 'Caddyfile'), 'utf8'), {
      'gpu.example {': `${name} {\n\ttls ${dir}/cert.pem ${dir}/key.pem`,
      '127.0.0.1:8080': foreman
    })
    const global = `{\n\tadmin off\n\tauto_https disable_redirects\n\thttps_port ${port}\n\tdefault_bind 127.0.0.1\n}\n`
    writeFileSync(join(dir, 'Caddyfile'), global + site)
    return ['caddy', 'run', '--config', join(dir, 'Caddyfile'), '--adapter', 'caddyfile']
  },
  nginx: ({ dir, port, foreman }) => {
    const site = changed(readFileSync(join(files, 'nginx.conf'), 'utf8'), {
      'listen 443 ssl': `listen 127.0.0.1:${port} ssl`,
      'gpu.example;': `${name};`,
      '/etc/ssl/gpu.example.pem': `${dir}/cert.pem`,
      '/etc/ssl/gpu.example.key': `${dir}/key.pem`,
      '127.0.0.1:8080': foreman
    })
    const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      one => `${one}_temp_path ${dir}/${one};`
    )
    const head = `daemon off; pid ${dir}/pid; error_log stderr; user root; events {}`
    writeFileSync(
      join(dir, 'nginx.conf'),
      `${head} http { access_log ${dir}/access.log; ${places.join(' ')}\n${site}}`
    )
    return ['nginx', '-c', join(dir, 'nginx.conf')]
  }
}

/** The file with what is particular to a place put in. @throws {AssertionError} where it is not there to be replaced */
function changed(config: string, places: Readonly<Record<string, string>>): string {
  return Object.entries(places).reduce((done, [from, to]) => {
    assert.ok(done.includes(from), `the file says ${from}`)
    return done.replaceAll(from, to)
  }, config)
}

function isInstalled(program: string): boolean {
  try {
    execFileSync('which', [program])
    return true
  } catch {
    return false
  }
}

interface Proxy {
  readonly port: number
  /** All that it has written to its logs. */
  logs(): string
}

async function startProxy(t: TestContext, program: string, foreman: string): Promise<Proxy> {
  const dir = temporaryDir(t)
  const port = Number(new URL(await unusedUrl()).port)
  const accessLog = join(dir, 'access.log')
  for (const [file, content] of Object.entries({
    'cert.pem': serverCertificate,
    'key.pem': serverKey,
    'access.log': ''
  })) {
    writeFileSync(join(dir, file), content)
  }
  const [command, ...args] = proxies[program]!({ dir, port, foreman: new URL(foreman).host })
  const child = spawn(command!, args, { env: { ...process.env, HOME: dir, XDG_DATA_HOME: dir } })
  t.after(() => child.kill())
  let written = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (piece: string) => {
      written += piece
    })
  }
  const logs = () => written + readFileSync(accessLog, 'utf8')
  // Neither of them says when it listens.
  while (!(await isOpen(port))) {
    assert.equal(child.exitCode, null, logs())
    await sleep(20)
  }
  return { port, logs }
}

function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  return new Promise<boolean>(resolve => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
  }).finally(() => socket.destroy())
}

/** Asks through the proxy as a client of the outside does. */
async function ask(
  port: number,
  path: string,
  { body, ...options }: RequestOptions & { body?: Buffer | string } = {}
): Promise<IncomingMessage> {
  const headers = { authorization: `Bearer ${token}`, host: name, ...options.headers }
  const call = request({
    host: '127.0.0.1',
    port,
    path,
    servername: name,
    ca: authority,
    agent: false,
    ...options,
    headers
  })
  call.end(body)
  const [answer] = (await once(call, 'response')) as [IncomingMessage]
  return answer
}

for (const program of Object.keys(proxies)) {
  const skip = isInstalled(program) ? false : `${program} is not installed: nothing is proved of its file`

  test(`${program}: what deploy/proxies has for it streams, takes large bodies and keeps addresses`, {
    skip
  }, async t => {
    const fake = await startFake(t, { models: [{ name: 'alpha', size_bytes: 1e9 }] })
    const settings = { trust_proxy: ['127.0.0.1/32'], plugins: { auth: { token } } }
    const foreman = await spawnForeman(t, { target: fake.url, settings })
    const { port, logs } = await startProxy(t, program, foreman.url)

    await t.test('the first piece of an answer arrives while the target holds back the others', async () => {
      await fake.configure({ faults: [{ kind: 'stall', after: 1, path: '/api/chat', times: 1 }] })
      const body = JSON.stringify({ model: 'alpha', messages: [{ role: 'user', content: 'hello' }] })
      const answer = await ask(port, '/api/chat', { method: 'POST', body })
      const [first] = (await once(answer, 'data')) as [Buffer]
      assert.match(first.toString(), /tok0/)
      const { counts } = await fake.state()
      assert.equal(counts.generation_end, undefined, 'the target has not made the rest')
      answer.destroy()
      await fake.waitFor('client_gone')
    })

    await t.test('a body of 60 MB passes, to an upload and to the target', async () => {
      const bytes = randomBytes(60_000_000)
      const headers = { 'content-type': 'application/octet-stream' }
      const uploaded = await ask(port, '/artifacts', { method: 'POST', headers, body: bytes })
      assert.equal(uploaded.statusCode, 201)
      const { digest } = JSON.parse(await text(uploaded))
      assert.equal(digest, `sha256:${sha256(bytes).toString('hex')}`)
      const prompt = bytes.toString('base64', 0, 45_000_000)
      const body = JSON.stringify({ model: 'alpha', prompt, stream: false })
      const answer = await ask(port, '/api/generate', { method: 'POST', body })
      assert.equal(answer.statusCode, 200)
      assert.equal(JSON.parse(await text(answer)).done, true)
    })

    await t.test('the address that counts is that of the client, not one that it made up', async () => {
      const headers = { authorization: 'Bearer wrong', 'x-forwarded-for': '6.6.6.6' }
      const answer = await ask(port, '/api/tags', { headers, localAddress: '127.0.0.9' })
      assert.equal(answer.statusCode, 401)
      answer.resume()
      const audit = JSON.parse(await text(await ask(port, '/audit')))
      assert.equal(audit.data[0].address, '127.0.0.9')
    })

    await t.test(
      'a WebSocket passes, for a page of the same host as well, and no other upgrade',
      async () => {
        const headers = { authorization: `Bearer ${token}`, host: name, origin: `https://${name}` }
        const options = { headers, servername: name, ca: authority }
        const socket = new WebSocket(`wss://127.0.0.1:${port}/ws`, ['foreman.v1'], options)
        await once(socket, 'open')
        socket.send('{"op":"ping","ref":"p"}')
        const [pong] = await once(socket, 'message')
        assert.deepEqual(JSON.parse(String(pong)), { op: 'pong', ref: 'p' })
        socket.close()
        await once(socket, 'close')
        const offers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABk' }
        assert.equal((await ask(port, '/api/version', { headers: offers })).statusCode, 200)
      }
    )

    await t.test('metrics and health are for the inside, however they are written', async () => {
      assert.equal((await fetch(`${foreman.url}/healthz`)).status, 200)
      for (const path of ['/metrics', '/healthz', '/readyz', '/%68ealthz', '/./healthz', '/metrics?x']) {
        const answer = await ask(port, path)
        assert.equal(answer.statusCode, 404, path)
        assert.doesNotMatch(String(await buffer(answer)), /status|foreman_/, path)
      }
    })

    await t.test('a token in the path is in no log of the proxy', async () => {
      const answer = await ask(port, '/t/fm_secret/api/tags')
      answer.resume()
      await once(answer, 'end')
      assert.doesNotMatch(logs(), /fm_secret/)
      if (program === 'nginx') assert.match(logs(), /GET \/audit/, 'other calls are in the log')
    })
  })
}
