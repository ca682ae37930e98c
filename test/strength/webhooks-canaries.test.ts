/** No secret of a webhook gets into a log line, an error, the audit log, the metrics or, in clear, the store. */
import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type ForemanProcess, spawnForeman } from '../helpers/foreman.ts'
import { receive } from '../receiver-farm/message.ts'
import { type ReceiverFarm, startFarm, type Visit } from '../receiver-farm/start.ts'
import { startFake } from './support/rig.ts'

type Answer = Readonly<Record<string, string>>
type Ask = (method: string, path: string, body?: unknown) => Promise<Answer>

const job = { model: 'alpha', prompt: 'hello' }
const attacked = ['failing', 'closing', 'self_signed', 'redirecting'] as const
const lists = ['/webhook-endpoints', '/webhook-deliveries?limit=100', '/jobs?limit=100', '/metrics']

test('secrets, header values and signatures of webhooks are in no log line, error, audit row or file', {
  timeout: 60_000
}, async t => {
  const fake = await startFake(t)
  const farm = await startFarm(t)
  const plugins = { auth: {}, webhooks: { allow: farm.allow, retry_schedule_s: [1] } }
  const settings = { log_level: 'trace', plugins }
  const foreman = await spawnForeman(t, { target: fake.url, settings })
  const { ask, errors } = speaker(foreman)

  const path = `canary-path-${randomUUID()}`
  const told = await tellSecrets(ask, farm, path)
  const refused = await beRefused(ask, farm, told)
  assert.equal(errors.length, 5, errors.join('\n'))
  const signatures = await signaturesOf(farm, path, told.own!)

  const shown = await Promise.all(lists.map(async list => (await ask('GET', list)).text!))
  const audit = (await ask('GET', '/audit?limit=1000')).text!
  assert.match(audit, /webhook/)
  const { stderr } = await foreman.kill('SIGTERM')
  const log = foreman.logs.map(line => JSON.stringify(line)).join('\n') + stderr
  const places = { log, audit, 'a list': shown.join('\n'), 'an error': errors.join('\n') }
  const files = filesIn(foreman.dataDir)
  for (const [what, secret] of Object.entries({ ...told, refused, ...signatures }))
    assertNowhere(what, secret, places, files)
  // Addresses are no secrets of the store: that they are found says that its files are looked through.
  assert.ok(files.some(file => file.includes(path)))
  assert.ok(!log.includes(path), 'the address of a webhook is in the log')
})

/** Asks as the administrator, and keeps the refusals. */
function speaker({ url, dataDir }: Pick<ForemanProcess, 'url' | 'dataDir'>): { ask: Ask; errors: string[] } {
  const token = readFileSync(join(dataDir, 'admin-token'), 'utf8').trim()
  const errors: string[] = []
  const ask: Ask = async (method, path, body) => {
    const json = body !== undefined && { 'content-type': 'application/json' }
    const headers = { authorization: `Bearer ${token}`, prefer: 'wait=20', ...json }
    const answer = await fetch(url + path, { method, headers, ...(json && { body: JSON.stringify(body) }) })
    const text = await answer.text()
    if (!answer.ok) errors.push(text)
    return { ...(text.startsWith('{') && JSON.parse(text)), text }
  }
  return { ask, errors }
}

/** Has every kind of secret made and used, at receivers that take it and at others. @returns them by name */
async function tellSecrets(ask: Ask, farm: ReceiverFarm, path: string): Promise<Answer> {
  const { secret: first } = await ask('GET', '/webhook-secret')
  const { secret: second } = await ask('POST', '/webhook-secret/rotate', {})
  const header = `canary-header-${randomUUID()}`
  const standing = { url: farm.url('healthy', 'standing'), events: ['*'], signing: 'ed25519' }
  const made = await ask('POST', '/webhook-endpoints', { ...standing, headers: { 'x-key': header } })
  const rotated = await ask('POST', `/webhook-endpoints/${made.id}/secret/rotate`, {})
  const own = `whsec_${randomBytes(32).toString('base64')}`
  const webhooks = [
    { url: farm.url('healthy', 'default') },
    { url: farm.url('healthy', path), secret: own },
    ...attacked.map(name => ({ url: farm.url(name, path), secret: own }))
  ]
  for (const webhook of webhooks) {
    const { id } = await ask('POST', '/jobs', { ...job, webhook })
    await ask('GET', `/jobs/${id}`)
  }
  return { first: first!, second: second!, endpoint: made.secret!, rotated: rotated.secret!, own, header }
}

/** What is refused must not be said again either. @returns a word that was in several places of it */
async function beRefused(ask: Ask, farm: ReceiverFarm, { own, header }: Answer): Promise<string> {
  const word = `canary-${randomUUID()}`
  const url = `https://127.0.0.1/${word}?key=${word}`
  await ask('POST', '/jobs', { ...job, webhook: { url: 'http://10.0.0.1/', secret: own } })
  await ask('POST', '/jobs', { ...job, webhook: { url, secret: `whsec_${word}` } })
  await ask('POST', '/jobs', { ...job, webhook: { url: farm.url('healthy'), secret: word } })
  const headers = { 'x-key': `${header}\n` }
  await ask('POST', '/webhook-endpoints', { url: farm.url('healthy'), headers })
  await ask('POST', '/webhook-endpoints', { url, headers: { 'webhook-x': header } })
  return word
}

/** Those of every message that came, once the end of each job has. */
async function signaturesOf(farm: ReceiverFarm, path: string, own: string): Promise<Answer> {
  const isEnd = ({ request }: Visit) => request?.body.includes('"type":"job.done"') ?? false
  // The endpoint hears of six, the others of one each; two of them read no request.
  const visits = await farm.waitFor(isEnd, { count: 10 })
  const ofOwn = visits.find(({ request, receiver }) => receiver === 'healthy' && request!.path === `/${path}`)
  assert.equal(receive(ofOwn!, own).message.type, 'job.done')
  const headers = (await farm.visits()).map(({ request }) => request?.headers['webhook-signature'] ?? '')
  const all = headers.flatMap(header => header.split(' ')).filter(one => one !== '')
  assert.ok(all.some(one => one.startsWith('v1a,')))
  return Object.fromEntries(all.map((one, n) => [`signature ${n}`, one.split(',')[1]!]))
}

function filesIn(dir: string): Buffer[] {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true })
  return entries
    .filter(entry => entry.isFile())
    .map(({ parentPath, name }) => readFileSync(join(parentPath, name)))
}

function assertNowhere(
  what: string,
  secret: string | undefined,
  places: Readonly<Record<string, string>>,
  files: readonly Buffer[]
): void {
  assert.ok(secret !== undefined && secret.length >= 40, what)
  for (const form of formsOf(secret)) {
    for (const [place, text] of Object.entries(places))
      assert.ok(!text.includes(String(form)), `${what} is in ${place}`)
    assert.ok(!files.some(file => file.includes(form)), `${what} is in a file`)
  }
}

/** As it is told, and the bytes that it stands for, as they are, in base64 and in hex. */
function formsOf(secret: string): (string | Buffer)[] {
  if (!secret.startsWith('whsec_')) return [secret]
  const base64 = secret.slice('whsec_'.length)
  const key = Buffer.from(base64, 'base64')
  return [secret, base64, key.toString('base64url'), key.toString('hex'), key]
}
