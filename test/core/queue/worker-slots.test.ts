/** Several worker runners side by side (ADR 0022), on a target with room for three of them, and for two. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FastifyInstance } from 'fastify'
import type { FakeConfig, FakeOllama } from '../../fake-ollama/start.ts'
import { type LocalForeman, type Scope, startForeman } from '../../helpers/foreman.ts'
import { ended, ready, storyOf, submit } from '../../strength/support/jobs.ts'
import { assertOneAtATime, startFake, startRig, withShortPauses } from '../../strength/support/rig.ts'

const models = ['alpha', 'beta', 'gamma', 'delta'].map(name => ({ name, size_bytes: 1e9 }))
const threeSlots = { queue: { worker_slots: 3 } }
/** Every model comes up ten times, never twice running. */
const mixed = Array.from({ length: 30 }, (_, i) => models[i % 3]!.name)

type Rig = LocalForeman & { fake: FakeOllama }

function rig(t: Scope, config: Partial<FakeConfig> = {}, queue = threeSlots.queue): Promise<Rig> {
  return startRig(t, { models, max_loaded: 3, ...config }, { queue })
}

/** Runs jobs one after another, as callers that wait for each answer. @returns their stories */
async function run(app: FastifyInstance, ...names: readonly string[]): Promise<string[]> {
  const stories: string[] = []
  for (const model of names) {
    const [job] = submit(app, { model })
    const done = await ended(app, job!.id)
    assert.equal(done.state, 'done')
    stories.push(storyOf(app, done).join(' '))
  }
  return stories
}

async function inMemory(fake: FakeOllama): Promise<string[]> {
  return (await fake.state()).resident.map(({ model }) => model.split(':')[0]!).sort()
}

/** What foreman takes for loaded, the least recently used first. */
function inRecord(app: FastifyInstance): string[] {
  return app.queue.worker.residents.map(({ model }) => model.split(':')[0]!)
}

/** The order in which models left the target's memory, and whether foreman asked for it or the target chose. */
async function departures(fake: FakeOllama): Promise<string[]> {
  const { events } = await fake.state()
  const left = events.filter(({ type }) => type === 'unload' || type === 'evict')
  return left.map(({ type, model }) => `${type} ${model!.split(':')[0]}`)
}

test('with three slots and room for three models a mixed load costs three loads', async t => {
  const { app, fake } = await rig(t)
  const stories = await run(app, ...mixed)
  const { loads } = await fake.state()
  assert.deepEqual([loads, app.queue.worker.ledger.inAll().loads], [3, 3])
  assert.deepEqual(stories.slice(0, 3), Array(3).fill('queued loading working done'))
  assert.deepEqual(new Set(stories.slice(3)), new Set(['queued working done']), 'a switch is no load')
  assert.deepEqual(await inMemory(fake), ['alpha', 'beta', 'gamma'])
  await assertOneAtATime(fake)
})

test('the same load costs the target alone as many', async t => {
  const fake = await startFake(t, { models, max_loaded: 3 })
  for (const model of mixed) {
    const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'hello' }], stream: false })
    assert.equal((await fetch(`${fake.url}/api/chat`, { method: 'POST', body })).status, 200)
  }
  assert.equal((await fake.state()).loads, 3)
})

test('with one slot it costs a load a job, and a mixed backlog one for each model', async t => {
  const { app, fake } = await rig(t, {}, { worker_slots: 1 })
  await run(app, ...mixed.slice(0, 6))
  assert.equal((await fake.state()).loads, 6)
  assert.deepEqual(inRecord(app), ['gamma'])
})

test('a load when all slots are taken unloads the least recently used one first', async t => {
  const { app, fake } = await rig(t, { max_loaded: 8 })
  await run(app, 'alpha', 'beta', 'gamma', 'alpha', 'delta')
  assert.deepEqual(inRecord(app), ['gamma', 'alpha', 'delta'])
  assert.deepEqual(await departures(fake), ['unload beta'])
  assert.deepEqual(await inMemory(fake), ['alpha', 'delta', 'gamma'])
})

test('another context for loaded weights takes their slot, since the target keeps them once', async t => {
  const { app, fake } = await rig(t)
  await run(app, 'alpha', 'beta')
  const [job] = submit(app, { model: 'alpha', body: { options: { num_ctx: 2048 } } })
  await ended(app, job!.id)
  assert.deepEqual(inRecord(app), ['beta', 'alpha'])
  assert.deepEqual(await departures(fake), ['unload alpha'])
  assert.equal((await fake.state()).loads, 3)
})

test('on a target with room for two the number that fits is learned, and foreman chooses who goes', async t => {
  const { app, fake } = await rig(t, { max_loaded: 2 })
  await run(app, 'alpha', 'beta', 'gamma')
  const { slotsThatHold } = app.queue.worker
  assert.deepEqual([slotsThatHold.configured, slotsThatHold.at(Date.now())], [3, 2])
  assert.deepEqual(inRecord(app).sort(), await inMemory(fake))
  const before = (await departures(fake)).length
  const loads = (await fake.state()).loads
  // Two that are there cost nothing; the third costs a load each time it comes up.
  const [first, second] = inRecord(app)
  await run(app, first!, second!, first!, second!)
  assert.equal((await fake.state()).loads, loads)
  const other = ['alpha', 'beta', 'gamma'].find(name => name !== first && name !== second)!
  await run(app, other)
  assert.deepEqual(
    (await departures(fake)).slice(before),
    [`unload ${first}`],
    'not the choice of the target'
  )
  assert.deepEqual(inRecord(app), [second, other])
})

test('on a target with room for one it is as with one slot', async t => {
  const { app, fake } = await rig(t, { max_loaded: 1 })
  await run(app, ...mixed.slice(0, 12))
  assert.equal((await fake.state()).loads, 12)
  assert.equal(app.queue.worker.slotsThatHold.at(Date.now()), 1)
  assert.deepEqual(inRecord(app), ['gamma'])
})

test('the embedder beside two slots stays where it is, whatever the slots go through', async t => {
  const embedder = { name: 'embed', capabilities: ['embedding' as const] }
  const { app, fake } = await rig(t, { models: [...models, embedder] }, { worker_slots: 2 })
  await fake.waitFor('load', 1, { model: 'embed:latest' })
  await run(app, ...mixed.slice(0, 9))
  assert.equal((await fake.state()).loads_by_model['embed:latest'], 1)
  assert.ok((await inMemory(fake)).includes('embed'))
  assert.equal(app.queue.worker.slotsThatHold.at(Date.now()), 2)
})

test('what others unloaded is loaded again, and no slot is taken for lost by it', async t => {
  const { app, fake } = await rig(t)
  await run(app, 'alpha', 'beta')
  const body = JSON.stringify({ model: 'alpha', keep_alive: 0 })
  await (await fetch(`${fake.url}/api/generate`, { method: 'POST', body })).text()
  await run(app, 'gamma')
  assert.deepEqual(inRecord(app), ['beta', 'gamma'])
  assert.equal(app.queue.worker.slotsThatHold.at(Date.now()), 3)
  assert.deepEqual(await run(app, 'alpha'), ['queued loading working done'])
})

test('one that goes while another works is noticed by the next look', async t => {
  const { app, fake } = await rig(t)
  await run(app, 'alpha', 'beta')
  await fake.configure({ token_delay_ms: 20 })
  const [long] = submit(app, { model: 'beta', body: { options: { num_predict: 30 } } })
  await fake.waitFor('generation_start', 3)
  const body = JSON.stringify({ model: 'alpha', keep_alive: 0 })
  await (await fetch(`${fake.url}/api/generate`, { method: 'POST', body })).text()
  await app.queue.lookAtTarget()
  assert.deepEqual([inRecord(app), app.jobs.get(long!.id)?.state], [['beta'], 'working'])
  assert.equal((await ended(app, long!.id)).state, 'done')
})

test('a restart of foreman knows all of them', async t => {
  const { app, fake, dataDir } = await rig(t)
  await run(app, 'alpha', 'beta', 'gamma')
  await app.close()
  const settings = withShortPauses(threeSlots)
  const again = await startForeman(t, { target: fake.url, dataDir, settings })
  await ready(again.app)
  const stories = await run(again.app, ...mixed.slice(0, 6))
  assert.deepEqual(new Set(stories), new Set(['queued working done']))
  assert.equal((await fake.state()).loads, 3)
})

test('with fewer slots after a restart of foreman, what is too many goes with the next load', async t => {
  const { app, fake, dataDir } = await rig(t)
  await run(app, 'alpha', 'beta', 'gamma')
  await app.close()
  const again = await startForeman(t, { target: fake.url, dataDir, settings: withShortPauses() })
  await ready(again.app)
  await run(again.app, 'delta')
  assert.deepEqual([inRecord(again.app), await inMemory(fake)], [['delta'], ['delta']])
})

test('a restart of the target is loaded into anew, all slots tried', async t => {
  const { app, fake } = await rig(t, { max_loaded: 2 })
  await run(app, 'alpha', 'beta', 'gamma')
  assert.equal(app.queue.worker.slotsThatHold.at(Date.now()), 2)
  const back = new Promise<void>(resolve => app.reachability.once('up', resolve))
  await fake.restart()
  await app.queue.lookAtTarget()
  if (app.reachability.state.status !== 'up') await back
  await run(app, 'alpha')
  assert.deepEqual(inRecord(app), ['alpha'])
  assert.equal(app.queue.worker.slotsThatHold.at(Date.now()), 3)
})
