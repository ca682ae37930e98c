import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ResidentRecord } from '../../../core/queue/resident.ts'
import type { Wanted } from '../../../core/queue/wanted.ts'
import { openDatabase, rowsOf } from '../jobs/fixtures.ts'

function wanted(key: string): Wanted {
  return { runner: { key }, model: { name: `${key}:latest`, digest: `digest-${key}` } } as Wanted
}

test('the record is empty at first, and holds what was loaded last', t => {
  const record = new ResidentRecord(openDatabase(t))
  assert.equal(record.current, undefined)
  record.set(wanted('a'), 5)
  record.set(wanted('b'), 7)
  assert.deepEqual(record.current, { runner: 'b', model: 'b:latest', digest: 'digest-b', loadedAt: 7 })
})

test('it outlives the process that wrote it', t => {
  const db = openDatabase(t)
  const first = new ResidentRecord(db)
  first.set(wanted('a'), 5)
  assert.deepEqual(new ResidentRecord(db).current, first.current)
  assert.equal(rowsOf(db, 'resident').length, 1)
})

test('a cleared record stays clear', t => {
  const db = openDatabase(t)
  const record = new ResidentRecord(db)
  record.set(wanted('a'), 5)
  record.clear()
  record.clear()
  assert.deepEqual([record.current, new ResidentRecord(db).current], [undefined, undefined])
})
