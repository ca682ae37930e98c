import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LoadedRunners, victimsFor } from '../../../core/queue/slots.ts'
import { SlotsThatHold } from '../../../core/queue/slots-that-hold.ts'

test('while a slot is free nobody has to go', () => {
  assert.deepEqual(victimsFor('c', ['a', 'b'], 3), [])
  assert.deepEqual(victimsFor('a', [], 1), [])
})

test('when all are taken the least recently used goes, and more of them where there are too many', () => {
  assert.deepEqual(victimsFor('c', ['a', 'b'], 2), ['a'])
  assert.deepEqual(victimsFor('d', ['a', 'b', 'c'], 1), ['a', 'b', 'c'])
})

test('the same weights with other options always go, and make the room', () => {
  const loaded = ['sha256:1', 'sha256:2+num_ctx=8', 'sha256:3']
  assert.deepEqual(victimsFor('sha256:2', loaded, 3), ['sha256:2+num_ctx=8'])
  assert.deepEqual(victimsFor('sha256:2+num_ctx=9', loaded, 2), ['sha256:2+num_ctx=8', 'sha256:1'])
})

test('a runner that is loaded already is no victim of itself', () => {
  assert.deepEqual(victimsFor('a', ['a', 'b'], 2), [])
})

test('loaded runners are kept in the order of their last use', () => {
  const loaded = new LoadedRunners(2)
  loaded.use('a', 1)
  loaded.use('b', 2)
  loaded.use('a', 3)
  loaded.freed('b', 4)
  assert.deepEqual([loaded.runners, loaded.victims('c')], [['b', 'a'], ['b']])
  assert.deepEqual([loaded.freeSince('a'), loaded.freeSince('b')], [3, 4])
})

test('a copy goes its own way', () => {
  const loaded = new LoadedRunners(2)
  loaded.use('a', 1)
  const copy = loaded.copy()
  copy.use('b', 2)
  copy.hold(['b'], 3)
  assert.deepEqual([loaded.runners, copy.runners, copy.freeSince('b')], [['a'], ['b'], 2])
})

test('the number that holds is believed for ten minutes, and told once', () => {
  const told: object[] = []
  const slots = new SlotsThatHold(4, { warn: (facts: object) => void told.push(facts) })
  assert.equal(slots.at(0), 4)
  slots.pushedOut(2, 1000)
  assert.deepEqual([slots.at(1000), slots.at(600_999), slots.at(601_000)], [2, 2, 4])
  slots.pushedOut(2, 700_000)
  assert.deepEqual(told, [{ workerSlots: 4, kept: 2 }])
  slots.pushedOut(1, 700_001)
  assert.equal(told.length, 2)
})

test('a target that was started anew is tried with all slots, and told of again', () => {
  let told = 0
  const slots = new SlotsThatHold(3, { warn: () => void told++ })
  slots.pushedOut(1, 0)
  slots.forget()
  assert.equal(slots.at(1), 3)
  slots.pushedOut(1, 2)
  assert.equal(told, 2)
})
