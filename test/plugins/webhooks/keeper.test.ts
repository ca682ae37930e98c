import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Again } from '../../../plugins/webhooks/again.ts'
import { clearOld } from '../../../plugins/webhooks/keeper.ts'
import { rowsOf } from '../../core/jobs/fixtures.ts'
import { openParts, type PartsBench } from './parts.ts'

const rules = { retentionMs: 1000, heldMs: 500 }

function deliverAll(parts: PartsBench): void {
  for (let due = parts.begin(); due !== undefined; due = parts.begin()) parts.end(due, '2xx')
}

test('a delivery that is over goes after its time, with its attempts; its message goes with its job', t => {
  const parts = openParts(t)
  const job = parts.bench.accept()
  parts.tell(job, 'a.example')
  deliverAll(parts)
  clearOld(parts.db, rules, parts.clock.now + 1000)
  assert.equal(rowsOf(parts.db, 'webhook_attempt').length, 1)
  clearOld(parts.db, rules, parts.clock.now + 1001)
  for (const table of ['webhook_delivery', 'webhook_attempt', 'webhook_message', 'webhook_receiver'])
    assert.deepEqual(rowsOf(parts.db, table), [], table)
  assert.equal(rowsOf(parts.db, 'job').length, 1)
})

test('what is still to be delivered stays, however old', t => {
  const parts = openParts(t)
  parts.tell(parts.bench.accept(), 'a.example')
  parts.tell(undefined, 'a.example')
  clearOld(parts.db, rules, parts.clock.now + 1_000_000)
  assert.equal(rowsOf(parts.db, 'webhook_message').length, 2)
  deliverAll(parts)
  assert.equal(rowsOf(parts.db, 'webhook_attempt').length, 2)
})

test('what is held is given up after its time, and its job is let go', t => {
  const parts = openParts(t)
  const id = parts.tell(parts.bench.accept(), 'a.example', { isHeld: true })
  const expired: number[] = []
  const clear = (at: number) => clearOld(parts.db, rules, at, count => expired.push(count))
  clear(parts.clock.now + 500)
  assert.equal(parts.find(id).state, 'held')
  clear(parts.clock.now + 501)
  clear(parts.clock.now + 502)
  assert.deepEqual(expired, [1])
  const { state, reason, settledAt } = parts.find(id)
  assert.deepEqual([state, reason, settledAt], ['exhausted', 'hold_expired', parts.clock.now + 501])
  assert.deepEqual(rowsOf(parts.db, 'job_hold'), [])
})

test('more than a batch is cleared by more than one look', t => {
  const parts = openParts(t)
  const job = parts.bench.accept()
  for (let n = 0; n < 501; n++) parts.tell(job, `${n}.example`)
  parts.db.exec("UPDATE webhook_delivery SET state = 'delivered', due_at = NULL, settled_at = 0")
  assert.equal(clearOld(parts.db, rules, parts.clock.now), true)
  while (clearOld(parts.db, rules, parts.clock.now)) {}
  assert.deepEqual(rowsOf(parts.db, 'webhook_delivery'), [])
  assert.deepEqual(rowsOf(parts.db, 'webhook_receiver'), [])
})

test('a secret that was rotated goes when its time is over', t => {
  const { db } = openParts(t)
  const put = db.prepare('INSERT INTO webhook_secret VALUES (?, ?, ?, ?)')
  put.run('a', Buffer.from('new'), Buffer.from('old'), 10)
  clearOld(db, rules, 10)
  assert.notEqual(db.prepare('SELECT previous_secret FROM webhook_secret').pluck().get(), null)
  clearOld(db, rules, 11)
  assert.equal(db.prepare('SELECT previous_secret FROM webhook_secret').pluck().get(), null)
})

test('a replay sends what was not delivered and what is held, of the time and the types that are asked for', async t => {
  const parts = openParts(t)
  const again = new Again(parts.db, parts.receivers)
  const ids = Array.from({ length: 4 }, () => parts.tell(parts.bench.accept(), 'a.example', { isHeld: true }))
  parts.db.exec("UPDATE webhook_delivery SET endpoint_id = 'whe_1'")
  parts.db.exec(`UPDATE webhook_delivery SET state = 'delivered', settled_at = 1 WHERE id = '${ids[0]}'`)
  parts.db.exec(
    `UPDATE webhook_delivery SET state = 'exhausted', settled_at = 1, tries = 11 WHERE id = '${ids[1]}'`
  )
  parts.db.exec(`UPDATE webhook_delivery SET happened_at = 7 WHERE id = '${ids[2]}'`)
  const all = { endpointId: 'whe_1', since: 0, until: Number.MAX_SAFE_INTEGER, types: ['*'] }
  const { now } = parts.clock
  assert.equal(await again.replay({ ...all, state: 'exhausted', types: ['job.done'] }, now), 0)
  assert.equal(await again.replay({ ...all, state: 'exhausted', since: 8 }, now), 2)
  const [, exhausted, outside, held] = ids.map(id => parts.find(id))
  assert.deepEqual([exhausted!.state, exhausted!.tries, exhausted!.settledAt], ['pending', 0, null])
  assert.deepEqual([outside!.state, held!.state], ['held', 'pending'])
  assert.equal(await again.replay({ ...all, state: 'all' }, now), 2, 'what is on its way is not begun again')
  deliverAll(parts)
  assert.deepEqual(
    ids.map(id => parts.find(id).state),
    Array(4).fill('delivered')
  )
  assert.equal(await again.replay({ ...all, endpointId: 'whe_2', state: 'all' }, now), 0)
})
