import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AttemptWaiters } from '../../../plugins/webhooks/attempt-waiters.ts'

const longMs = 60_000
const never = new AbortController().signal

/** Whether a promise is settled when all that is due now was done. */
async function isSettled(promise: Promise<void>): Promise<boolean> {
  const later = new Promise<false>(resolve => setImmediate(() => resolve(false)))
  return Promise.race([promise.then(() => true), later])
}

test('whoever waits is woken by news that are enough, and by no others', async () => {
  const waiters = new AttemptWaiters()
  let isOver = false
  const waiting = waiters.wait(() => isOver, longMs, never)
  waiters.tell()
  assert.equal(await isSettled(waiting), false)
  isOver = true
  assert.equal(await isSettled(waiting), false, 'nobody told')
  waiters.tell()
  assert.equal(await isSettled(waiting), true)
})

test('whoever has left is asked no more', async () => {
  const waiters = new AttemptWaiters()
  const leaving = new AbortController()
  let asked = 0
  const waiting = waiters.wait(() => ++asked > 1, longMs, leaving.signal)
  waiters.tell()
  leaving.abort()
  await waiting
  waiters.tell()
  assert.equal(asked, 1)
  assert.equal(await isSettled(waiters.wait(() => false, longMs, leaving.signal)), true)
})

test('a wait ends with its time, and all end with foreman', async () => {
  const waiters = new AttemptWaiters()
  await waiters.wait(() => false, 1, never)
  const waiting = waiters.wait(() => false, longMs, never)
  assert.equal(await isSettled(waiting), false)
  waiters.close()
  assert.equal(await isSettled(waiting), true)
  assert.equal(await isSettled(waiters.wait(() => false, longMs, never)), true)
})
