import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ResidentRecord } from '../../../core/queue/resident.ts'
import type { Wanted } from '../../../core/queue/wanted.ts'
import { openDatabase, rowsOf } from '../jobs/fixtures.ts'

function wanted(key: string): Wanted {
  return { runner: { key }, model: { name: `${key}:latest`, digest: `digest-${key}` } } as Wanted
}

const runners = (record: ResidentRecord) => record.all.map(({ runner }) => runner).join(' ')

test('the record is empty at first, and holds what was loaded in the place of another', t => {
  const record = new ResidentRecord(openDatabase(t))
  assert.equal(record.current, undefined)
  record.set(wanted('a'), 5)
  record.set(wanted('b'), 7, record.all)
  assert.deepEqual(record.all, [{ runner: 'b', model: 'b:latest', digest: 'digest-b', loadedAt: 7 }])
})

test('several are in the order of their last use, the current one last', t => {
  const record = new ResidentRecord(openDatabase(t))
  for (const key of ['a', 'b', 'c']) record.set(wanted(key), 5)
  record.use('a')
  record.use('unknown')
  assert.deepEqual([runners(record), record.current?.runner], ['b c a', 'a'])
  record.set(wanted('d'), 6, record.all.slice(0, 1))
  assert.equal(runners(record), 'c a d')
  record.keep(({ runner }) => runner !== 'a')
  assert.equal(runners(record), 'c d')
})

test('more than ten come back in their order, beside slots that are not of the worker', t => {
  const db = openDatabase(t)
  const other = ['embed', 'e', 'e:latest', 'digest-e', 1]
  db.prepare('INSERT INTO resident (slot, runner, model, digest, loaded_at) VALUES (?, ?, ?, ?, ?)').run(
    other
  )
  const record = new ResidentRecord(db)
  for (const key of 'abcdefghijklm') record.set(wanted(key), 5)
  assert.equal(runners(new ResidentRecord(db)), [...'abcdefghijklm'].join(' '))
  record.keep(() => false)
  assert.equal(rowsOf(db, 'resident').length, 1)
})

test('a row of the time when there was one slot is read', t => {
  const db = openDatabase(t)
  db.prepare("INSERT INTO resident VALUES ('worker', 'a', 'a:latest', 'digest-a', 1)").run()
  assert.equal(new ResidentRecord(db).current?.runner, 'a')
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
  record.keep(() => false)
  record.keep(() => false)
  assert.deepEqual([record.current, new ResidentRecord(db).current], [undefined, undefined])
})
