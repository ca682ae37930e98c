/** Which time decides where a receiver takes its own: that of the body, or that of the attempt. */
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { holdTimers } from '../../../helpers/held-timers.ts'
import { says, sendTo } from './stage.ts'

/** How long the body of an answer may take. */
const bodyMs = 2000
/** A length that no other timer has. */
const attemptMs = 54_321

test('a 2xx whose body never comes is a success after two seconds', async t => {
  const body = holdTimers(t, bodyMs)
  const sent = sendTo(t, says('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n'))
  await body.waiting()
  body.run()
  const { answer: got } = await sent
  assert.equal(got.outcome, '2xx')
  assert.equal(got.response.length, 0)
})

test('a 2xx whose body never ends is a success at the end of the attempt, if that is sooner', async t => {
  const attempt = holdTimers(t, attemptMs)
  const body = holdTimers(t, bodyMs)
  const sent = sendTo(t, says('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc'), { timeoutMs: attemptMs })
  await body.waiting()
  // What had come with the head is read in the turn in which that timer began.
  await new Promise(setImmediate)
  attempt.run()
  const { answer: got } = await sent
  assert.equal(got.outcome, '2xx')
  assert.equal(got.response.toString(), 'abc')
  assert.equal(body.overdue, 0)
})

test('a receiver that never answers is given up at the end of the time', async t => {
  const { answer: got } = await sendTo(t, () => {}, { timeoutMs: 200 })
  assert.equal(got.outcome, 'timeout')
  assert.equal(got.error, 'no answer in time')
  assert.ok(got.durationMs >= 199, `${got.durationMs} ms`)
})

test('one that answers a byte at a time gains no time by that', async t => {
  const attempt = holdTimers(t, attemptMs)
  let sender: Socket | undefined
  const watch = (message: unknown) => {
    sender = (message as { socket: Socket }).socket
  }
  subscribe('net.client.socket', watch)
  t.after(() => unsubscribe('net.client.socket', watch))
  const head = 'HTTP/1.1 200 OK\r\nx: '
  const drips = async (socket: Socket) => {
    socket.setNoDelay()
    for (const piece of [head, ...'yyyyyyyyyy']) {
      socket.write(piece)
      await new Promise(setImmediate)
    }
  }
  const sent = sendTo(t, drips, { timeoutMs: attemptMs })
  while ((sender?.bytesRead ?? 0) < head.length + 10) await new Promise(setImmediate)
  assert.equal(attempt.started, 1, 'one timer from the beginning')
  attempt.run()
  const { answer: got } = await sent
  assert.equal(got.outcome, 'timeout')
  assert.equal(got.error, 'no answer in time')
})
