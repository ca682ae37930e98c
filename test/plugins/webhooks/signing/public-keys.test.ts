import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { test } from 'node:test'
import { ed25519Key, publicJwks } from '../../../../plugins/webhooks/signing/public-keys.ts'

/** RFC 8032 section 7.1, test 1; the same key is in RFC 8037, appendix A. */
const vector = {
  seed: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
  publicKey: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
  signatureOfNothing:
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b'
}

test('the key of a seed signs as RFC 8032 has it', () => {
  const key = ed25519Key(Buffer.from(vector.seed, 'hex'))
  assert.equal(key.type, 'private')
  assert.equal(sign(null, Buffer.alloc(0), key).toString('hex'), vector.signatureOfNothing)
})

test('the published key has the public half alone, with the id of RFC 8037', () => {
  const published = publicJwks(ed25519Key(Buffer.from(vector.seed, 'hex')))
  assert.deepEqual(published, {
    keys: [
      {
        kty: 'OKP',
        crv: 'Ed25519',
        x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
        kid: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
        use: 'sig',
        alg: 'EdDSA',
        public_key: `whpk_${Buffer.from(vector.publicKey, 'hex').toString('base64')}`
      }
    ]
  })
})
