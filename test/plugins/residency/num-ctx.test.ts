/** The num_ctx policy on the wire: what the target gets, what it loads for it, and what stays as it was. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contextOf } from '../../../core/target/runner-context.ts'
import { startForeman } from '../../helpers/foreman.ts'
import { ready } from '../../strength/support/jobs.ts'
import { withShortPauses } from '../../strength/support/rig.ts'
import { speaker } from '../jobs/stage.ts'
import { alpha, automatic, bodies, chat, contexts, enqueue, loads, start } from './stage.ts'

test('a smaller num_ctx is raised to the largest, and nothing is loaded for it', async t => {
  const stage = await start(t)
  for (const num_ctx of [8192, 4096, 8192, 1024]) await chat(stage, { options: { num_ctx } })
  assert.deepEqual(await contexts(stage), [8192, 8192, 8192, 8192])
  assert.deepEqual(await loads(stage), [8192])
})

test('off, nothing is raised and each change is a load', async t => {
  const stage = await start(t, {})
  const sent = ['{"options":{"num_ctx":8192}', '{"options":{"num_ctx":4096}', '{"x":1'].map(
    begin => `${begin},"model":"alpha","messages":[{"role":"user","content":"a"}],"stream":false}`
  )
  for (const body of sent) await chat(stage, body)
  assert.deepEqual(await bodies(stage), sent)
  assert.deepEqual(await loads(stage), [8192, 4096, undefined])
})

test('a request without num_ctx is raised once it is known that it gets no less than from the target', async t => {
  const stage = await start(t, undefined, { default_num_ctx: 4096 })
  await chat(stage, { options: { num_ctx: 8192 } })
  await chat(stage, {})
  // What it got was looked at: no other such request costs a load.
  await automatic(stage, 4096)
  for (const options of [{ num_ctx: 8192 }, undefined, { num_ctx: 2048 }, {}]) await chat(stage, { options })
  assert.deepEqual((await contexts(stage)).slice(2), [8192, 8192, 8192, 8192])
  assert.deepEqual(await loads(stage), [8192, undefined, 8192])
})

test('where the target takes more by itself, all get as much', async t => {
  const stage = await start(t, undefined, { default_num_ctx: 32_768 })
  await chat(stage, {})
  await automatic(stage, 32_768)
  for (const options of [{ num_ctx: 8192 }, {}, { num_ctx: 2048 }]) await chat(stage, { options })
  assert.deepEqual((await contexts(stage)).slice(1), [32_768, 32_768, 32_768])
})

test('jobs that wait move along to a higher mark, the calls of clients included, and what was handed in stays', async t => {
  const stage = await start(t)
  await stage.ask('POST', '/queue/pause')
  const options = { num_ctx: 8192 }
  const high = await stage.submit({ model: 'alpha', prompt: 'high', options, priority: 'interactive' })
  const low = await stage.submit({ model: 'alpha', prompt: 'low', options: { num_ctx: 4096 } })
  const call = await enqueue(stage, () => chat(stage, { options: { num_ctx: 2048 } }))
  assert.equal(stage.app.queueDepth.runners.length, 3)
  await stage.ask('POST', '/queue/resume')
  await call.ended
  for (const { id } of [low, high]) assert.equal((await stage.ended(id)).state, 'done')
  assert.deepEqual(await contexts(stage), [8192, 8192, 8192])
  assert.deepEqual(await loads(stage), [8192])
  assert.deepEqual(stage.app.queueDepth.runners, [])
  const { body } = await stage.ask('GET', `/jobs/${low.id}?include=request`)
  assert.deepEqual((body.request as { options: unknown }).options, { num_ctx: 4096 })
})

test('a num_ctx that cannot be loaded is nobody else’s, and a mark that cannot be loaded any more is forgotten', async t => {
  const stage = await start(t)
  const { fake, app } = stage
  const fails = (fails_to_load?: string) =>
    fake.configure({ models: [{ ...alpha, ...(fails_to_load && { fails_to_load }) }] })
  const refused = async (num_ctx: number) =>
    assert.rejects(() => chat(stage, { options: { num_ctx } }), /500/)
  await fails('no room')
  await refused(60_000)
  await fails()
  await app.catalog.refresh()
  for (const num_ctx of [8192, 4096]) await chat(stage, { options: { num_ctx } })
  assert.deepEqual(await contexts(stage), [8192, 8192])
  await stage.ask('POST', '/models/alpha/unload')
  await fails('no room')
  await stage.ask('POST', '/queue/pause')
  const waiting = await stage.submit({ model: 'alpha', prompt: 'a', options: { num_ctx: 4096 } })
  const runner = () => contextOf(app.jobs.get(waiting.id)!.runner)
  assert.equal(runner(), 8192)
  await stage.ask('POST', '/queue/resume')
  await fake.waitFor('load_fail', 2)
  await fails()
  assert.equal((await stage.ended(waiting.id)).state, 'done')
  assert.equal(runner(), 4096)
  assert.deepEqual((await contexts(stage)).at(-1), 4096)
})

test('a request that is made a job by a header is raised as well', async t => {
  const stage = await start(t)
  await chat(stage, { options: { num_ctx: 8192 } })
  const body = JSON.stringify({ model: 'alpha', prompt: 'a', options: { num_ctx: 4096 } })
  const headers = { prefer: 'respond-async, wait=20' }
  const answer = await fetch(`${stage.url}/api/generate`, { method: 'POST', body, headers })
  assert.equal(answer.status, 201, await answer.text())
  assert.deepEqual(await contexts(stage), [8192, 8192])
})

test('requests of the other routes get the runner that the target gives them', async t => {
  const stage = await start(t)
  await chat(stage, { options: { num_ctx: 8192 } })
  const body = '{"model":"alpha","messages":[{"role":"user","content":"a"}]}'
  const answer = await fetch(`${stage.url}/v1/chat/completions`, { method: 'POST', body })
  assert.equal(answer.status, 200, await answer.text())
  assert.equal((await bodies(stage, '/v1/chat/completions'))[0], body)
  assert.deepEqual(await loads(stage), [8192, undefined])
})

test("a model's own PARAMETER counts, and brings the other routes onto the same runner", async t => {
  const models = [{ name: 'alpha', size_bytes: 1e9, parameters: { num_ctx: 6144 }, context_length: 65_536 }]
  const stage = await start(t, undefined, { models })
  const { url } = stage
  const body = '{"model":"alpha","messages":[{"role":"user","content":"a"}],"stream":false}'
  for (const path of ['/v1/chat/completions', '/api/chat'])
    await (await fetch(url + path, { method: 'POST', body })).text()
  await chat(stage, { options: { num_ctx: 2048 } })
  assert.deepEqual(await bodies(stage, '/api/chat').then(all => all[0]), body)
  assert.deepEqual(await contexts(stage), [undefined, 6144])
  assert.deepEqual(await loads(stage), [6144])
})

test('above the maximum a request keeps what it asks for, and raises no other', async t => {
  const stage = await start(t, { policy: 'high_water', max: 10_000 })
  for (const num_ctx of [8192, 16_384, 4096]) await chat(stage, { options: { num_ctx } })
  assert.deepEqual(await contexts(stage), [8192, 16_384, 8192])
})

test('the policy can be for one model alone, and a copy of it under another name is another model', async t => {
  const weights = 'w'.repeat(8)
  const models = ['alpha', 'copy'].map(name => ({ name, size_bytes: 1e9, context_length: 65_536, weights }))
  const stage = await start(t, { models: { alpha: { policy: 'high_water' } } }, { models })
  for (const model of ['alpha', 'copy'])
    for (const num_ctx of [8192, 4096]) await chat(stage, { model, options: { num_ctx } })
  assert.deepEqual(await contexts(stage), [8192, 8192, 8192, 4096])
})

test('a name that is none stops the start', async t => {
  await assert.rejects(() => start(t, { models: { 'a b': {} } }), /'a b' is no name of a model/)
})

test('marks outlive a restart, and a start with the policy off forgets them', async t => {
  const stage = await start(t)
  await chat(stage, { options: { num_ctx: 8192 } })
  const { dataDir, fake } = stage
  const again = async (num_ctx: object) => {
    const settings = withShortPauses({ plugins: { residency: { num_ctx } } })
    const foreman = await startForeman(t, { target: fake.url, dataDir, settings })
    await ready(foreman.app)
    const next = { ...foreman, ...speaker(foreman.url), fake }
    await chat(next, { options: { num_ctx: 4096 } })
    await foreman.app.close()
  }
  await stage.app.close()
  for (const num_ctx of [{ policy: 'high_water' }, { policy: 'off' }, { policy: 'high_water' }])
    await again(num_ctx)
  assert.deepEqual(await contexts(stage), [8192, 8192, 4096, 4096])
})

test('all bytes but those of num_ctx and keep_alive come to the target as they were sent', async t => {
  const stage = await start(t)
  await chat(stage, { options: { num_ctx: 8192 }, keep_alive: 5 })
  const odd =
    '\n{ "MODEL":"alpha" , "Options" :{"seed":1.0, "num_ctx" :1e3,"seed":2},"messages":[{"role":"user","content":"\\u00e9 é"}],"keep_alive":7 ,"stream":false}  tail'
  await chat(stage, odd)
  const wanted = odd.replace('1e3', '8192').replace(':7 ', ':"30m" ')
  assert.equal((await bodies(stage))[1], wanted)
})
