import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, watch } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStore } from '../../../core/database/open.ts'

test('what is committed gets into the database file without a commit making the checkpoint', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'foreman-test-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const store = openStore(dir)
  t.after(() => store.db.open && store.close())
  store.db.exec('CREATE TABLE filler (text TEXT)')
  const file = watch(join(dir, 'foreman.db'))
  t.after(() => file.close())
  // A commit writes to the log alone, and these are far fewer pages than make it checkpoint: only the thread can.
  const moved = once(file, 'change')
  store.db.prepare("INSERT INTO filler SELECT hex(zeroblob(2000)) FROM json_each('[1,2,3,4,5,6,7,8]')").run()
  await moved
})

test('the thread is out of the database when the store is closed, whatever it was at', async t => {
  for (const rows of [0, 8, 100_000]) {
    const dir = mkdtempSync(join(tmpdir(), 'foreman-test-'))
    t.after(() => rmSync(dir, { recursive: true, force: true }))
    const store = openStore(dir)
    const file = watch(join(dir, 'foreman.db'))
    const moved = once(file, 'change')
    store.db.exec('CREATE TABLE filler (text TEXT)')
    const fill = store.db.prepare(
      'INSERT INTO filler WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT hex(i) FROM n LIMIT ?'
    )
    fill.run(rows)
    await moved
    file.close()
    fill.run(rows)
    store.close()
    // The last connection to be closed removes the log: that was the store's.
    assert.equal(existsSync(join(dir, 'foreman.db-wal')), false)
  }
})
