/**
 * Every way in which the target's memory changes under foreman: afterwards foreman is right about it within one look,
 * and until then wrong only about time. An answer tells which weights made it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ended, submit, until } from './support/jobs.ts'
import {
  answers,
  assertIdea,
  byOthers,
  free,
  ideaOf,
  models,
  recordOf,
  startShape,
  truthOf
} from './support/residency.ts'
import { assertOneAtATime, chat } from './support/rig.ts'

const unload = { prompt: '', keep_alive: 0 }
const load = { prompt: '' }

test('one slot: what others load takes the place of what foreman had', async t => {
  const shape = await startShape(t, { max_loaded: 1 })
  await answers(shape, 'alpha')
  await assertIdea(shape, 'alpha')
  await byOthers(shape.fake, 'gamma', load)
  await assertIdea(shape, undefined)
  await answers(shape, 'alpha')
  await assertIdea(shape, 'alpha')
  assert.deepEqual(await truthOf(shape.fake), ['alpha'])
})

test('one slot: before the look, a job for what is gone is answered all the same', async t => {
  const shape = await startShape(t, { max_loaded: 1 })
  await answers(shape, 'alpha')
  await byOthers(shape.fake, 'gamma', load)
  await answers(shape, 'alpha')
  assert.deepEqual(await truthOf(shape.fake), ['alpha'])
  await assertIdea(shape, 'alpha')
})

test('a keep_alive of others sticks: the model goes when theirs says so', async t => {
  const shape = await startShape(t)
  await answers(shape, 'alpha')
  await byOthers(shape.fake, 'alpha', { prompt: 'hello', stream: false, keep_alive: 0.05 })
  await shape.fake.waitFor('unload')
  await assertIdea(shape, undefined)
  await answers(shape, 'alpha')
  // Foreman's own load brought its keep_alive with it.
  const { resident } = await shape.fake.state()
  assert.deepEqual(
    resident.map(({ keep_alive_ms: keptMs }) => keptMs),
    [30 * 60_000]
  )
  await assertIdea(shape, 'alpha')
})

test('a keep_alive for ever does not outlast a swap', async t => {
  const shape = await startShape(t)
  await answers(shape, 'alpha')
  await byOthers(shape.fake, 'alpha', { ...load, keep_alive: -1 })
  await answers(shape, 'beta')
  await assertIdea(shape, 'beta')
  assert.deepEqual(await truthOf(shape.fake), ['beta'])
})

test('past its expires_at while busy a model is still there', async t => {
  const shape = await startShape(t, { token_delay_ms: 30 })
  await answers(shape, 'alpha')
  await byOthers(shape.fake, 'alpha', { ...load, keep_alive: 0.3 })
  const [job] = submit(shape.app, { body: { options: { num_predict: 25 } } })
  await until(shape.app, job!.id, 'working')
  const expiry = async (): Promise<number> => {
    const { models: loaded } = (await (await fetch(`${shape.fake.url}/api/ps`)).json()) as {
      models: [{ expires_at: string }]
    }
    return Date.parse(loaded[0].expires_at)
  }
  while ((await expiry()) >= Date.now());
  assert.equal((await shape.fake.state()).concurrent_generations, 1)
  await assertIdea(shape, 'alpha')
  assert.equal((await ended(shape.app, job!.id)).attempt, 1)
  await free(shape.app)
  await shape.fake.waitFor('unload')
  await assertIdea(shape, undefined)
})

test('copies on the same weights share a runner, whichever of them is asked for', async t => {
  const shape = await startShape(t)
  await answers(shape, 'twin')
  await answers(shape, 'alpha')
  await assertIdea(shape, 'twin')
  assert.equal((await shape.fake.state()).loads, 1)
  await answers(shape, 'beta')
  assert.deepEqual(await truthOf(shape.fake), ['beta'])
})

test('a copy that others loaded serves, and foreman knows under which name', async t => {
  const shape = await startShape(t)
  await byOthers(shape.fake, 'twin', load)
  await answers(shape, 'alpha')
  await assertIdea(shape, 'alpha')
  await answers(shape, 'alpha')
  assert.equal((await shape.fake.state()).loads, 1)
  const swaps = shape.app.db.prepare('SELECT count(*) FROM swap').pluck().get()
  assert.equal(swaps, 1, 'the copy counts as loaded')
  await answers(shape, 'beta')
  assert.deepEqual(await truthOf(shape.fake), ['beta'])
})

test('a load that others began and left is begun again for the job that waits behind it', async t => {
  const shape = await startShape(t, { load_delay_ms: 300 })
  const leaving = new AbortController()
  const body = JSON.stringify({ model: 'beta', prompt: 'hello' })
  const others = fetch(`${shape.fake.url}/api/generate`, { method: 'POST', body, signal: leaving.signal })
  const left = assert.rejects(others)
  await shape.fake.waitFor('load_start')
  const answered = answers(shape, 'beta')
  await shape.fake.waitFor('queue', 2)
  leaving.abort()
  await left
  assert.equal(await answered, 1)
  const { counts, loads } = await shape.fake.state()
  assert.deepEqual([counts.load_abort, loads], [1, 1])
  await assertIdea(shape, 'beta')
})

test('a caller of foreman who leaves during the load leaves the model behind, and foreman knows it', async t => {
  const shape = await startShape(t, { load_delay_ms: 200 })
  const leaving = new AbortController()
  const left = chat(shape.url, { model: 'beta' }, { signal: leaving.signal })
  await shape.fake.waitFor('load_start')
  leaving.abort()
  await left
  await shape.fake.waitFor('load')
  await answers(shape, 'beta')
  await assertIdea(shape, 'beta')
  assert.equal((await shape.fake.state()).loads, 1)
})

test('after a load that failed nothing is resident, and the old model is loaded again', async t => {
  const broken = models.map(model => (model.name === 'beta' ? { ...model, fails_to_load: 'no room' } : model))
  const shape = await startShape(t, { models: broken })
  await answers(shape, 'alpha')
  const [job] = submit(shape.app, { model: 'beta', maxAttempts: 2 })
  assert.equal((await ended(shape.app, job!.id)).error?.code, 'load_failed')
  await free(shape.app)
  await assertIdea(shape, undefined)
  assert.deepEqual(await truthOf(shape.fake), [])
  await answers(shape, 'alpha')
  await shape.fake.configure({ models })
  await answers(shape, 'beta')
  await assertIdea(shape, 'beta')
})

test('out of memory takes every model with it', async t => {
  const shape = await startShape(t, { token_delay_ms: 5 })
  await answers(shape, 'alpha')
  await byOthers(shape.fake, 'gamma', load)
  await shape.fake.configure({
    faults: [{ kind: 'oom', after: 3, times: 1, model: 'alpha', path: '/api/chat' }]
  })
  const [job] = submit(shape.app, { maxAttempts: 1 })
  assert.equal((await ended(shape.app, job!.id)).state, 'failed')
  await free(shape.app)
  await shape.fake.waitFor('unload', 2)
  await assertIdea(shape, undefined)
  assert.deepEqual(await truthOf(shape.fake), [])
  await answers(shape, 'alpha')
  await assertIdea(shape, 'alpha')
})

test('out of memory in a run: the job is tried again on a model that was loaded anew', async t => {
  const shape = await startShape(t, { token_delay_ms: 5 })
  await answers(shape, 'alpha')
  await shape.fake.configure({
    faults: [{ kind: 'oom', after: 3, times: 1, model: 'alpha', path: '/api/chat' }]
  })
  assert.equal(await answers(shape, 'alpha'), 2)
  await assertIdea(shape, 'alpha')
  assert.equal((await shape.fake.state()).loads, 2)
})

test('a runner that died with nothing to do is found out by the next job, which is answered', async t => {
  const shape = await startShape(t)
  await answers(shape, 'alpha')
  await shape.fake.crash('alpha')
  // The target goes on to list it.
  await assertIdea(shape, 'alpha')
  assert.equal(await answers(shape, 'alpha'), 1)
  await assertIdea(shape, 'alpha')
  assert.deepEqual((await shape.fake.state()).loads_by_model, { 'alpha:latest': 2 })
})

test('a runner that died in a run costs its job one attempt', async t => {
  const shape = await startShape(t, { token_delay_ms: 20 })
  await answers(shape, 'alpha')
  const answered = answers(shape, 'alpha')
  await shape.fake.waitFor('generation_start', 2)
  await shape.fake.crash('alpha')
  assert.equal(await answered, 2)
  await assertIdea(shape, 'alpha')
  await assertOneAtATime(shape.fake)
})

test('after a restart the target is empty, and foreman says so', async t => {
  const shape = await startShape(t)
  await answers(shape, 'alpha')
  await shape.fake.restart()
  await assertIdea(shape, undefined)
  assert.deepEqual(recordOf(shape.app), [])
  await answers(shape, 'alpha')
  await assertIdea(shape, 'alpha')
  assert.deepEqual(recordOf(shape.app), ['alpha'])
})

test('a restart that nobody noticed costs a load, not an answer', async t => {
  const shape = await startShape(t)
  await answers(shape, 'alpha')
  await shape.fake.restart()
  await answers(shape, 'alpha')
  await assertIdea(shape, 'alpha')
  assert.equal((await shape.fake.state()).loads, 1)
})

test('others who unload what foreman loaded are found out at the next look', async t => {
  const shape = await startShape(t)
  await answers(shape, 'alpha')
  await byOthers(shape.fake, 'alpha', unload)
  await assertIdea(shape, undefined)
  await answers(shape, 'alpha')
  await assertIdea(shape, 'alpha')
})

test('others who load a model beside the one of foreman change nothing', async t => {
  const shape = await startShape(t)
  await answers(shape, 'alpha')
  await byOthers(shape.fake, 'gamma', load)
  await assertIdea(shape, 'alpha')
  await answers(shape, 'alpha')
  assert.equal((await shape.fake.state()).loads, 2)
})

test('others who load the same model with another context have taken the place of the one of foreman', async t => {
  const shape = await startShape(t)
  const context = { options: { num_ctx: 2048 } }
  await answers(shape, 'alpha', context)
  await assertIdea(shape, 'alpha')
  const ours = shape.app.queue.resident
  await byOthers(shape.fake, 'alpha', { ...load, options: { num_ctx: 4096 } })
  await ideaOf(shape)
  assert.notEqual(shape.app.queue.resident, ours, 'it has another context now')
  await answers(shape, 'alpha', context)
  assert.equal(shape.app.queue.resident, ours)
  const { resident } = await shape.fake.state()
  assert.deepEqual(
    resident.map(({ num_ctx: context }) => context),
    [2048]
  )
})

test('the same where foreman left the context to the target', async t => {
  const shape = await startShape(t)
  await answers(shape, 'alpha')
  await assertIdea(shape, 'alpha')
  await byOthers(shape.fake, 'alpha', { ...load, options: { num_ctx: 2048 } })
  await assertIdea(shape, undefined)
  await answers(shape, 'alpha')
  await assertIdea(shape, 'alpha')
})

test('what /api/ps does not tell of a reload costs time, not an answer', async t => {
  const shape = await startShape(t)
  await answers(shape, 'alpha')
  await byOthers(shape.fake, 'alpha', { ...load, options: { num_gpu: 1, num_batch: 64 } })
  await assertIdea(shape, 'alpha')
  assert.equal(await answers(shape, 'alpha'), 1)
  assert.equal((await shape.fake.state()).loads, 3, 'the target reloads it by itself')
})

test('a look that is asked for during another one follows it, since that one may have missed what was to be seen', async t => {
  const shape = await startShape(t)
  await answers(shape, 'alpha')
  const since = (await shape.fake.state()).events.at(-1)!.seq
  await Promise.all([1, 2, 3].map(() => shape.app.queue.lookAtTarget()))
  const { events } = await shape.fake.state()
  const looks = events.filter(({ seq, detail }) => seq > since && detail === 'GET /api/ps')
  assert.ok(looks.length >= 2, `${looks.length}`)
})
