import assert from 'node:assert/strict'
import { cpSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { migrate } from '../../../core/database/migrate.ts'
import { freshJob } from '../../../core/jobs/fresh.ts'
import { insertJob, toRow } from '../../../core/jobs/rows.ts'
import { SwapLedger } from '../../../core/queue/swap-ledger.ts'
import { temporaryDir } from '../../helpers/foreman.ts'
import { benchOn, newJob } from '../jobs/fixtures.ts'

const migrations = join(import.meta.dirname, '../../../core/database/migrations')

test('jobs and swaps from before the ledger are kept, and are not counted by it', t => {
  const db = new Database(':memory:')
  t.after(() => db.close())
  const before = temporaryDir(t)
  for (const name of readdirSync(migrations).filter(one => one < '0004')) {
    cpSync(join(migrations, name), join(before, name))
  }
  migrate(db, before)
  for (const runner of ['a', 'b', 'a']) {
    db.prepare(insertJob).run(toRow({ seq: 0, ...freshJob({ job: newJob({ runner }), dueAt: 0 }, 1) }, true))
  }
  db.exec("INSERT INTO swap (runner, started_at, duration_ms, loaded) VALUES ('a', 1, 50, 1)")
  const start = Date.now()
  migrate(db)
  const bench = benchOn(db)
  const ledger = new SwapLedger(db)
  assert.equal(ledger.advance(), false)
  // The last of the old arrivals wanted the same.
  bench.accept({ runner: 'a' })
  bench.accept({ runner: 'b' })
  while (ledger.advance());
  const { loads, arrivalLoads, since } = ledger.inAll()
  assert.deepEqual([loads, arrivalLoads], [0, 1])
  assert.ok(since >= start && since <= Date.now(), 'it counts from the migration on')
})
