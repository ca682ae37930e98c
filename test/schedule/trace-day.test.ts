/** What a day of mixed callers costs in loads; `npm run schedule -- --day` prints its table. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { busyCompany, quietCompany } from './trace-day.ts'
import { playDay, raisedTo } from './trace-day-figures.ts'
import { dayTable } from './trace-day-table.ts'

const seed = 20_260_101

test('a day of mixed callers costs a third of the load seconds of arrival order, and none for num_ctx when raised', async t => {
  const plain = await playDay(seed, busyCompany)
  const raised = await playDay(seed, busyCompany, raisedTo(plain.largest))
  for (const line of dayTable({ 'as sent': plain, 'num_ctx raised': raised })) t.diagnostic(line)
  // The ledger claims what anybody could count.
  assert.equal(plain.ledger.loads, plain.counted.loads)
  assert.ok(Math.abs(plain.ledger.seconds - plain.counted.seconds) < 1)
  for (const { foreman, ...day } of [plain, raised]) {
    for (const arrivalOrder of [day.ledger, day.counted, day.played]) {
      assert.ok(arrivalOrder.seconds >= 3 * foreman.seconds)
    }
  }
  assert.equal(raised.jobs, plain.jobs)
  assert.ok(plain.forContext.loads > 0, 'the day has conflicts')
  assert.equal(raised.forContext.loads, 0)
  assert.ok(raised.foreman.seconds < plain.foreman.seconds)
})

test('a quiet day costs no more than arrival order either', async t => {
  const figures = await playDay(seed, quietCompany)
  for (const line of dayTable({ quiet: figures })) t.diagnostic(line)
  assert.ok(figures.foreman.seconds < figures.played.seconds)
})
