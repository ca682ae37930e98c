/** `POST /models/{name}/load` and `/unload`. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { ModelObject } from '../../../plugins/inventory/schemas.ts'
import { startStage as startGuarded } from '../auth/stage.ts'
import { type Answer, assertProblem, type Stage, startStage } from '../jobs/stage.ts'
import { automatic, chat, loads, start } from './stage.ts'

const wait = { headers: { prefer: 'wait=20' } }
const ask = ({ ask }: Stage, path: string, options?: { headers: Record<string, string> }) =>
  ask<ModelObject>('POST', `/models/${path}`, options)
const embedder = { name: 'embedder', size_bytes: 1e8, capabilities: ['embedding' as const] }
const chatModel = { name: 'alpha', size_bytes: 1e9 }

function assertLoaded({ status, body }: Answer<ModelObject>, name: string, loaded: boolean): void {
  assert.deepEqual([status, body.name, body.loaded], [200, name, loaded])
}

test('a model is loaded by a job of its own, and once', async t => {
  const stage = await startStage(t)
  const answer = await ask(stage, 'alpha/load', wait)
  assertLoaded(answer, 'alpha:latest', true)
  assert.equal(answer.headers.get('preference-applied'), 'wait=20')
  const job = await stage.ended(answer.headers.get('foreman-job-id')!)
  assert.deepEqual([job.state, job.kind, job.priority], ['done', 'generate', 'interactive'])
  assert.equal(answer.headers.get('location'), `/jobs/${job.id}`)
  const again = await ask(stage, 'ALPHA:latest/load')
  assertLoaded(again, 'alpha:latest', true)
  assert.equal(again.headers.get('foreman-job-id'), null)
  const { loads, counts } = await stage.fake.state()
  assert.deepEqual([loads, counts.generation_start], [1, undefined])
})

test('a load waits for what runs, and its caller does not have to', async t => {
  const stage = await startStage(t, { token_delay_ms: 1e6 })
  const { id } = await stage.submit()
  await stage.fake.waitFor('generation_start')
  const answer = await ask(stage, 'beta/load')
  assert.deepEqual([answer.status, answer.body.loaded, answer.body.depth.total], [202, false, 1])
  await stage.ask('POST', `/jobs/${id}/cancel`)
  assert.equal((await stage.ended(answer.headers.get('foreman-job-id')!)).state, 'done')
  assertLoaded(await ask(stage, 'beta/load'), 'beta:latest', true)
})

test('the load belongs to the trace of who asks for it', async t => {
  const stage = await startStage(t)
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  await ask(stage, 'alpha/load', { headers: { ...wait.headers, traceparent } })
  const { requests } = await stage.fake.state()
  // First foreman loads the model as for any job; then comes the job's own call.
  const [load, call] = requests.filter(({ url }) => url === '/api/generate')
  assert.deepEqual(
    [load!.headers, call!.headers].map(all => all.includes(traceparent)),
    [false, true]
  )
})

test('what the target cannot load is told', async t => {
  const stage = await startStage(t, { models: [{ ...chatModel, fails_to_load: 'no room' }] })
  const problem = assertProblem(await ask(stage, 'alpha/load', wait), 502, 'model_not_loaded')
  assert.match(problem.detail, /'alpha:latest' was not loaded: .*no room/)
})

test('an embedding model is loaded in its own way, beside the other', async t => {
  const stage = await startStage(t, { models: [chatModel, embedder] })
  assertLoaded(await ask(stage, 'alpha/load', wait), 'alpha:latest', true)
  assertLoaded(await ask(stage, 'embedder/load', wait), 'embedder:latest', true)
  assert.equal((await stage.fake.state()).resident.length, 2)
})

test('one of several embedding models is the business of the worker', async t => {
  const stage = await startStage(t, { models: [embedder, { ...embedder, name: 'another' }] })
  const answer = await ask(stage, 'another/load', wait)
  assertLoaded(answer, 'another:latest', true)
  assert.equal((await stage.ended(answer.headers.get('foreman-job-id')!)).kind, 'embed')
  assertLoaded(await ask(stage, 'another/unload'), 'another:latest', false)
})

test('a load whose job is canceled is told as such', async t => {
  const stage = await startStage(t)
  await stage.ask('POST', '/queue/pause')
  const queued = once(stage.app.jobEvents, 'event')
  const answer = ask(stage, 'alpha/load', wait)
  const [, { id }] = (await queued) as [unknown, { id: string }]
  await stage.ask('POST', `/jobs/${id}/cancel`)
  const { detail } = assertProblem(await answer, 502, 'model_not_loaded')
  assert.match(detail, /its job was canceled/)
})

test('a stop of foreman answers whoever waits for a load', async t => {
  const stage = await startStage(t)
  await stage.ask('POST', '/queue/pause')
  const queued = once(stage.app.jobEvents, 'event')
  const answer = ask(stage, 'alpha/load', wait)
  await queued
  await stage.app.close()
  assert.equal((await answer).status, 202)
})

test('with the target asked for its context, a load by route has that of the mark', async t => {
  const stage = await start(t)
  await chat(stage, {})
  await automatic(stage, 4096)
  await chat(stage, { options: { num_ctx: 8192 } })
  await ask(stage, 'alpha/unload')
  assertLoaded(await ask(stage, 'alpha/load', wait), 'alpha:latest', true)
  assert.deepEqual(await loads(stage), [undefined, 8192, 8192])
})

test('a model is unloaded, whoever loaded it, and is not resident any more', async t => {
  const stage = await startStage(t)
  await stage.ended((await stage.submit()).id)
  await fetch(`${stage.fake.url}/api/generate`, { method: 'POST', body: '{"model":"beta"}' })
  for (const name of ['alpha', 'beta'])
    assertLoaded(await ask(stage, `${name}/unload`), `${name}:latest`, false)
  assert.deepEqual((await stage.fake.state()).resident, [])
  assert.equal(stage.app.queue.resident, undefined)
  assertLoaded(await ask(stage, 'alpha/unload'), 'alpha:latest', false)
})

test('a copy that shares the weights counts', async t => {
  const weights = 'ab'.repeat(32)
  const models = ['alpha', 'copy'].map(name => ({ ...chatModel, name, weights }))
  const stage = await startStage(t, { models })
  assertLoaded(await ask(stage, 'alpha/load', wait), 'alpha:latest', true)
  assertLoaded(await ask(stage, 'copy/unload'), 'copy:latest', false)
  assert.deepEqual((await stage.fake.state()).resident, [])
})

test('what runs on a model is never cut off by its unload', async t => {
  const stage = await startStage(t, { token_delay_ms: 50, token_count: 20 })
  const { id } = await stage.submit()
  await stage.fake.waitFor('generation_start')
  const answer = await ask(stage, 'alpha/unload', { headers: { prefer: 'wait=0' } })
  assert.deepEqual([answer.status, answer.body.loaded], [202, true])
  assert.equal((await stage.ended(id)).state, 'done')
  assertLoaded(await ask(stage, 'alpha/unload'), 'alpha:latest', false)
})

test('the model that is kept for embeddings is not unloaded', async t => {
  const stage = await startStage(t, { models: [chatModel, embedder] })
  assertProblem(await ask(stage, 'embedder/unload'), 409, 'embedder_kept')
})

test('a name with slashes, one that is not there, and one that is none', async t => {
  const stage = await startStage(t, { models: [{ ...chatModel, name: 'hf.co/a/b:q4' }] })
  assertLoaded(await ask(stage, `${encodeURIComponent('hf.co/a/b:q4')}/load`, wait), 'hf.co/a/b:q4', true)
  for (const name of ['gamma', 'a%20b', '%2F'])
    for (const way of ['load', 'unload']) assertProblem(await ask(stage, `${name}/${way}`), 404, 'not_found')
  assertProblem(await ask(stage, 'alpha:cloud/load'), 403, 'leaves_this_machine')
})

test('while the target is away a load waits, an unload is refused', async t => {
  const stage = await startStage(t)
  const down = once(stage.app.reachability, 'down')
  await stage.fake.kill()
  assertProblem(await ask(stage, 'alpha/unload'), 502, 'target_unreachable')
  const waiting = await ask(stage, 'alpha/load')
  assert.equal(waiting.status, 202)
  await down
  await stage.fake.restart()
  assert.equal((await stage.ended(waiting.headers.get('foreman-job-id')!)).state, 'done')
})

test('a token asks for its own models alone, and both routes are written into the audit log', async t => {
  const stage = await startGuarded(t)
  const { token } = await stage.issue({ scopes: ['models:write'], limits: { models: ['alpha'] } })
  const statusOf = async (path: string) => (await stage.ask(token, 'POST', `/models/${path}`)).status
  const paths = ['alpha/unload', 'beta/unload', 'beta/load', 'ALPHA/load']
  const statuses: number[] = []
  for (const path of paths) statuses.push(await statusOf(path))
  assert.deepEqual(statuses, [200, 403, 403, 202])
  // Each is written when its answer has gone out.
  const written = () =>
    stage.app.audit
      .before(Number.MAX_SAFE_INTEGER, 10)
      .filter(({ action }) => action.startsWith('model.'))
      .map(({ action, object, result }) => `${action} ${object} ${result}`)
  while (written().length < paths.length) await setImmediate()
  assert.deepEqual(written().reverse(), [
    'model.unload alpha:latest ok',
    'model.unload beta:latest model_not_allowed',
    'model.load beta:latest model_not_allowed',
    'model.load ALPHA:latest ok'
  ])
})
