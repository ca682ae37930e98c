import assert from 'node:assert/strict'
import { test } from 'node:test'
import { soleCaller } from '../../../core/access/caller.ts'
import { gapForCaller } from '../../../core/follow/gaps.ts'
import { LivePositions, type PositionParts } from '../../../core/follow/live-positions.ts'
import { LiveProgress, type ProgressParts } from '../../../core/follow/live-progress.ts'
import { EventLog } from '../../../core/jobs/event-log.ts'
import { OutputFolds } from '../../../core/jobs/fold-outputs.ts'
import { Epochs } from '../../../core/jobs/places.ts'
import { openDatabase } from '../jobs/fixtures.ts'
import { fullScans, statementsOf } from '../jobs/plans.ts'

test('followers are served from indexes: nobody who comes makes foreman read every job', t => {
  const db = openDatabase(t)
  const statements = statementsOf(db, () => {
    new EventLog(db)
    new OutputFolds(db)
    new LivePositions({ db } as PositionParts)
    new LiveProgress({ db } as ProgressParts)
    const epochs = new Epochs(db)
    gapForCaller(db, epochs, soleCaller, { epoch: epochs.current, n: 0 })
  })
  assert.ok(statements.length > 10)
  for (const sql of statements) assert.deepEqual(fullScans(db, sql), [], sql)
})
