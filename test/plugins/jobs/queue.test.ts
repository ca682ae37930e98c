import assert from 'node:assert/strict'
import { test } from 'node:test'
import { spawnForeman } from '../../helpers/foreman.ts'
import { startFake, withShortPauses } from '../../strength/support/rig.ts'
import { assertProblem, chatBody, speaker, startStage } from './stage.ts'

interface QueueObject {
  readonly depth: Readonly<Record<string, number>>
  readonly resident: string | null
  readonly busy: boolean
  readonly paused: boolean
  readonly draining: boolean
  readonly oldest_age_s: number | null
}

const slowTokens = { token_delay_ms: 50, token_count: 100 }

test('the queue tells how many jobs of each class wait, and since when', async t => {
  const stage = await startStage(t)
  const queue = async () => (await stage.ask<QueueObject>('GET', '/queue')).body
  const { depth: none, resident, busy, paused: before, draining, oldest_age_s: age } = await queue()
  assert.deepEqual(none, { total: 0, interactive: 0, normal: 0, batch: 0 })
  assert.deepEqual([resident, busy, before, draining, age], [null, false, false, false, null])
  await stage.ask('POST', '/queue/pause')
  for (const priority of ['batch', 'normal', 'batch']) await stage.submit({ ...chatBody, priority })
  const last = await stage.submit({ ...chatBody, not_before: new Date(Date.now() + 60_000).toISOString() })
  const { depth, oldest_age_s, paused } = await queue()
  assert.deepEqual([depth, paused], [{ total: 4, interactive: 0, normal: 2, batch: 2 }, true])
  assert.ok(oldest_age_s! >= 0 && oldest_age_s! < 60)
  assert.equal(last.queue!.position, 1, 'of the others only the normal one is due before it')
  await stage.ask('POST', '/queue/resume')
})

test('the runner whose turn it is and the running job show', async t => {
  const stage = await startStage(t, slowTokens)
  const { id } = await stage.submit()
  await stage.fake.waitFor('generation_start')
  const { body } = await stage.ask<QueueObject>('GET', '/queue')
  assert.equal(body.busy, true)
  assert.equal(body.resident, stage.app.jobs.get(id)!.runner)
})

test('a pause starts nothing and lets the running job end', async t => {
  const stage = await startStage(t, { token_delay_ms: 30 })
  const first = await stage.submit()
  await stage.fake.waitFor('generation_start')
  const paused = await stage.ask<QueueObject>('POST', '/queue/pause')
  assert.deepEqual([paused.status, paused.body.paused], [200, true])
  const second = await stage.submit()
  assert.equal((await stage.ended(first.id)).state, 'done')
  const waited = await stage.ask('GET', `/jobs/${second.id}`, { headers: { prefer: 'wait=1' } })
  assert.equal(waited.body.state, 'queued')
  const resumed = await stage.ask<QueueObject>('POST', '/queue/resume')
  assert.deepEqual([resumed.body.paused, resumed.body.draining], [false, false])
  assert.equal((await stage.ended(second.id)).state, 'done')
})

test('a drain accepts nothing and runs what waits', async t => {
  const stage = await startStage(t)
  await stage.ask('POST', '/queue/pause')
  const { id } = await stage.submit()
  await stage.ask('POST', '/queue/resume')
  const drained = await stage.ask<QueueObject>('POST', '/queue/drain')
  assert.deepEqual([drained.status, drained.body.draining], [200, true])
  const refused = await stage.ask('POST', '/jobs', { body: chatBody })
  assertProblem(refused, 503, 'draining')
  assert.equal(refused.headers.get('retry-after'), '30')
  const call = await fetch(`${stage.url}/api/chat`, { method: 'POST', body: JSON.stringify(chatBody) })
  assert.deepEqual([call.status, call.headers.get('foreman-error-code')], [503, 'draining'])
  await call.text()
  assert.equal((await stage.ask('GET', '/readyz')).status, 503)
  assert.equal((await stage.ended(id)).state, 'done')
  await stage.ask('POST', '/queue/resume')
  assert.equal((await stage.ended((await stage.submit()).id)).state, 'done')
  assert.equal((await stage.ask('GET', '/readyz')).status, 200)
})

test('pause and drain hold over a process that is killed', async t => {
  const fake = await startFake(t)
  const settings = withShortPauses()
  const first = await spawnForeman(t, { target: fake.url, settings })
  const { id } = await speaker(first.url).submit({
    ...chatBody,
    not_before: new Date(Date.now() + 300).toISOString()
  })
  await speaker(first.url).ask('POST', '/queue/pause')
  await speaker(first.url).ask('POST', '/queue/drain')
  await first.kill()
  const second = await spawnForeman(t, { target: fake.url, settings, dataDir: first.dataDir })
  const { ask, ended } = speaker(second.url)
  const { paused, draining } = (await ask<QueueObject>('GET', '/queue')).body
  assert.deepEqual([paused, draining], [true, true])
  assertProblem(await ask('POST', '/jobs', { body: chatBody }), 503, 'draining')
  const waited = await ask('GET', `/jobs/${id}`, { headers: { prefer: 'wait=1' } })
  assert.equal(waited.body.state, 'queued')
  await ask('POST', '/queue/resume')
  assert.equal((await ended(id)).state, 'done')
})
