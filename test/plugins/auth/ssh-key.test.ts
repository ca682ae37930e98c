import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { runInNewContext } from 'node:vm'
import { keyOfBlob, PublicKeyError, readPublicKey } from '../../../plugins/auth/ssh-key.ts'
import fc from '../../helpers/fast-check.ts'
import vectors from './cli-signatures.json' with { type: 'json' }
import { blobOf, newKey } from './ssh-keys.ts'

const [word, vectorBlob = '', comment] = vectors.key.split(' ')

function faultOf(read: () => unknown): string {
  try {
    read()
  } catch (error) {
    assert.ok(error instanceof PublicKeyError, String(error))
    return error.fault
  }
  return 'none'
}

/** An OpenSSH private key in its looks, with nothing in it. */
const privateKey = [
  '-----BEGIN OPENSSH PRIVATE KEY-----',
  'b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ==',
  '-----END OPENSSH PRIVATE KEY-----',
  ''
].join('\n')

test('a key of ssh-keygen is read with the fingerprint that ssh-keygen shows', () => {
  const read = readPublicKey(`${vectors.key}\n`)
  assert.equal(read.blob, vectorBlob)
  assert.equal(read.fingerprint, vectors.fingerprint)
  assert.equal(read.comment, comment)
  assert.equal(read.key.asymmetricKeyType, 'ed25519')
  assert.equal(read.key.type, 'public')
})

test('blanks around the words, empty lines, comment lines and line ends of Windows do not matter', () => {
  const texts = [
    `${word} ${vectorBlob}`,
    `\ufeff  ${word}\t ${vectorBlob}  ada@laptop `,
    `\r\n# the laptop\r\n\r\n${vectors.key}\r\n  # ssh-rsa AAAA\r\n`
  ]
  for (const text of texts) assert.equal(readPublicKey(text).blob, vectorBlob)
  assert.ok(!('comment' in readPublicKey(texts[0]!)))
  assert.equal(readPublicKey(texts[1]!).comment, 'ada@laptop')
})

test('a comment is fit to be shown: blanks stay, signs that nobody sees go, and it has an end', () => {
  assert.equal(readPublicKey(`${vectors.key} (home), 2026`).comment, 'ada@laptop (home), 2026')
  assert.equal(readPublicKey(newKey('\u001b[31mred\u202eder').line).comment, '[31mredder')
  assert.equal(readPublicKey(newKey('\u0000 \u200b').line).comment, undefined)
  assert.equal(readPublicKey(newKey('ö'.repeat(1000)).line).comment, 'ö'.repeat(255))
})

test('what is not one ed25519 key is refused by what it is', () => {
  const { line, blob } = newKey()
  const bare = Buffer.from(blob, 'base64').subarray(-32)
  const cases: [text: string, fault: string][] = [
    ['', 'no_key'],
    [' \n# nothing\n', 'no_key'],
    [`${line}\n${line}`, 'several_lines'],
    [`${line}\r${line}`, 'several_lines'],
    [line.replace(blob, `${blob.slice(0, 40)}\n${blob.slice(40)}`), 'several_lines'],
    [blob, 'no_type'],
    [`from="10.0.0.1" ${line}`, 'no_type'],
    [`"${line}"`, 'no_type'],
    [`SSH-ED25519 ${blob}`, 'no_type'],
    ['---- BEGIN SSH2 PUBLIC KEY ----', 'no_type'],
    [`ssh-rsa ${blobOf('ssh-rsa', 'e', 'n')}`, 'other_type'],
    ['ecdsa-sha2-nistp256 AAAA', 'other_type'],
    ['sk-ssh-ed25519@openssh.com AAAA', 'other_type'],
    ['ssh-ed25519-cert-v01@openssh.com AAAA', 'other_type'],
    [`ssh-ed25519 ${blobOf('ssh-rsa', bare)}`, 'type_mismatch'],
    [`ssh-ed25519 ${blobOf('', bare)}`, 'type_mismatch'],
    ['ssh-ed25519', 'truncated'],
    ['ssh-ed25519 AAAA', 'truncated'],
    [`ssh-ed25519 ${blobOf('ssh-ed25519')}`, 'truncated'],
    [`ssh-ed25519 ${blob.slice(0, 64)}`, 'truncated'],
    [`ssh-ed25519 ${blob.slice(0, 65)}`, 'not_base64'],
    [`ssh-ed25519 ${Buffer.from(blob, 'base64').subarray(0, 50).toString('base64')}`, 'truncated'],
    [`ssh-ed25519 ${blobOf('ssh-ed25519', bare.subarray(1))}`, 'wrong_length'],
    [`ssh-ed25519 ${blobOf('ssh-ed25519', Buffer.concat([bare, bare]))}`, 'wrong_length'],
    [`ssh-ed25519 ${blobOf('ssh-ed25519', bare, '')}`, 'trailing_bytes'],
    [
      `ssh-ed25519 ${Buffer.concat([Buffer.from(blob, 'base64'), bare]).toString('base64')}`,
      'trailing_bytes'
    ],
    [`ssh-ed25519 *${blob.slice(1)}`, 'not_base64'],
    [`ssh-ed25519 ${Buffer.alloc(4, 0xff).toString('base64')}`, 'truncated']
  ]
  for (const [text, fault] of cases)
    assert.equal(
      faultOf(() => readPublicKey(text)),
      fault,
      text
    )
})

test('a private key in any usual form is told apart, and nothing of it is in the error', () => {
  const { privateKey: other } = generateKeyPairSync('ed25519')
  const texts = [
    privateKey,
    `${vectors.key}\n${privateKey}`,
    privateKey.split('\n')[1]!,
    other.export({ type: 'pkcs8', format: 'pem' }).toString(),
    generateKeyPairSync('rsa', { modulusLength: 1024 })
      .privateKey.export({ type: 'pkcs1', format: 'pem' })
      .toString(),
    'PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n'
  ]
  for (const text of texts)
    assert.throws(
      () => readPublicKey(text),
      (error: PublicKeyError) =>
        error.fault === 'private_key' && error.message.includes('.pub') && !error.message.includes('b3Blbn')
    )
  assert.equal(readPublicKey(`${word} ${vectorBlob} the PRIVATE KEY is elsewhere`).blob, vectorBlob)
})

test('a blob has one spelling: base64 that other readers take for the same bytes is refused', () => {
  const { blob } = newKey()
  // Of a blob that uses both signs, the spelling for URLs differs too.
  const withSigns = blobOf('ssh-ed25519', Buffer.alloc(32, 0xff))
  const spellings = [
    `${blob}=`,
    `${blob}\n`,
    ` ${blob}`,
    `${blob.slice(0, 10)}\n${blob.slice(10)}`,
    `${blob}!`,
    withSigns.replaceAll('/', '_')
  ]
  assert.equal(
    faultOf(() => keyOfBlob(blob)),
    'none'
  )
  for (const spelling of spellings)
    assert.equal(
      faultOf(() => keyOfBlob(spelling)),
      'not_base64',
      spelling
    )
})

test('the key of a blob is the key of its line', () => {
  const { line, blob } = newKey()
  assert.ok(keyOfBlob(blob).equals(readPublicKey(line).key))
  assert.ok(!keyOfBlob(blob).equals(keyOfBlob(vectorBlob)))
})

test('any text is read or refused by an error of ours, and every cut of a line is refused', () => {
  const changed = fc
    .tuple(fc.nat(vectors.key.length), fc.string({ unit: 'binary', maxLength: 8 }))
    .map(([at, text]) => vectors.key.slice(0, at) + text + vectors.key.slice(at + text.length))
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), changed), text => {
      faultOf(() => readPublicKey(text))
      faultOf(() => keyOfBlob(text))
    }),
    { numRuns: 2000 }
  )
  const end = `${word} ${vectorBlob}`.length
  for (let length = 0; length < end; length += 1)
    assert.notEqual(
      faultOf(() => readPublicKey(vectors.key.slice(0, length))),
      'none'
    )
})

test('texts made to be slow are read in a time that grows as their length, not as its square', () => {
  const long = 1_000_000
  const texts = [
    '-----BEGIN '.repeat(long / 10),
    `-----BEGIN ${'A '.repeat(long)}`,
    ' '.repeat(long),
    'a '.repeat(long)
  ]
  texts.push(`ssh-ed25519${' \t'.repeat(long)}x`, `ssh-ed25519 ${'A'.repeat(long)}`, '\n \r'.repeat(long))
  // The square of a million steps takes hours; what this ends there would otherwise end in milliseconds.
  const read = (text: string) =>
    runInNewContext('read()', { read: () => faultOf(() => readPublicKey(text)) }, { timeout: 300_000 })
  for (const text of texts) assert.notEqual(read(text), 'none')
})
