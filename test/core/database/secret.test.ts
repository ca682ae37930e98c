import assert from 'node:assert/strict'
import { chmodSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openStore, type Store } from '../../../core/database/open.ts'
import { SecretKeyError } from '../../../core/database/secret.ts'
import { launchForeman, type SettingsPart, spawnForeman, temporaryDir } from '../../helpers/foreman.ts'

const nowhere = 'http://127.0.0.1:9'
const keyOf = (dir: string) => join(dir, 'secret.key')

/** A store that is closed at the end of `work`. */
function using<T>(dir: string, work: (store: Store) => T, keyFile?: string): T {
  const store = openStore(dir, keyFile)
  try {
    return work(store)
  } finally {
    store.close()
  }
}

test('a secret is made once, 32 bytes of its own for each name, and is there after the next start', t => {
  const dir = temporaryDir(t)
  const [first, second] = using(dir, ({ secrets }) => {
    assert.equal(secrets.find('a'), undefined)
    const made = secrets.make('a')
    assert.deepEqual(secrets.find('a'), made)
    assert.deepEqual(secrets.make('a'), made)
    return [made, secrets.make('b')]
  })
  assert.equal(first.length, 32)
  assert.notDeepEqual(first, second)
  using(dir, ({ secrets }) => assert.deepEqual([secrets.make('a'), secrets.find('b')], [first, second]))
})

test('the key file is made at the first need, for its owner alone; nothing in the database opens without it', t => {
  const dir = temporaryDir(t)
  using(dir, () => {})
  assert.equal(readdirSync(dir).includes('secret.key'), false)
  const secret = using(dir, ({ secrets }) => secrets.make('a'))
  assert.deepEqual([statSync(keyOf(dir)).size, statSync(keyOf(dir)).mode & 0o777], [32, 0o600])
  const key = readFileSync(keyOf(dir))
  for (const name of readdirSync(dir).filter(name => name.startsWith('foreman.db'))) {
    const bytes = readFileSync(join(dir, name))
    assert.equal(bytes.includes(secret) || bytes.includes(key), false, name)
  }
})

test('the same secret is sealed to other bytes each time', t => {
  const rows = [0, 1].map(() =>
    using(temporaryDir(t), ({ db, secrets }) => {
      secrets.make('a')
      return db.prepare('SELECT * FROM secret').get() as { nonce: Buffer; sealed: Buffer; tag: Buffer }
    })
  )
  assert.deepEqual(
    rows.map(({ nonce, sealed, tag }) => [nonce.length, sealed.length, tag.length]),
    [
      [12, 32, 16],
      [12, 32, 16]
    ]
  )
  assert.notDeepEqual(rows[0]!.nonce, rows[1]!.nonce)
})

test('a secret in the place of another, or changed by a bit, is not opened', t => {
  for (const change of [
    "UPDATE secret SET (nonce, sealed, tag) = (SELECT nonce, sealed, tag FROM secret WHERE name = 'b') WHERE name = 'a'",
    "UPDATE secret SET sealed = zeroblob(32) WHERE name = 'a'",
    "UPDATE secret SET tag = substr(tag, 1, 4) WHERE name = 'a'"
  ]) {
    const dir = temporaryDir(t)
    using(dir, ({ db, secrets }) => {
      secrets.make('a')
      secrets.make('b')
      db.exec(change)
      assert.throws(() => secrets.find('a'), SecretKeyError)
    })
    assert.throws(() => openStore(dir), SecretKeyError)
  }
})

test('a key file that is no key is refused, and stays as it is', t => {
  const dir = temporaryDir(t)
  writeFileSync(keyOf(dir), 'too short')
  using(dir, ({ secrets }) => assert.throws(() => secrets.make('a'), /has 9 bytes, a key has 32/))
  assert.equal(readFileSync(keyOf(dir), 'utf8'), 'too short')
})

test('while secrets are sealed no second key is made in the place of one that is missing', t => {
  const dir = temporaryDir(t)
  using(dir, ({ secrets }) => secrets.make('a'))
  rmSync(keyOf(dir))
  assert.throws(() => openStore(dir), SecretKeyError)
  assert.equal(readdirSync(dir).includes('secret.key'), false)
})

/** A data directory with secrets in it, left by a foreman that has stopped. */
async function usedDir(t: TestContext, settings: SettingsPart = {}): Promise<string> {
  const { dataDir, kill } = await spawnForeman(t, { target: nowhere, settings })
  await kill('SIGTERM')
  return dataDir
}

for (const [what, spoil] of [
  ['is missing', (file: string) => rmSync(file)],
  ['is another one', (file: string) => writeFileSync(file, Buffer.alloc(32, 7))],
  ['is cut off', (file: string) => writeFileSync(file, 'x')]
] as const) {
  test(`a start where the key file ${what} ends with 1 and says what to do, and the right one mends it`, async t => {
    const dataDir = await usedDir(t)
    const kept = readFileSync(keyOf(dataDir))
    spoil(keyOf(dataDir))
    const { code, stderr } = await launchForeman(t, { target: nowhere, dataDir }).exited
    assert.equal(code, 1)
    assert.match(stderr, /^foreman: the key file '.*secret\.key' .*put the right one there.*secret_key_file/)
    assert.match(stderr, /DELETE FROM secret/)
    assert.doesNotMatch(stderr, /^\s+at /m)
    writeFileSync(keyOf(dataDir), kept)
    await spawnForeman(t, { target: nowhere, dataDir })
  })
}

test('what the message says helps where the key is lost', async t => {
  const dataDir = await usedDir(t)
  renameSync(keyOf(dataDir), `${keyOf(dataDir)}.old`)
  assert.throws(() => openStore(dataDir), SecretKeyError)
  using(dataDir, ({ db }) => db.exec('DELETE FROM secret'), `${keyOf(dataDir)}.old`)
  await spawnForeman(t, { target: nowhere, dataDir })
  assert.equal(statSync(keyOf(dataDir)).size, 32)
})

test('secret_key_file puts the key elsewhere, made there or brought', async t => {
  const keyFile = join(temporaryDir(t), 'brought.key')
  const settings = { secret_key_file: keyFile }
  const made = await usedDir(t, settings)
  assert.deepEqual([statSync(keyFile).size, statSync(keyFile).mode & 0o777], [32, 0o600])
  assert.equal(readdirSync(made).includes('secret.key'), false)
  chmodSync(keyFile, 0o444)
  const before = readFileSync(keyFile)
  await usedDir(t, settings)
  assert.deepEqual(readFileSync(keyFile), before)
})
