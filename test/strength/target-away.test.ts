/** The target vanishes, comes back, and changes what it has while jobs wait. */
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { test } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { startForeman } from '../helpers/foreman.ts'
import { ended, storyOf, submit, until, untilJob } from './support/jobs.ts'
import { assertOneAtATime, chat, startFake, startRig, withShortPauses } from './support/rig.ts'

async function down(app: FastifyInstance): Promise<void> {
  if (app.reachability.state.status !== 'down') await once(app.reachability, 'down')
}

test('foreman starts, accepts and waits while the target is away, and runs all by itself when it is there', async t => {
  const fake = await startFake(t)
  await fake.kill()
  const { app, url } = await startForeman(t, { target: fake.url, settings: withShortPauses() })
  const jobs = submit(app, {}, { model: 'beta' }, {})
  const caller = chat(url)
  await down(app)
  const health = await fetch(`${url}/readyz`)
  assert.deepEqual([health.status, ((await health.json()) as { status: string }).status], [200, 'degraded'])
  await fake.restart()
  for (const { id } of jobs) {
    const done = await ended(app, id)
    assert.deepEqual([done.state, done.attempt], ['done', 1])
  }
  assert.equal((await caller).status, 200)
  // Two runners: whatever came in by name alone has found its weights, so alpha was not loaded twice.
  assert.equal((await fake.state()).loads, 2)
  await assertOneAtATime(fake)
})

test('a refused connection uses up no attempt', async t => {
  const { app, fake } = await startRig(t, {}, { poll: { ps_s: 5 } })
  const [before] = submit(app, { model: 'beta' })
  await ended(app, before!.id)
  await fake.kill()
  const [job] = submit(app, { maxAttempts: 1 })
  await down(app)
  const waiting = await untilJob(app, job!.id, ({ previousState }) => previousState === 'loading')
  assert.deepEqual([waiting.state, waiting.attempt, waiting.error?.code], ['queued', 0, 'target_unreachable'])
  await fake.restart()
  const done = await ended(app, job!.id)
  assert.deepEqual([done.state, done.attempt], ['done', 1])
})

test('a target that vanishes in the middle of a load or an answer costs one attempt', async t => {
  for (const during of ['load_start', 'generation_start'] as const) {
    const { app, fake, url } = await startRig(t, { load_delay_ms: 300, token_delay_ms: 30 })
    const [job] = submit(app, {})
    const waits = chat(url, { model: 'beta' })
    await fake.waitFor(during)
    await fake.kill()
    const back = await untilJob(app, job!.id, ({ state, attempt }) => state === 'queued' && attempt === 1)
    assert.equal(back.error?.code, 'target_truncated', during)
    await down(app)
    await fake.restart()
    const done = await ended(app, job!.id)
    assert.deepEqual([done.state, done.attempt], ['done', 2], during)
    assert.equal((await waits).status, 200, during)
    await assertOneAtATime(fake)
  }
})

test('a restart of the target between two jobs is noticed, and the next is loaded for again', async t => {
  const { app, fake } = await startRig(t)
  const [first] = submit(app, {})
  await ended(app, first!.id)
  assert.notEqual(app.queue.resident, undefined)
  await fake.restart()
  // Nothing is sent to the target: it is the regular look that finds it empty.
  await fake.waitFor(event => event.detail === 'GET /api/ps', 2)
  await app.queue.lookAtTarget()
  assert.equal(app.queue.resident, undefined)
  const [second] = submit(app, {})
  const done = await ended(app, second!.id)
  assert.deepEqual(storyOf(app, done), ['queued', 'loading', 'working', 'done'])
})

test('what ran on a runner that dies is tried again, and finds the model loaded anew', async t => {
  const { app, fake } = await startRig(t, { token_delay_ms: 30 })
  const [job] = submit(app, {})
  await fake.waitFor('generation_start')
  await until(app, job!.id, 'working')
  await fake.crash('alpha')
  const done = await ended(app, job!.id)
  assert.deepEqual([done.state, done.attempt], ['done', 2])
  // The target goes on to list a runner that died, and brings it back itself for the next request.
  assert.deepEqual((await fake.state()).loads_by_model, { 'alpha:latest': 2 })
  await assertOneAtATime(fake)
})

test('a name that gets other weights takes its waiting jobs along', async t => {
  const { app, fake } = await startRig(t, { token_delay_ms: 50 }, { poll: { tags_s: 0.1 } })
  const [busy, ...moved] = submit(app, { model: 'beta' }, {}, {})
  await until(app, busy!.id, 'working')
  const models = [{ name: 'alpha', digest: 'a'.repeat(64) }, { name: 'beta' }]
  await fake.configure({ models })
  while (app.catalog.peek('alpha')?.digest.includes('aaaa') !== true) await once(app.catalog, 'changed')
  const runner = app.jobs.get(moved[0]!.id)!.runner
  assert.notEqual(runner, moved[0]!.runner)
  assert.deepEqual(
    moved.map(({ id }) => app.jobs.get(id)!.runner),
    [runner, runner]
  )
  for (const { id } of moved) assert.equal((await ended(app, id)).state, 'done')
  const swaps = app.db.prepare('SELECT runner FROM swap ORDER BY seq').pluck().all()
  assert.deepEqual(swaps, [busy!.runner, runner])
})

test('a model that is removed while its jobs wait ends them as model_not_found, and nothing else', async t => {
  const { app, fake, url } = await startRig(t, { token_delay_ms: 50 })
  const [busy, gone, stays] = submit(app, { model: 'beta' }, { model: 'gamma' }, {})
  await until(app, busy!.id, 'working')
  const caller = chat(url, { model: 'gamma' })
  await fake.waitFor('generation_start')
  await fake.configure({
    models: [
      { name: 'alpha', size_bytes: 1e9 },
      { name: 'beta', size_bytes: 1e9 }
    ]
  })
  const failed = await ended(app, gone!.id)
  assert.deepEqual(
    [failed.state, failed.error?.code, failed.error?.retryable],
    ['failed', 'model_not_found', false]
  )
  assert.equal((await ended(app, stays!.id)).state, 'done')
  const { status, text } = await caller
  assert.deepEqual([status, text?.trim()], [404, `{"error":"model 'gamma' not found"}`])
  assert.equal((await fake.state()).loads_by_model['gamma:latest'] ?? 0, 0)
})

test('a load that fails is told at once to all who wait for it, and holds only its own runner back', async t => {
  const { app, fake, url } = await startRig(
    t,
    { token_delay_ms: 20, models: [{ name: 'alpha', fails_to_load: 'no room' }, { name: 'beta' }] },
    { retry: { backoff_s: 1 } }
  )
  const [busy] = submit(app, { model: 'beta' })
  await until(app, busy!.id, 'working')
  const [durable] = submit(app, { maxAttempts: 2 })
  const callers = [chat(url), chat(url), chat(url, { options: { num_ctx: 2048 } })]
  const ends = await Promise.all(callers)
  for (const { status, text, headers } of ends) {
    assert.deepEqual([status, headers?.get('foreman-error-code')], [500, 'load_failed'])
    assert.match(text!, /no room/)
  }
  const held = app.jobs.get(durable!.id)!
  const [other] = submit(app, { model: 'beta' })
  assert.equal((await ended(app, other!.id)).state, 'done')
  assert.equal(app.jobs.get(durable!.id)!.state, 'queued', `was ${held.state}`)
  // The model is mended while it is held back.
  await fake.configure({ models: [{ name: 'alpha' }, { name: 'beta' }] })
  assert.equal((await ended(app, durable!.id)).state, 'done')
})

test('a load that hangs is given up in time and tried again', async t => {
  const { app, url, fake } = await startRig(
    t,
    { faults: [{ kind: 'load_stall', path: '/api/generate', times: 1 }] },
    { limits: { first_token_timeout_s: 0.3 } }
  )
  const [job] = submit(app, {})
  const done = await ended(app, job!.id)
  assert.deepEqual(storyOf(app, done), ['queued', 'loading', 'retrying', 'loading', 'working', 'done'])
  await fake.configure({ faults: [{ kind: 'load_stall', model: 'beta:latest', path: '/api/generate' }] })
  const caller = await chat(url, { model: 'beta' })
  assert.deepEqual([caller.status, caller.headers?.get('foreman-error-code')], [504, 'load_timeout'])
  assert.equal((await fake.state()).counts.load_abort, 2)
})

test('a caller whose job comes back to the queue during a stop is told, and the stop ends', async t => {
  const { app, fake, url } = await startRig(
    t,
    { token_delay_ms: 20 },
    { limits: { shutdown_s: 20 }, poll: { ps_s: 5 } }
  )
  const [first] = submit(app, {})
  await ended(app, first!.id)
  // Somebody else keeps the old model busy, so that the swap waits for it.
  const long = { model: 'alpha', prompt: 'long', options: { num_predict: 10_000 } }
  const others = fetch(`${fake.url}/api/generate`, { method: 'POST', body: JSON.stringify(long) })
  await fake.waitFor('generation_start', 2)
  const looks = looksAtTarget(11)
  const caller = chat(url, { model: 'beta' })
  // By the eleventh look the pause between two is half a second: the target dies in one, not in a look.
  await looks
  const closed = app.close()
  await fake.kill()
  assert.equal((await caller).headers?.get('foreman-error-code'), 'interrupted')
  await closed
  await (await others).text().catch(() => {})
})

/** Resolves when foreman, which is in this process, has the whole answer to its `count`-th look at what is loaded. */
function looksAtTarget(count: number): Promise<void> {
  return new Promise(resolve => {
    let left = count
    const listener = (message: unknown) => {
      if ((message as { request: { path: string } }).request.path !== '/api/ps' || --left > 0) return
      unsubscribe('undici:request:trailers', listener)
      resolve()
    }
    subscribe('undici:request:trailers', listener)
  })
}
