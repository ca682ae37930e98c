/** The signatures of clients/vectors are made by foreman's own code, and judged by the official library. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { ed25519Key, publicJwks } from '../../plugins/webhooks/signing/public-keys.ts'
import { parseSecret } from '../../plugins/webhooks/signing/secret-text.ts'
import { signatureHeaders } from '../../plugins/webhooks/signing/sign.ts'
import { type SignaturesCase, vectors } from './vector-files.ts'

const cases = vectors('signatures')

test('foreman signs the messages of signatures.json to the byte', () => {
  for (const { name, from, made_of, headers, body } of cases) {
    assert.equal(made_of !== undefined, from === 'foreman', name)
    if (made_of === undefined) continue
    const { id, at_s, secrets, ed25519_seed } = made_of
    const ed25519 = ed25519_seed === undefined ? undefined : ed25519Key(Buffer.from(ed25519_seed, 'hex'))
    const keys = { secrets: secrets.map(text => parseSecret(text)!), ...(ed25519 && { ed25519 }) }
    assert.deepEqual(signatureHeaders({ id, atS: at_s, body }, keys), headers, name)
  }
})

test('foreman takes for a secret what the clients take for one', () => {
  const bad = cases.filter(({ verdict }) => verdict === 'secret').flatMap(({ secrets }) => secrets)
  const good = cases.filter(({ verdict }) => verdict !== 'secret').flatMap(({ secrets }) => secrets)
  for (const text of good.filter(text => text.startsWith('whsec_'))) assert.ok(parseSecret(text), text)
  // One good one stands beside a bad one.
  const refused = bad.filter(text => !good.includes(text))
  assert.ok(refused.length > 2)
  for (const text of refused) assert.equal(parseSecret(text), undefined, text)
})

test('the public key of the vectors is the one that foreman publishes', () => {
  const { made_of, secrets } = cases.find(({ secrets }) => secrets[0]?.startsWith('whpk_'))!
  const published = publicJwks(ed25519Key(Buffer.from(made_of!.ed25519_seed!, 'hex'))).keys[0]!
  assert.deepEqual(secrets, [published.public_key])
})

test('the official library decides as signatures.json says', t => {
  t.mock.timers.enable({ apis: ['Date'] })
  for (const one of cases) {
    const { name, now_s, verdict, standardwebhooks } = one
    t.mock.timers.setTime(now_s * 1000)
    const usual = verdict === 'accepted' ? 'accepts' : 'refuses'
    assert.equal(decision(one), standardwebhooks ?? usual, name)
    // Only what is another decision is marked.
    assert.notEqual(standardwebhooks, usual, name)
  }
})

test('the first message of signatures.json is that of docs/webhooks.md', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/webhooks.md'), 'utf8')
  const { name, headers, body, secrets } = cases[0]!
  assert.match(name, /docs\/webhooks\.md/)
  assert.equal(body, JSON.stringify(JSON.parse(/^```json\n(.*?)\n```$/ms.exec(page)![1]!)))
  const shown = [...page.matchAll(/^(webhook-(?:id|timestamp|signature)): (.*)$/gm)]
  assert.deepEqual(Object.fromEntries(shown.map(([, name, value]) => [name, value])), headers)
  assert.ok(page.includes(`under the secret \`${secrets[0]}\``))
})

/** It knows one secret at a time, 300 s, and HMAC alone. */
function decision({ secrets, headers, body }: SignaturesCase): 'accepts' | 'refuses' {
  const accepted = secrets.some(secret => {
    try {
      new Webhook(secret).verify(body, headers)
      return true
    } catch {
      return false
    }
  })
  return accepted ? 'accepts' : 'refuses'
}
