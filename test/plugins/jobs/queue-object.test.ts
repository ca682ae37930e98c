import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startForeman } from '../../helpers/foreman.ts'
import { ready } from '../../strength/support/jobs.ts'
import { startFake, withShortPauses } from '../../strength/support/rig.ts'
import { chatBody, type Stage, speaker, startStage } from './stage.ts'

interface Swaps {
  readonly loads: number
  readonly load_s: number
  readonly arrival_order_loads: number
  readonly arrival_order_load_s: number
  readonly since: string
}

interface Score {
  readonly jobs: number
  readonly within_p90: number
  readonly share: number | null
}

interface QueueObject {
  readonly max_queued: number
  readonly runners: readonly {
    readonly runner: string
    readonly models: readonly string[]
    readonly resident: boolean
    readonly depth: Readonly<Record<string, number>>
    readonly load_s: number | null
    readonly run_s: number | null
    readonly oldest_age_s: number | null
  }[]
  readonly new_job: Readonly<Record<string, Readonly<Record<string, number | null>>>>
  readonly swaps: Swaps
  readonly swaps_last_day: Swaps
  readonly eta: Score
  readonly eta_last_day: Score
}

const queueOf = async ({ ask }: Pick<Stage, 'ask'>) => (await ask<QueueObject>('GET', '/queue')).body

const work = { load_delay_ms: 100, token_delay_ms: 5, token_count: 10 }

test('a queue that has done nothing says so', async t => {
  const { runners, new_job, swaps, swaps_last_day, eta, eta_last_day, max_queued } = await queueOf(
    await startStage(t)
  )
  assert.deepEqual([runners, max_queued], [[], 100_000])
  const { since, ...nothing } = swaps
  assert.deepEqual(nothing, { loads: 0, load_s: 0, arrival_order_loads: 0, arrival_order_load_s: 0 })
  assert.ok(Math.abs(Date.parse(since) - Date.now()) < 60_000)
  assert.deepEqual(swaps_last_day, swaps)
  assert.deepEqual([eta, eta_last_day], Array(2).fill({ jobs: 0, within_p90: 0, share: null }))
  // Nothing was measured: a load takes ten seconds.
  for (const s of [new_job.normal!.loaded_p50_s, new_job.batch!.other_p50_s]) {
    assert.ok(s! > 9.9 && s! <= 10, `${s}`)
  }
})

test('each runner tells its names, its depth, and what it takes', async t => {
  const beganAt = performance.now()
  const stage = await startStage(t, work)
  await stage.ended((await stage.submit({ ...chatBody, model: 'ALPHA' })).id)
  await stage.ask('POST', '/queue/pause')
  for (const priority of ['batch', 'normal', 'batch']) {
    await stage.submit({ ...chatBody, model: 'beta', priority })
  }
  await stage.submit({ ...chatBody, not_before: new Date(Date.now() + 60_000).toISOString() })
  await sleep(20)
  const { runners, new_job } = await queueOf(stage)
  const passedS = (performance.now() - beganAt) / 1000
  const [alpha, beta, ...others] = runners
  assert.deepEqual(others, [])
  assert.deepEqual([alpha!.models, alpha!.resident, alpha!.oldest_age_s], [['ALPHA'], true, null])
  assert.deepEqual(alpha!.depth, { total: 1, interactive: 0, normal: 1, batch: 0 })
  assert.ok(alpha!.load_s! >= 0.1 && alpha!.run_s! >= 0.05 && alpha!.load_s! + alpha!.run_s! < passedS)
  assert.deepEqual([beta!.models, beta!.resident], [['beta'], false])
  assert.deepEqual([beta!.load_s, beta!.run_s], [null, null])
  assert.deepEqual(beta!.depth, { total: 3, interactive: 0, normal: 1, batch: 2 })
  assert.ok(beta!.oldest_age_s! >= 0.02 && beta!.oldest_age_s! < passedS)
  assert.equal(new_job.interactive!.loaded_p50_s, null, 'nobody knows how long a pause lasts')
  await stage.ask('POST', '/queue/resume')
})

test('swaps are counted, and what arrival order would have cost on the same arrivals', async t => {
  const stage = await startStage(t, work)
  const call = (model: string) =>
    fetch(`${stage.url}/api/chat`, { method: 'POST', body: JSON.stringify({ ...chatBody, model }) })
  await stage.ask('POST', '/queue/pause')
  const ids: string[] = []
  for (const model of ['alpha', 'beta', 'alpha', 'beta', 'alpha']) {
    ids.push((await stage.submit({ ...chatBody, model })).id)
  }
  await stage.ask('POST', '/queue/resume')
  for (const id of ids) await stage.ended(id)
  await (await call('alpha')).text()
  const { swaps, swaps_last_day, runners } = await queueOf(stage)
  const loads = (await stage.fake.state()).loads
  assert.equal(swaps.loads, loads)
  assert.ok(swaps.load_s >= 0.1 * loads)
  assert.equal(swaps.arrival_order_loads, 5, 'the call holds on to the model of the last job')
  const mean = swaps.load_s / loads
  assert.ok(Math.abs(swaps.arrival_order_load_s - 5 * mean) < 5 * mean)
  assert.deepEqual(swaps_last_day, swaps)
  assert.equal(runners.length, 1)
})

test('the ledger and the score of the estimates go on after a restart', async t => {
  const fake = await startFake(t, work)
  const settings = withShortPauses()
  const first = await startForeman(t, { target: fake.url, settings })
  await ready(first.app)
  const speak = speaker(first.url)
  await speak.ended((await speak.submit()).id)
  const before = await queueOf(speak)
  assert.deepEqual([before.swaps.loads, before.swaps.arrival_order_loads], [1, 1])
  const { jobs, within_p90, share } = before.eta
  assert.deepEqual([jobs, share], [1, within_p90])
  await first.app.close()
  const second = await startForeman(t, { target: fake.url, settings, dataDir: first.dataDir })
  await ready(second.app)
  const again = speaker(second.url)
  assert.deepEqual((await queueOf(again)).swaps, before.swaps)
  await again.ended((await again.submit()).id)
  await again.ended((await again.submit({ ...chatBody, model: 'beta' })).id)
  const after = await queueOf(again)
  assert.deepEqual([after.swaps.loads, after.swaps.arrival_order_loads, after.eta.jobs], [2, 2, 3])
  assert.deepEqual([after.eta_last_day, after.swaps.since], [after.eta, before.swaps.since])
})

test('what a new job would wait grows with what waits, and is least for the loaded model', async t => {
  const stage = await startStage(t, { ...work, token_delay_ms: 20, token_count: 20 })
  await stage.ended((await stage.submit()).id)
  const idle = (await queueOf(stage)).new_job.normal!
  assert.equal(idle.loaded_p50_s, 0)
  assert.ok(idle.other_p50_s! >= 0.1)
  for (let n = 0; n < 4; n++) await stage.submit()
  const busy = (await queueOf(stage)).new_job.normal!
  assert.ok(busy.loaded_p50_s! > 0.4, `${busy.loaded_p50_s}`)
  assert.ok(busy.loaded_p90_s! >= busy.loaded_p50_s!)
  assert.ok(busy.other_p50_s! > busy.loaded_p50_s!)
})

test('a job is told when it is likely to start, and the p90 is no earlier', async t => {
  const stage = await startStage(t, { ...work, token_delay_ms: 20, token_count: 20 })
  await stage.ended((await stage.submit()).id)
  for (let n = 0; n < 3; n++) await stage.submit()
  const { queue } = await stage.submit()
  assert.equal(queue!.position, 3)
  assert.equal(queue!.estimated_start_at, queue!.start_p50_at)
  const [p50, p90] = [Date.parse(queue!.start_p50_at!), Date.parse(queue!.start_p90_at!)]
  assert.ok(p50 > Date.now() && p90 >= p50 && p90 < Date.now() + 60_000)
})
