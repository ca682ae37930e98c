import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Calibration } from '../../../core/queue/calibration.ts'
import fc from '../../helpers/fast-check.ts'
import { newJob, openBench } from '../jobs/fixtures.ts'

const outlook = { position: 1, waitMs: 10_000, deviationMs: 1000 }

test('before errors are known, an estimate is taken as it is and the p90 is careful', () => {
  const { p50Ms, p90Ms } = new Calibration().quantiles('normal other', outlook)
  assert.deepEqual([p50Ms, p90Ms], [10_000, 15_000 + 1300 + 250])
})

test('jobs that wait twice as long as expected double the next estimate', () => {
  const calibration = new Calibration()
  for (let n = 0; n < 100; n++) calibration.learn('normal other', 5000, 10_000)
  const { p50Ms, p90Ms } = calibration.quantiles('normal other', outlook)
  assert.ok(Math.abs(p50Ms - 20_000) < 1000, `${p50Ms}`)
  assert.equal(p90Ms, p50Ms)
  assert.equal(calibration.quantiles('batch other', outlook).p50Ms, 10_000, 'others are not touched')
})

test('nine of ten errors of a kind lie within the p90, half within the p50', () => {
  const calibration = new Calibration()
  for (let n = 1; n <= 200; n++) calibration.learn('b', 10_000, n * 100)
  const { p50Ms, p90Ms } = calibration.quantiles('b', outlook)
  assert.ok(p50Ms >= 10_000 && p50Ms < 10_300, `${p50Ms}`)
  assert.ok(p90Ms >= 18_000 && p90Ms < 18_300, `${p90Ms}`)
})

test('only the newest errors count', () => {
  const calibration = new Calibration()
  for (let n = 0; n < 500; n++) calibration.learn('b', 1000, 60_000)
  for (let n = 0; n < 200; n++) calibration.learn('b', 1000, 1000)
  assert.equal(Math.round(calibration.quantiles('b', outlook).p90Ms), 10_000)
})

test('a short wait errs by an amount, and none is negative', () => {
  const calibration = new Calibration()
  for (let n = 0; n < 50; n++) calibration.learn('free', 0, 5)
  const atOnce = { position: 0, waitMs: 0, deviationMs: 0 }
  const { p50Ms, p90Ms } = calibration.quantiles('free', atOnce)
  assert.ok(Math.abs(p50Ms - 5) < 0.001 && Math.abs(p90Ms - 5) < 0.001)
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(1e7), fc.nat(1e7)), { maxLength: 60 }),
      fc.nat(1e7),
      (met, waitMs) => {
        const any = new Calibration()
        for (const [expected, waited] of met) any.learn('b', expected, waited)
        const quantiles = any.quantiles('b', { position: 0, waitMs, deviationMs: 0 })
        assert.ok(quantiles.p50Ms >= 0 && quantiles.p90Ms >= quantiles.p50Ms)
      }
    )
  )
})

test('what was learned is learned again after a restart', t => {
  let clock = 0
  const { store } = openBench(t, () => clock)
  const before = new Calibration()
  for (let n = 0; n < 30; n++) {
    clock = n * 100_000
    const estimate = { basis: 'b', fromAt: clock, expectedMs: 5000, p90Ms: 9000 }
    const [job] = store.accept([{ dueAt: 0, estimate, job: newJob() }])
    clock += 1000 * n
    store.move(job!, 'working')
    before.learn('b', 5000, 1000 * n)
  }
  const after = new Calibration()
  after.teach(store.estimates)
  assert.deepEqual(after.quantiles('b', outlook), before.quantiles('b', outlook))
})
