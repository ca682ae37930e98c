/** What the doctor says of the target, of its models, and of a foreman that runs; each against real servers. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, connect, createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { examine } from '../../core/commands/doctor/examine.ts'
import { examineExposure } from '../../core/commands/doctor/exposure.ts'
import type { Finding } from '../../core/commands/doctor/finding.ts'
import { examineRunning } from '../../core/commands/doctor/running.ts'
import { examineTarget } from '../../core/commands/doctor/target.ts'
import { TargetClient } from '../../core/target/client.ts'
import { type FakeConfig, startFakeOllama } from '../fake-ollama/start.ts'
import { type SettingsPart, startForeman } from '../helpers/foreman.ts'
import { amissOf, plainSettings } from './doctor-stage.ts'
import { serverCertificate, serverKey } from './target/certificates.ts'
import { startHttp, startTcp, unusedUrl } from './target/servers.ts'

const minute = 60_000
const chat = { name: 'alpha', size_bytes: 2e9 }
const small = { name: 'beta', size_bytes: 1e9 }
const embed = { name: 'embed', size_bytes: 1e8, capabilities: ['embedding' as const] }

async function startFake(t: TestContext, config: Partial<FakeConfig>) {
  const fake = await startFakeOllama(config)
  t.after(() => fake.kill())
  return fake
}

async function lookAt(t: TestContext, url: string, part: SettingsPart = {}): Promise<readonly Finding[]> {
  const settings = plainSettings(t, { target: { url }, ...part })
  const { target } = settings
  const client = new TargetClient({
    url: target.url,
    token: target.token,
    tls: { rejectUnauthorized: target.tls.reject_unauthorized },
    connectTimeoutMs: 300
  })
  t.after(() => client.destroy())
  return (await examineTarget(client, settings)).findings
}

/** Everything amiss about a target with these models, as a foreman with this configuration would have it. */
async function amissWith(
  t: TestContext,
  config: Partial<FakeConfig>,
  part: SettingsPart = {},
  probe = false
) {
  const fake = await startFake(t, config)
  const settings = plainSettings(t, { target: { url: fake.url }, ...part })
  const findings = await examine(settings, { probe })
  // Whether this machine's other addresses are open is for another test.
  return { fake, findings, amiss: amissOf(findings) }
}

async function startHttps(t: TestContext): Promise<string> {
  const server = createHttpsServer({ cert: serverCertificate, key: serverKey }, (_request, response) => {
    response.end('{"version":"0.33.0"}')
  })
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Longer than a name may be, so that no resolver is asked for it (RFC 1035 section 2.3.4). */
const unknownName = `http://${'n'.repeat(64)}.invalid:1`

const tells = (status: number, body: string) => (t: TestContext) =>
  startHttp(t, (_request, response) => void response.writeHead(status).end(body))

const answers: readonly [
  what: string,
  start: (t: TestContext) => Promise<string>,
  codes: readonly string[]
][] = [
  ['an Ollama', tells(200, '{"version":"0.33.0"}'), []],
  ['a newer Ollama', tells(200, '{"version":"1.2.0"}'), []],
  ['a build of its own', tells(200, '{"version":"main"}'), []],
  ['an old Ollama', tells(200, '{"version":"0.9.1"}'), ['target.version_untested']],
  ['a refused token', tells(401, ''), ['target.token_refused']],
  ['a forbidden name', tells(403, ''), ['target.token_refused']],
  ['a web page', tells(200, '<html>'), ['target.not_ollama']],
  ['a proxy without its server', tells(502, ''), ['target.not_ollama']],
  ['no HTTP', t => startTcp(t, socket => socket.end('220 mail ready\r\n')), ['target.not_ollama']],
  ['nothing', () => unusedUrl(), ['target.refused']],
  ['a name that nobody has', async () => unknownName, ['target.name_unknown']],
  [
    'a machine that says nothing',
    async t => (await startTcp(t, socket => void socket.resume())).replace('http', 'https'),
    ['target.no_route']
  ],
  [
    'a server without TLS',
    async t => (await tells(200, '')(t)).replace('http', 'https'),
    ['target.tls_failed']
  ],
  ['a certificate of nobody', startHttps, ['target.tls_failed']]
]

for (const [what, start, codes] of answers) {
  test(`a target that is ${what}: ${codes.length === 0 ? 'silence' : codes.join(', ')}`, async t => {
    assert.deepEqual(amissOf(await lookAt(t, await start(t))), codes)
  })
}

test('a slow target is told', async t => {
  const slow = await startHttp(t, (_request, response) => {
    setTimeout(() => response.end('{"version":"0.33.0"}'), 1050)
  })
  assert.deepEqual(amissOf(await lookAt(t, slow)), ['target.slow'])
})

test('a token that goes in clear and a certificate that nobody checks are told', async t => {
  const token = { token: 'secret' }
  const clear = await lookAt(t, '', { target: { url: unknownName, ...token } })
  assert.deepEqual(amissOf(clear), ['target.token_in_clear', 'target.name_unknown'])
  assert.doesNotMatch(JSON.stringify(clear), /secret/)
  const here = await tells(200, '{"version":"0.33.0"}')(t)
  assert.deepEqual(amissOf(await lookAt(t, '', { target: { url: here, ...token } })), [])
  const unchecked = { url: await startHttps(t), tls: { reject_unauthorized: false }, ...token }
  assert.deepEqual(amissOf(await lookAt(t, '', { target: unchecked })), ['target.tls_unchecked'])
})

test('a target that is a foreman is told, and one that is this foreman', async t => {
  const fake = await startFake(t, {})
  const { url } = await startForeman(t, { target: fake.url })
  assert.deepEqual(amissOf(await lookAt(t, url)), ['target.is_foreman'])
  const port = Number(new URL(url).port)
  assert.deepEqual(amissOf(await lookAt(t, url, { port })), ['target.is_itself'])
})

test('a clock that is off by more than a minute is told, either way', async t => {
  const clockAt = (offMs: number) =>
    startHttp(t, (_request, response) => {
      response.setHeader('date', new Date(Date.now() + offMs).toUTCString())
      response.end('{"version":"0.33.0"}')
    })
  assert.deepEqual(amissOf(await lookAt(t, await clockAt(0.9 * minute))), [])
  for (const [offMs, words] of [
    [2 * minute, /1\d\d s ahead of/],
    [-2 * minute, /1\d\d s behind/]
  ] as const) {
    const findings = await lookAt(t, await clockAt(offMs))
    assert.deepEqual(amissOf(findings), ['clock.off'])
    assert.match(findings.at(-1)!.seen, words)
  }
})

test('a file of the settings that is not there is told', async t => {
  const settings = plainSettings(t, { target: { url: await unusedUrl(), token_file: 'none' } })
  assert.deepEqual(amissOf(await examine(settings)), ['settings.file_unreadable'])
})

test('the model that embeds: chosen, named, ambiguous, missing, unfit', async t => {
  const other = { ...embed, name: 'other' }
  const cases: readonly [
    models: FakeConfig['models'],
    model: string | undefined,
    codes: readonly string[]
  ][] = [
    [[], undefined, ['models.none']],
    [[chat], undefined, []],
    [[chat, embed], undefined, []],
    [[chat, embed, other], undefined, ['models.embedder_ambiguous']],
    [[chat, embed, other], 'Other:latest', []],
    [[chat, embed], 'third', ['models.embedder_missing']],
    [[chat, embed], 'alpha', ['models.embedder_unfit']]
  ]
  const fake = await startFake(t, {})
  for (const [models, model, codes] of cases) {
    await fake.reset({ models })
    const settings = plainSettings(t, { target: { url: fake.url }, embed: { model } })
    assert.deepEqual(amissOf(await examine(settings)), codes, `${models.length} models, ${model}`)
  }
})

test('a target that does not tell its models is told', async t => {
  const { amiss } = await amissWith(t, { missing_routes: ['/api/tags'] })
  assert.deepEqual(amiss, ['models.unknown'])
})

test('the probe tells whether two slots hold, and leaves nothing loaded', async t => {
  const models = [chat, embed, small]
  const held = await amissWith(t, { models }, {}, true)
  assert.deepEqual(held.amiss, [])
  const { resident, loads_by_model } = await held.fake.state()
  assert.deepEqual([resident, loads_by_model], [[], { 'beta:latest': 1, 'embed:latest': 1 }])
  const single = await amissWith(t, { models, max_loaded: 1 }, {}, true)
  assert.deepEqual(single.amiss, ['probe.does_not_hold'])
  const mend = single.findings.find(({ code }) => code === 'probe.does_not_hold')!.mend
  assert.match(mend!, /OLLAMA_MAX_LOADED_MODELS=1/)
  const without = await amissWith(t, { models: [chat] }, {}, true)
  assert.ok(without.findings.some(({ code }) => code === 'probe.nothing_to_try'))
  const failing = await amissWith(t, { models: [embed, { ...small, fails_to_load: 'no' }] }, {}, true)
  assert.deepEqual(failing.amiss, ['probe.load_failed'])
  // Only where it is asked for.
  const unasked = await amissWith(t, { models, max_loaded: 1 })
  assert.deepEqual([unasked.amiss, (await unasked.fake.state()).loads], [[], 0])
})

/** Hands connections to another address on to a server on 127.0.0.1. */
async function openAt(t: TestContext, address: string, url: string): Promise<void> {
  const port = Number(new URL(url).port)
  const server = createServer(socket => {
    const onward = connect(port, '127.0.0.1')
    socket.pipe(onward).pipe(socket)
    for (const end of [socket, onward]) end.on('error', () => end.destroy())
  })
  t.after(() => server.close())
  await once(server.listen(port, address), 'listening')
}

test('a target that answers at another address of this machine is a fault', async t => {
  const { url } = await startFake(t, {})
  const addresses = ['127.0.0.2', '127.0.0.3']
  assert.deepEqual(amissOf(await examineExposure(new URL(url), addresses)), [])
  await openAt(t, '127.0.0.3', url)
  const findings = await examineExposure(new URL(url), addresses)
  assert.deepEqual(amissOf(findings), ['exposure.open'])
  assert.match(findings[0]!.seen, /127\.0\.0\.3 too/)
})

test('a target elsewhere that asks for no token is told; one that asks for it is not', async t => {
  // Loopback, spelt so that it is none of the addresses that this machine says it has.
  const elsewhere = (url: string) => new URL(url.replace('127.0.0.1', '[::ffff:127.0.0.1]'))
  const { url } = await startFake(t, { check_host: false })
  assert.deepEqual(amissOf(await examineExposure(elsewhere(url), [])), ['exposure.no_token'])
  const guarded = await tells(401, '')(t)
  assert.deepEqual(amissOf(await examineExposure(elsewhere(guarded), [])), [])
})

test('a foreman that runs: ready, draining, silent, of other data, or something else in its place', async t => {
  const { url, app } = await startForeman(t, { target: await unusedUrl() })
  const at = (address: string) => plainSettings(t, { port: Number(new URL(address).port) })
  const amissAt = async (address: string, inUse: boolean) => amissOf(await examineRunning(at(address), inUse))
  assert.deepEqual(await amissAt(url, true), [])
  assert.deepEqual(await amissAt(url, false), ['foreman.other_data'])
  app.queue.drain()
  assert.deepEqual(await amissAt(url, true), ['foreman.not_ready'])
  const nobody = await unusedUrl()
  assert.deepEqual(await amissAt(nobody, true), ['foreman.silent'])
  assert.deepEqual(await amissAt(nobody, false), [])
  assert.deepEqual(await amissAt(await tells(200, '{"status":"ok"}')(t), false), ['foreman.port_taken'])
  const mute = await startTcp(t, socket => socket.end('220 mail ready\r\n'))
  assert.deepEqual(await amissAt(mute, false), ['foreman.port_taken'])
})
