/** Tokens in a real database: made, proved, ended, put in each other's place; by two processes at once. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { openBeside, openStore } from '../../../core/database/open.ts'
import type { TokenDraft } from '../../../plugins/auth/token.ts'
import { KeyEnrolledError, TokenStore } from '../../../plugins/auth/token-store.ts'
import { makeTokenText } from '../../../plugins/auth/token-text.ts'
import { temporaryDir } from '../../helpers/foreman.ts'

const dayMs = 86_400_000
const draft: TokenDraft = { name: 'laptop', scopes: ['inference', 'jobs:read'], limits: { max_queued: 3 } }

function open(t: TestContext, dataDir = temporaryDir(t)) {
  const store = openStore(dataDir)
  t.after(() => store.close())
  return { dataDir, db: store.db, tokens: new TokenStore(store.db, store.secrets) }
}

test('a token is found by its text and by its id, with all that was asked for', t => {
  const { tokens } = open(t)
  const now = Date.now()
  const { token, text } = tokens.create({ ...draft, expiresAt: now + dayMs })
  assert.deepEqual(tokens.verify(text, now), { token })
  assert.deepEqual(tokens.find(token.id), token)
  assert.deepEqual(tokens.list(), [token])
  const { name, scopes, limits, expiresAt, owner, kind } = token
  assert.deepEqual({ name, scopes, limits, expiresAt }, { ...draft, expiresAt: now + dayMs })
  assert.deepEqual([owner, kind], [token.id, 'secret'])
  assert.ok(token.createdAt >= now)
})

test('the secret is nowhere in the files of the database, and without the pepper its digest is no use', t => {
  const dataDir = temporaryDir(t)
  const store = openStore(dataDir)
  const { text, token } = new TokenStore(store.db, store.secrets).create(draft)
  const parts = [text, text.slice(-38), text.slice(30, 62)]
  const files = ['foreman.db', 'foreman.db-wal'].map(name => join(dataDir, name)).filter(existsSync)
  assert.ok(files.some(file => readFileSync(file).includes(token.id)))
  for (const file of files) for (const part of parts) assert.equal(readFileSync(file).includes(part), false)
  store.db.exec('DELETE FROM secret')
  const other = new TokenStore(store.db, store.secrets)
  assert.deepEqual(other.verify(text, Date.now()), { refused: 'unknown' })
  store.close()
})

test('what is no token, an unknown id, a wrong secret and the id of a key are all unknown', t => {
  const { tokens } = open(t)
  const { token } = tokens.create(draft)
  const key = tokens.addKey(draft, 'AAAA')
  const others = ['', 'secret', makeTokenText(token.id).text, makeTokenText(key.id).text]
  others.push(makeTokenText('tok_01jd3x5y7z9abcdefghjkmnpqr').text)
  for (const text of others) assert.deepEqual(tokens.verify(text, Date.now()), { refused: 'unknown' })
})

test('that a token is over is told to who has its secret alone', t => {
  const { tokens } = open(t)
  const now = Date.now()
  const short = tokens.create({ ...draft, expiresAt: now + 1000 })
  const wrong = makeTokenText(short.token.id).text
  assert.ok('token' in tokens.verify(short.text, now + 999))
  assert.deepEqual(tokens.verify(short.text, now + 1000), { refused: 'expired' })
  assert.deepEqual(tokens.verify(wrong, now + 1000), { refused: 'unknown' })
  tokens.revoke(short.token.id, now)
  assert.deepEqual(tokens.verify(short.text, now), { refused: 'revoked' })
  assert.deepEqual(tokens.verify(wrong, now), { refused: 'unknown' })
})

test('a token is revoked once: the time of the first stays', t => {
  const { tokens } = open(t)
  const { id } = tokens.create(draft).token
  tokens.revoke(id, 1000)
  tokens.revoke(id, 2000)
  assert.equal(tokens.find(id)!.revokedAt, 1000)
})

test('a rotation keeps owner and terms, and the old token works until the overlap is over', t => {
  const { tokens } = open(t)
  const now = Date.now()
  const first = tokens.create(draft)
  const second = tokens.rotate(first.token.id, 5000, now)
  const { owner, name, scopes, limits, expiresAt } = second.token
  assert.deepEqual({ name, scopes, limits }, draft)
  assert.deepEqual([owner, expiresAt], [first.token.id, undefined])
  const old = tokens.find(first.token.id)!
  assert.deepEqual([old.replacedBy, old.expiresAt], [second.token.id, now + 5000])
  assert.ok('token' in tokens.verify(first.text, now + 4999))
  assert.deepEqual(tokens.verify(first.text, now + 5000), { refused: 'expired' })
  assert.ok('token' in tokens.verify(second.text, now + 5000))
  const third = tokens.rotate(second.token.id, 0, now)
  assert.equal(third.token.owner, first.token.id)
  assert.deepEqual(tokens.verify(second.text, now), { refused: 'expired' })
})

test('an end that was set goes over to the successor, and an overlap never outlasts it', t => {
  const { tokens } = open(t)
  const now = Date.now()
  const first = tokens.create({ ...draft, expiresAt: now + 1000 })
  const second = tokens.rotate(first.token.id, dayMs, now)
  assert.equal(second.token.expiresAt, now + 1000)
  assert.equal(tokens.find(first.token.id)!.expiresAt, now + 1000)
})

test('a key and a token that is revoked, expired or replaced cannot be rotated, and nothing is left behind', t => {
  const { tokens } = open(t)
  const now = Date.now()
  const revoked = tokens.create(draft).token
  tokens.revoke(revoked.id, now)
  const expired = tokens.create({ ...draft, expiresAt: now }).token
  const replaced = tokens.create(draft).token
  const successor = tokens.rotate(replaced.id, dayMs, now).token
  const key = tokens.addKey(draft, 'AAAA')
  const before = tokens.list()
  const refusals = [
    [revoked, /it is over/],
    [expired, /it is over/],
    [replaced, new RegExp(`${successor.id} took its place`)],
    [key, /it stands for a key/]
  ] as const
  for (const [{ id }, message] of refusals) {
    assert.throws(() => tokens.rotate(id, 0, now), { code: 'FOREMAN_TOKEN_NOT_ROTATABLE', message })
  }
  assert.deepEqual(tokens.list(), before)
})

test('a key stands for one token at a time', t => {
  const { tokens } = open(t)
  const first = tokens.addKey(draft, 'AAAA')
  assert.deepEqual([first.kind, first.owner], ['key', first.id])
  assert.equal(tokens.byKey('AAAA')?.id, first.id)
  assert.equal(tokens.byKey('BBBB'), undefined)
  assert.throws(() => tokens.addKey(draft, 'AAAA'), KeyEnrolledError)
  tokens.revoke(first.id, Date.now())
  const second = tokens.addKey(draft, 'AAAA')
  assert.equal(tokens.byKey('AAAA')?.id, second.id)
  assert.notEqual(second.owner, first.owner)
})

test('a token whose text could not be delivered is not there', t => {
  const { tokens } = open(t)
  const full = new Error('the disk is full')
  const failing = () => {
    throw full
  }
  assert.throws(() => tokens.create(draft, failing), full)
  assert.deepEqual(tokens.list(), [])
})

test('the last use is written once a minute', t => {
  const { tokens, db } = open(t)
  const { id } = tokens.create(draft).token
  const changes = () => db.prepare('SELECT total_changes()').pluck().get() as number
  const now = Date.now()
  const use = (at: number) => {
    const before = changes()
    tokens.touch(tokens.find(id)!, at)
    return changes() - before
  }
  assert.equal(use(now), 1)
  assert.equal(tokens.find(id)!.lastUsedAt, now)
  assert.deepEqual([use(now + 1), use(now + 59_999)], [0, 0])
  assert.equal(use(now + 60_000), 1)
})

test('a disk that takes nothing does not stop a token from being used', t => {
  const { tokens, db } = open(t)
  const { token, text } = tokens.create(draft)
  // SQLite refuses writes as it does on a disk that is mounted read-only.
  db.pragma('query_only = ON')
  assert.doesNotThrow(() => tokens.touch(token, Date.now()))
  assert.ok('token' in tokens.verify(text, Date.now()))
})

test('what is done beside an open store holds in it at once', t => {
  const { tokens, dataDir } = open(t)
  const beside = openBeside(dataDir)
  t.after(() => beside.close())
  const others = new TokenStore(beside.db, beside.secrets)
  const { token, text } = others.create(draft)
  assert.ok('token' in tokens.verify(text, Date.now()))
  others.revoke(token.id, Date.now())
  assert.deepEqual(tokens.verify(text, Date.now()), { refused: 'revoked' })
})

/** Rotates one token, and makes others, all at the moment when everybody is there. */
const rotator = `
  const { workerData, parentPort } = require('node:worker_threads')
  const at = path => require('node:url').pathToFileURL(require('node:path').join(workerData.root, path)).href
  Promise.all([import(at('core/database/open.ts')), import(at('plugins/auth/token-store.ts'))]).then(
    ([{ openBeside }, { TokenStore }]) => {
      const { db, secrets, close } = openBeside(workerData.dataDir)
      const tokens = new TokenStore(db, secrets)
      const gate = new Int32Array(workerData.gate)
      Atomics.add(gate, 0, 1)
      while (Atomics.load(gate, 0) < workerData.all);
      let rotated
      try {
        rotated = tokens.rotate(workerData.id, 1000, Date.now()).token.id
      } catch (err) {
        rotated = err.code
      }
      const made = Array.from({ length: 20 }, () => tokens.create(workerData.draft).token.id)
      close()
      parentPort.postMessage({ rotated, made })
    }
  )`

test('of those who rotate one token at a time one succeeds, and no token of writers at once is lost', async t => {
  const { tokens, dataDir } = open(t)
  const { id } = tokens.create(draft).token
  const all = 3
  const root = join(import.meta.dirname, '..', '..', '..')
  const workerData = { root, dataDir, id, draft, all, gate: new SharedArrayBuffer(4) }
  const workers = Array.from({ length: all }, () => new Worker(rotator, { eval: true, workerData }))
  t.after(() => Promise.all(workers.map(worker => worker.terminate())))
  const answers = await Promise.all(workers.map(worker => once(worker, 'message')))
  const said = answers.map(([answer]) => answer as { rotated: string; made: string[] })
  const lost = said.filter(({ rotated }) => rotated === 'FOREMAN_TOKEN_NOT_ROTATABLE')
  const won = said.filter(({ rotated }) => rotated.startsWith('tok_'))
  assert.deepEqual([won.length, lost.length], [1, all - 1])
  assert.equal(tokens.find(id)!.replacedBy, won[0]!.rotated)
  const there = new Set(tokens.list().map(token => token.id))
  assert.equal(there.size, 2 + all * 20)
  for (const made of said.flatMap(one => one.made)) assert.ok(there.has(made))
})
