import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { builtinDir } from '../../../core/app.ts'
import { spawnForeman, startForeman } from '../../helpers/foreman.ts'
import { startFake } from '../../strength/support/rig.ts'
import { scrape } from './scrape.ts'

const json = { 'content-type': 'application/json' }

function poster(url: string) {
  return async (path: string, body: unknown = {}) => {
    const res = await fetch(url + path, { method: 'POST', headers: json, body: JSON.stringify(body) })
    return (await res.json()) as { id: string; state: string }
  }
}

async function start(t: TestContext, fakeOptions = {}, settings = {}) {
  const fake = await startFake(t, fakeOptions)
  const foreman = await startForeman(t, { target: fake.url, settings })
  await foreman.app.catalog.refresh()
  return { ...foreman, fake, post: poster(foreman.url) }
}

test('jobs by state and class, the age of the oldest, and the switches', async t => {
  const { url, post, fake } = await start(t, { token_delay_ms: 1e6 })
  const soon = new Date(Date.now() + 3_600_000).toISOString()
  await post('/jobs', { model: 'alpha', prompt: 'x', priority: 'batch' })
  await fake.waitFor('generation_start')
  await post('/jobs', { model: 'alpha', prompt: 'x' })
  await post('/jobs', { model: 'beta', prompt: 'x' })
  await post('/jobs', { model: 'beta', prompt: 'x', priority: 'interactive', not_before: soon })
  const { value, sum } = await scrape(url)
  const jobs = (state: string, priority: string) => value('foreman_queue_jobs', { state, priority })
  assert.equal(jobs('working', 'batch'), 1)
  assert.equal(jobs('queued', 'normal'), 2)
  assert.equal(jobs('delayed', 'interactive'), 1)
  assert.equal(sum('foreman_queue_jobs'), 4)
  assert.equal(value('foreman_worker_busy'), 1)
  const age = (priority: string) => value('foreman_queue_oldest_job_age_seconds', { priority })!
  assert.ok(age('normal') > 0 && age('normal') < 60)
  assert.deepEqual([age('interactive'), age('batch')], [0, 0])
  const flags = async () => {
    const { value: now } = await scrape(url)
    const names = ['foreman_queue_paused', 'foreman_queue_draining', 'foreman_ready']
    return names.map(name => now(name))
  }
  assert.deepEqual(await flags(), [0, 0, 1])
  await post('/queue/pause')
  await post('/queue/drain')
  assert.deepEqual(await flags(), [1, 1, 0])
})

test('what the target has in memory, and who went around the queue', async t => {
  const { url, app, fake, post } = await start(t)
  await post('/jobs', { model: 'alpha', prompt: 'x' })
  await fake.waitFor('generation_end')
  await fetch(`${fake.url}/api/generate`, { method: 'POST', body: '{"model":"beta","prompt":"x"}' })
  await app.queue.lookAtTarget()
  const { value } = await scrape(url)
  const loaded = (model: string) => value('foreman_target_model_loaded', { model })
  assert.deepEqual(['alpha:latest', 'beta:latest', 'gamma:latest'].map(loaded), [1, 1, undefined])
  assert.ok(value('foreman_target_model_vram_bytes', { model: 'alpha:latest' })! > 0)
  assert.equal(value('foreman_target_bypass_runners'), 1)
})

test('the silence of the target grows in a run alone, and a target that is away shows', async t => {
  const { url, app, fake, post } = await start(t, { token_delay_ms: 1e6 })
  assert.equal((await scrape(url)).value('foreman_target_silence_seconds'), 0)
  const { id } = await post('/jobs', { model: 'alpha', prompt: 'x' })
  await fake.waitFor('generation_start')
  const first = (await scrape(url)).value('foreman_target_silence_seconds')!
  const second = (await scrape(url)).value('foreman_target_silence_seconds')!
  assert.ok(first > 0 && second > first)
  await post(`/jobs/${id}/cancel`)
  const down = once(app.reachability, 'down')
  await fake.kill()
  await post('/jobs', { model: 'alpha', prompt: 'x' })
  await down
  const { value } = await scrape(url)
  assert.equal(value('foreman_target_up'), 0)
  assert.ok(value('foreman_target_requests_total', { endpoint: '/api/ps', code: 'connect' }) !== 0)
})

test('artifacts: how many, how large, what went in and out, and what was removed', async t => {
  const { url } = await start(t)
  const bytes = Buffer.alloc(1000, 'x')
  const uploaded = await fetch(`${url}/artifacts`, { method: 'POST', body: bytes })
  const { id } = (await uploaded.json()) as { id: string }
  await (await fetch(`${url}/artifacts/${id}/content`)).arrayBuffer()
  await (await fetch(`${url}/artifacts/${id}/content`, { headers: { range: 'bytes=0-9' } })).arrayBuffer()
  const held = await scrape(url)
  assert.equal(held.value('foreman_artifacts'), 1)
  assert.equal(held.value('foreman_artifact_stored_bytes'), 1000)
  assert.equal(held.value('foreman_artifact_transfer_bytes_total', { direction: 'in' }), 1000)
  assert.equal(held.value('foreman_artifact_transfer_bytes_total', { direction: 'out' }), 1010)
  await fetch(`${url}/artifacts/${id}`, { method: 'DELETE' })
  const gone = await scrape(url)
  assert.deepEqual([gone.value('foreman_artifacts'), gone.value('foreman_artifact_stored_bytes')], [0, 0])
})

test('killed with jobs under way: the next run tells what it found, and counters of the store go on', async t => {
  const fake = await startFake(t)
  const first = await spawnForeman(t, { target: fake.url })
  const wait = { method: 'POST', headers: { ...json, prefer: 'wait=20' } }
  await fetch(`${first.url}/jobs`, { ...wait, body: '{"model":"alpha","prompt":"x"}' })
  await fake.configure({ token_delay_ms: 1e6 })
  await poster(first.url)('/jobs', { model: 'beta', prompt: 'x' })
  await fake.waitFor('generation_start', 1, { model: 'beta:latest' })
  await first.kill()
  const second = await spawnForeman(t, { target: fake.url, dataDir: first.dataDir })
  const { value } = await scrape(second.url)
  const recovered = (what: string) => value('foreman_jobs_recovered_total', { what })
  assert.deepEqual(['requeued', 'failed', 'interrupted', 'canceled'].map(recovered), [1, 0, 0, 0])
  assert.equal(value('foreman_swap_loads_total'), 2)
  assert.equal(value('foreman_eta_jobs_total', { result: 'within_p90' }), 2)
})

test('each built-in plugin says which series are its own', async t => {
  const { url } = await start(t)
  const { text } = await scrape(url)
  const own: Readonly<Record<string, string>> = {
    artifacts: 'foreman_artifact_transfer_bytes_total',
    auth: 'foreman_auth_failures_total',
    inventory: 'foreman_inventory_age_seconds',
    jobs: 'foreman_idempotent_replays_total',
    metrics: 'foreman_build_info',
    openapi: 'none: it shows what does not change',
    passthrough: 'foreman_http_requests_total',
    residency: 'foreman_swap_loads_total',
    sse: 'foreman_stream_connections',
    webhooks: 'foreman_webhook_attempts_total',
    websocket: 'foreman_stream_events_sent_total'
  }
  const plugins = readdirSync(builtinDir, { withFileTypes: true }).filter(entry => entry.isDirectory())
  assert.deepEqual(Object.keys(own), plugins.map(({ name }) => name).sort())
  for (const name of Object.values(own)) {
    if (!name.startsWith('none: ')) assert.match(text, new RegExp(`^# TYPE ${name} `, 'm'))
  }
})
