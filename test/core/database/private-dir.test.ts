import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openStore } from '../../../core/database/open.ts'
import { keepPrivate } from '../../../core/database/private-dir.ts'
import { spawnForeman, temporaryDir } from '../../helpers/foreman.ts'

const modeOf = (path: string) => statSync(path).mode & 0o7777

/** Names of all files and folders below `dir` that anybody but the owner has a right to. */
function openToOthers(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter(
    name => modeOf(join(dir, name)) & 0o077
  )
}

/** Runs `work` as a process that leaves all rights to everybody would. */
function withoutUmask(work: () => void): void {
  const before = process.umask(0)
  try {
    work()
  } finally {
    process.umask(before)
  }
}

test('what foreman makes is for its owner alone, whatever the umask', t => {
  const dir = join(temporaryDir(t), 'data')
  withoutUmask(() => {
    const { db, secrets, notices, close } = openStore(dir)
    t.after(close)
    db.exec("INSERT INTO resident VALUES ('worker', 'a', 'm', 'd', 5)")
    secrets.make('a')
    assert.deepEqual(notices, [])
  })
  assert.equal(modeOf(dir), 0o700)
  assert.deepEqual(openToOthers(dir), [])
})

test('a directory and files that were open to others are tightened, and that is told', t => {
  const dir = temporaryDir(t)
  const first = openStore(dir)
  first.secrets.make('a')
  first.close()
  mkdirSync(join(dir, 'blobs'))
  for (const name of readdirSync(dir)) chmodSync(join(dir, name), 0o777)
  chmodSync(dir, 0o755)
  const second = openStore(dir)
  t.after(() => second.close())
  assert.equal(second.notices.length, 1)
  assert.match(second.notices[0]!, /was open to others \(0755\): it is for its owner alone now \(0700\)/)
  assert.deepEqual([modeOf(dir), openToOthers(dir)], [0o700, []])
})

/** A directory of somebody else's: one that is made so where this user may do that, else one of the system's. */
function foreignDir(t: TestContext): string {
  if (process.getuid!() !== 0) return '/usr'
  const dir = temporaryDir(t)
  chmodSync(dir, 0o755)
  chownSync(dir, 65_534, 65_534)
  return dir
}

test('a directory of another user is left as it is, with a warning', t => {
  const dir = foreignDir(t)
  const before = modeOf(dir)
  assert.match(keepPrivate(dir).join(), /belongs to another user/)
  assert.equal(modeOf(dir), before)
})

test('a directory in which all may write is not taken from them', t => {
  const dir = temporaryDir(t)
  chmodSync(dir, 0o1777)
  assert.match(keepPrivate(dir).join(), /is shared by all users \(01777\)/)
  assert.equal(modeOf(dir), 0o1777)
})

test('the process tells what it tightened, and makes nothing for others', async t => {
  const dataDir = temporaryDir(t)
  chmodSync(dataDir, 0o750)
  const { url, logged } = await spawnForeman(t, { target: 'http://127.0.0.1:9', dataDir })
  await logged(`the data directory '${dataDir}' was open to others (0750)`)
  const body = JSON.stringify({ model: 'a', prompt: 'hello' })
  const headers = { 'content-type': 'application/json' }
  assert.equal((await fetch(`${url}/jobs`, { method: 'POST', headers, body })).status, 202)
  const upload = { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'hello' }
  assert.equal((await fetch(`${url}/artifacts`, upload)).status, 201)
  assert.deepEqual([modeOf(dataDir), openToOthers(dataDir)], [0o700, []])
})
