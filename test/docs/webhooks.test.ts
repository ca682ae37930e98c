/** What docs/webhooks.md says, against what foreman does. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Value } from 'typebox/value'
import { parse } from 'yaml'
import { configSchema } from '../../plugins/webhooks/config.ts'
import { egressRules } from '../../plugins/webhooks/egress/rules.ts'
import { allTypes } from '../../plugins/webhooks/event-types.ts'
import { ed25519Key, publicJwks } from '../../plugins/webhooks/signing/public-keys.ts'
import { parseSecret } from '../../plugins/webhooks/signing/secret-text.ts'
import { type SignatureHeaders, signatureHeaders } from '../../plugins/webhooks/signing/sign.ts'
import { temporaryDir } from '../helpers/foreman.ts'
import { paste } from './pasted.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/webhooks.md'), 'utf8')
const block = (language: string) =>
  new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(page)![1]!
const headerOf = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(page)![1]!
const defaults = Value.Default(configSchema, {}) as { retry_schedule_s: number[] }

test('the reader of docs/webhooks.md is told of jobs, also after having been away', {
  timeout: 120_000
}, async t => {
  const said = await paste(t, 'webhooks.md')
  assert.equal(said.length, 6)
  const [first, ...told] = said[2]!.trim().split('\n')
  assert.match(first!, /^listening on http:\/\/127\.0\.0\.1:\d+$/)
  assert.deepEqual(
    told.map(line => line.split(' ')[1]),
    ['job.queued', 'job.loading', 'job.working', 'job.done']
  )
  assert.equal(new Set(told.map(line => line.split(' ')[2])).size, 1)
  assert.match(said[3]!, /^evt_[0-9a-z]{26} job\.done job_[0-9a-z]{26} \d+\n\s*$/)
  assert.match(said[4]!, /^"state":"delivered"\nevt_[0-9a-z]{26} webhook_endpoint\.test - -\n\s*$/)
})

test('the message that is shown has the signature that is shown', () => {
  const body = JSON.stringify(JSON.parse(block('json')))
  const shown = { id: headerOf('webhook-id'), atS: Number(headerOf('webhook-timestamp')), body }
  const secret = parseSecret(/`(whsec_[\w+/=]+)`: something to try/.exec(page)![1]!)!
  const { 'webhook-signature': signature } = signatureHeaders(shown, { secrets: [secret] })
  assert.equal(headerOf('webhook-signature'), signature)
})

test('the code for the public key accepts what foreman signs with it, and nothing else', async t => {
  const file = join(temporaryDir(t), 'genuine.mjs')
  writeFileSync(file, block('js'))
  const { isGenuine } = (await import(file)) as {
    isGenuine(headers: SignatureHeaders, body: Buffer, keys: readonly object[]): boolean
  }
  const key = ed25519Key(randomBytes(32))
  const body = Buffer.from('{"type":"job.done","data":{"result":"中 🦙"}}')
  const secrets = [randomBytes(32)]
  const message = { id: 'evt_01m84xqgeyy3t2zj84jkd3y1tg', atS: 1795461726, body }
  const headers = signatureHeaders(message, { secrets, ed25519: key })
  const { keys } = publicJwks(key)
  const others = publicJwks(ed25519Key(randomBytes(32))).keys
  assert.equal(isGenuine(headers, body, keys), true)
  assert.equal(isGenuine(headers, body, [...others, ...keys]), true)
  assert.equal(isGenuine(headers, body, others), false)
  assert.equal(isGenuine(headers, Buffer.concat([body, Buffer.from(' ')]), keys), false)
  assert.equal(isGenuine({ ...headers, 'webhook-timestamp': '1795461727' }, body, keys), false)
  assert.equal(isGenuine(signatureHeaders(message, { secrets }), body, keys), false)
})

test('the table of attempts is the schedule', () => {
  const rows = [...page.matchAll(/^\| (\d+) \| ([\d.]+) (s|min|h) \| ([\d.]+) (s|min|h) \|$/gm)]
  const unitsS = { s: 1, min: 60, h: 3600 }
  const secondsOf = (amount = '', unit = '') => Number(amount) * unitsS[unit as keyof typeof unitsS]
  assert.deepEqual(
    rows.map(([, , amount, unit]) => secondsOf(amount, unit)),
    defaults.retry_schedule_s
  )
  let sinceS = 0
  for (const [n, [, attempt, , , amount, unit]] of rows.entries()) {
    sinceS += defaults.retry_schedule_s[n]!
    assert.equal(Number(attempt), n + 2)
    // As exact as it is written.
    const digits = unit === 'h' ? 1 : 0
    assert.equal(
      (sinceS / unitsS[unit as keyof typeof unitsS]).toFixed(digits),
      Number(amount).toFixed(digits)
    )
  }
})

test('every type of event and every key of the configuration is named', () => {
  const named = new Set([...page.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/`([^`\n]+)`/g)].map(m => m[1]!))
  assert.deepEqual(
    allTypes.filter(type => !named.has(type)),
    []
  )
  const keys = Object.keys(configSchema.properties)
  assert.ok(keys.length > 5)
  assert.deepEqual(
    keys.filter(key => !named.has(key) && !named.has(`plugins.webhooks.${key}`)),
    ['allow']
  )
})

test('what the page lets through is let through, and the rest is not', () => {
  const { allow } = parse(block('yaml')).plugins.webhooks as { allow: string[] }
  const rulesWith = (list: readonly string[]) =>
    egressRules({ allow: list, own: () => [], target: new URL('http://127.0.0.1:11434') })
  const listed = [
    'http://192.168.1.20:8080/',
    'https://192.168.1.77/',
    'https://[fd00::1234]/',
    'http://hooks.lan:8080/',
    'http://host.docker.internal:9000/'
  ]
  assert.equal(listed.length, allow.length)
  for (const url of listed) {
    assert.equal(rulesWith(allow).check(url).href, url)
    assert.throws(() => rulesWith([]).check(url), { wireCode: 'webhook_url_refused' }, url)
  }
  for (const url of ['http://192.168.1.21:8080/', 'http://127.0.0.1:9000/', 'http://169.254.169.254/'])
    assert.throws(() => rulesWith(allow).check(url), { wireCode: 'webhook_url_refused' }, url)
})
