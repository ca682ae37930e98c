import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { wantedOf } from '../../../core/queue/wanted.ts'
import { type Inference, readInference } from '../../../core/target/inference.ts'
import { contextOf } from '../../../core/target/runner-context.ts'
import fc from '../../helpers/fast-check.ts'
import { bodies, chat, contexts, start } from '../../plugins/residency/stage.ts'

/** The limit of the policy, where it has one. */
const max = 10_000

const read = (num_ctx: number | undefined, path = '/api/chat') =>
  readInference(path, Buffer.from(JSON.stringify({ model: 'alpha', options: { num_ctx } }))) as Inference

/** The key of the runner that a request needs. */
function runnerOf({ catalog }: FastifyInstance, inference: Inference): string {
  return wantedOf(catalog.peek('alpha')!, inference).runner.key
}

test('a job that was taken keeps its runner, whatever the marks are when it is loaded and sent', async t => {
  const stage = await start(t)
  const { contexts: policy } = stage.app
  const low = read(4096)
  const taken = runnerOf(stage.app, low)
  await chat(stage, { options: { num_ctx: 8192 } })
  assert.equal(policy.raised(low).loadOptions.num_ctx, 8192)
  assert.equal(policy.fitted(low, taken), low)
  const body = Buffer.from('{"model":"alpha","options":{"num_ctx":4096}}')
  const call = { request: { method: 'POST', path: '/api/chat', body }, inference: low, sink: {} as never }
  assert.equal(policy.fit({ runner: taken }, call), call)
  const sent = policy.fit({ runner: runnerOf(stage.app, read(8192)) }, call).request.body
  assert.equal(String(sent), String(body).replace('4096', '8192'))
})

test('a job that waits for its time gets the mark as well', async t => {
  const stage = await start(t)
  const not_before = new Date(Date.now() + 3_600_000).toISOString()
  const { id } = await stage.submit({ model: 'alpha', prompt: 'a', options: { num_ctx: 4096 }, not_before })
  await chat(stage, { options: { num_ctx: 8192 } })
  assert.equal(contextOf(stage.app.jobs.get(id)!.runner), 8192)
})

test('a mark that cannot be stored holds until the next start, and nobody is refused for it', async t => {
  const stage = await start(t)
  stage.app.db.exec(
    "CREATE TRIGGER full BEFORE INSERT ON context_mark BEGIN SELECT RAISE(ABORT, 'no room'); END"
  )
  for (const num_ctx of [8192, 4096]) await chat(stage, { options: { num_ctx } })
  assert.deepEqual(await contexts(stage), [8192, 8192])
})

test('embeddings keep their options, also where their model has a mark', async t => {
  const stage = await start(t)
  await chat(stage, { options: { num_ctx: 8192 } })
  const body = '{"model":"alpha","input":"a","options":{"num_ctx":2048}}'
  await (await fetch(`${stage.url}/api/embed`, { method: 'POST', body })).text()
  assert.equal((await bodies(stage, '/api/embed')).at(-1), body)
})

test('property: nobody gets less than it asked for, above the maximum nothing changes, and what waits has one runner', async t => {
  const { app } = await start(t, { policy: 'high_water', max })
  app.queue.pause()
  const request = fc.oneof(
    fc.integer({ min: 4, max: 65_536 }),
    fc.constantFrom(2048, 4096, 8192, max, max + 1, undefined)
  )
  const asked = fc.array(request, { maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(asked, fc.integer({ min: 1, max: 40_000 }), (contexts, automatic) =>
      play(app, contexts, automatic)
    ),
    { numRuns: 60 }
  )
})

/** Lets these requests in, one after another, and sees what the target takes by itself after the last. */
async function play(app: FastifyInstance, asked: (number | undefined)[], automatic: number): Promise<void> {
  const { contexts: policy, queueDepth } = app
  const raised = (context: number | undefined) => policy.raised(read(context)).loadOptions.num_ctx
  policy.forget()
  const jobs: string[] = []
  let highest = 0
  for (const context of asked) {
    const isAbove = context === undefined || context > max
    if (!isAbove) highest = Math.max(highest, context)
    assert.equal(raised(context), isAbove ? context : highest)
    jobs.push(await letIn(app, context))
    // It is loaded, as far as anybody is told.
    const { runner, model } = app.jobs.get(jobs.at(-1)!)!
    app.telemetry.emit('swap', { runner, model, evicted: null, startedAt: 0, durationMs: 0, loaded: true })
    await setImmediate()
  }
  policy.sawAutomatic(runnerOf(app, read(undefined)), automatic)
  await setImmediate()
  const isKnown = highest > 0 && automatic <= max
  const level = isKnown ? Math.max(highest, automatic) : highest
  assert.equal(raised(undefined), isKnown ? level : undefined)
  const waiting = queueDepth.runners.map(contextOf)
  assert.ok(waiting.every(context => (context === undefined ? !isKnown : context > max || context === level)))
  assert.equal(policy.raised(read(4, '/v1/chat/completions')).loadOptions.num_ctx, undefined)
  for (const id of jobs) app.queue.cancel(id)
}

/** Hands a job in, as a client would, and lets what follows from it happen. @returns its id */
async function letIn(app: FastifyInstance, context: number | undefined): Promise<string> {
  const payload = { model: 'alpha', prompt: 'a', options: { num_ctx: context } }
  const answer = await app.inject({ method: 'POST', url: '/jobs', payload })
  assert.equal(answer.statusCode, 202)
  await setImmediate()
  return answer.json().id
}
