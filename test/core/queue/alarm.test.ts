import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Alarm } from '../../../core/queue/alarm.ts'

const dayMs = 24 * 60 * 60 * 1000
/** What one timer of Node can wait. */
const longestTimerMs = 2 ** 31 - 1

/** An alarm that counts, silenced with the test. */
function counting(t: TestContext, ring: () => void = () => {}) {
  const counter = { rings: 0 }
  const alarm = new Alarm(() => {
    counter.rings += 1
    ring()
  })
  t.after(() => alarm.set(undefined))
  return { alarm, counter }
}

/** Resolves when a real alarm that is set now for `inMs` rings. */
function rung(inMs: number): Promise<number> {
  return new Promise(resolve => new Alarm(() => resolve(Date.now())).set(Date.now() + inMs))
}

test('it rings once, not before its time', async t => {
  const at = Date.now() + 20
  const rings: number[] = []
  await new Promise<void>(resolve => {
    counting(t, () => {
      rings.push(Date.now())
      resolve()
    }).alarm.set(at)
  })
  await rung(30)
  assert.equal(rings.length, 1)
  assert.ok(rings[0]! >= at - 1, `${at - rings[0]!} ms early`)
})

test('a time that has passed rings soon, but never within the call', async t => {
  const { alarm, counter } = counting(t)
  alarm.set(Date.now() - dayMs)
  assert.equal(counter.rings, 0)
  await rung(5)
  assert.equal(counter.rings, 1)
})

test('the time set last counts', async t => {
  const { alarm, counter } = counting(t)
  alarm.set(Date.now() + 1)
  alarm.set(Date.now() + dayMs)
  await rung(10)
  assert.equal(counter.rings, 0)
  alarm.set(undefined)
  alarm.set(Date.now() + 1)
  await rung(10)
  assert.equal(counter.rings, 1)
})

test('setEarlier moves it forwards and never back', async t => {
  const { alarm, counter } = counting(t)
  alarm.setEarlier(Date.now() + dayMs)
  alarm.setEarlier(Date.now() + 1)
  alarm.setEarlier(Date.now() + 2 * dayMs)
  await rung(10)
  assert.equal(counter.rings, 1)
})

test('it can be set anew while it rings', async t => {
  let again: () => void = () => {}
  const { alarm, counter } = counting(t, () => again())
  again = () => {
    if (counter.rings < 3) alarm.set(Date.now())
  }
  alarm.set(Date.now())
  await rung(30)
  assert.equal(counter.rings, 3)
})

test('a wait longer than a timer of Node does not ring at once', async t => {
  const { alarm, counter } = counting(t)
  const warnings: Error[] = []
  const note = (warning: Error) => warnings.push(warning)
  process.on('warning', note)
  t.after(() => process.off('warning', note))
  alarm.set(Date.now() + 40 * dayMs)
  await rung(10)
  assert.deepEqual([counter.rings, warnings], [0, []])
})

test('a wait of forty days is made of two timers', t => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] })
  const at = 40 * dayMs
  const late: number[] = []
  const { alarm } = counting(t, () => {
    if (Date.now() < at) alarm.set(at)
    else late.push(Date.now() - at)
  })
  alarm.set(at)
  t.mock.timers.tick(longestTimerMs)
  t.mock.timers.tick(at - longestTimerMs - 1)
  assert.deepEqual(late, [])
  t.mock.timers.tick(1)
  assert.deepEqual(late, [0])
})
