/** The embedder's slot beside the worker's, through all that befalls the target's memory. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { EmbedderState } from '../../core/queue/embedder.ts'
import { catalogEntry } from '../fake-ollama/catalog/catalog.ts'
import { embed } from '../fake-ollama/generation/embedding.ts'
import type { FakeConfig, FakeOllama } from '../fake-ollama/start.ts'
import type { Scope } from '../helpers/foreman.ts'
import { ended, submit } from './support/jobs.ts'
import {
  answers,
  assertIdea,
  byOthers,
  embedder,
  free,
  models,
  type Shape,
  startShape,
  truthOf
} from './support/residency.ts'

const longestWaitMs = 60_000
const digest = catalogEntry(embedder).digest

async function startBoth(t: Scope, config: Partial<FakeConfig> = {}): Promise<Shape> {
  const shape = await startShape(t, { models: [...models, embedder], ...config })
  await untilEmbedder(shape.app, 'warm')
  return shape
}

/** Nothing announces the state of the embedder; it follows the answers of the target by a moment. */
async function untilEmbedder(app: FastifyInstance, state: EmbedderState): Promise<void> {
  const late = performance.now() + longestWaitMs
  while (app.queue.embeds.status.state !== state) {
    assert.ok(performance.now() < late, `the embedder is ${JSON.stringify(app.queue.embeds.status)}`)
    await nextTurn()
  }
}

/** Asks foreman for an embedding and holds it against what the embedder alone makes of the text. */
async function embeds({ url }: Shape, body: object = {}): Promise<void> {
  const input = `text ${Math.random()}`
  const whole = JSON.stringify({ model: 'embed', input, ...body })
  const answer = await fetch(`${url}/api/embed`, { method: 'POST', body: whole })
  const { model, embeddings } = (await answer.json()) as { model: string; embeddings: number[][] }
  assert.deepEqual([model, embeddings], ['embed', [embed(digest, input, 16)]])
}

async function embedLoads(fake: FakeOllama): Promise<number> {
  return (await fake.state()).loads_by_model['embed:latest'] ?? 0
}

async function hasEmbedder(fake: FakeOllama): Promise<boolean> {
  return (await fake.state()).resident.some(({ model }) => model === 'embed:latest')
}

/** What others do to it is found at the next look, and mended. */
async function assertMended(shape: Shape, loads: number): Promise<void> {
  await shape.app.queue.lookAtTarget()
  await untilEmbedder(shape.app, 'warm')
  assert.deepEqual([await hasEmbedder(shape.fake), await embedLoads(shape.fake)], [true, loads])
  await embeds(shape)
}

test('both slots hold, and no swap of the worker touches the embedder', async t => {
  const shape = await startBoth(t)
  for (const model of ['alpha', 'beta', 'gamma', 'alpha']) {
    await answers(shape, model)
    await embeds(shape)
    await assertIdea(shape, model)
    assert.deepEqual(await truthOf(shape.fake), [model])
  }
  assert.equal(await embedLoads(shape.fake), 1)
})

test('an embedder that others unloaded is loaded again', async t => {
  const shape = await startBoth(t)
  await answers(shape, 'alpha')
  const since = (await shape.fake.state()).events.at(-1)!.seq
  await unloadedByOthers(shape.fake, since)
  await assertMended(shape, 2)
  await assertIdea(shape, 'alpha')
})

async function unloadedByOthers(fake: FakeOllama, since: number): Promise<void> {
  const body = JSON.stringify({ model: 'embed', prompt: '', keep_alive: 0 })
  await (await fetch(`${fake.url}/api/generate`, { method: 'POST', body })).text()
  await fake.waitFor('unload', 1, { model: 'embed:latest', since })
}

test('an embedder that others loaded with another context is loaded again as it was', async t => {
  const shape = await startBoth(t)
  await shape.app.queue.lookAtTarget()
  await byOthers(shape.fake, 'embed', { input: 'text', options: { num_ctx: 512 } })
  await assertMended(shape, 3)
})

test('a copy of the embedder that others loaded serves as well', async t => {
  const copy = { ...embedder, name: 'embed-copy' }
  const shape = await startShape(t, { models: [...models, embedder, copy] })
  await untilEmbedder(shape.app, 'warm')
  const { model } = shape.app.queue.embeds.status
  assert.match(model!, /^embed/)
  await unloadedByOthers(shape.fake, 0)
  await byOthers(shape.fake, model === 'embed' ? 'embed-copy' : 'embed', { input: 'text' })
  await shape.app.queue.lookAtTarget()
  await untilEmbedder(shape.app, 'warm')
  assert.equal((await shape.fake.state()).loads, 2)
})

test('out of memory takes both, and both come back', async t => {
  const shape = await startBoth(t, { token_delay_ms: 5 })
  await answers(shape, 'alpha')
  await shape.fake.configure({
    faults: [{ kind: 'oom', after: 3, times: 1, model: 'alpha', path: '/api/chat' }]
  })
  const [job] = submit(shape.app, { maxAttempts: 1 })
  assert.equal((await ended(shape.app, job!.id)).state, 'failed')
  await free(shape.app)
  await shape.fake.waitFor('unload', 2)
  await assertMended(shape, 2)
  await assertIdea(shape, undefined)
  await answers(shape, 'alpha')
  await assertIdea(shape, 'alpha')
})

test('after a restart of the target the embedder is loaded again, the worker has nothing', async t => {
  const shape = await startBoth(t)
  await answers(shape, 'alpha')
  await shape.fake.restart()
  await assertMended(shape, 1)
  await assertIdea(shape, undefined)
  await answers(shape, 'alpha')
  assert.equal(await hasEmbedder(shape.fake), true)
})

test('an embedder whose runner died is found out by the next call, which is answered', async t => {
  const shape = await startBoth(t)
  await shape.fake.crash('embed')
  await embeds(shape)
  await assertMended(shape, 2)
})

test('an embedder that cannot be loaded keeps nobody else from working', async t => {
  const broken = { ...embedder, fails_to_load: 'no room' }
  const shape = await startShape(t, { models: [...models, broken] })
  await shape.fake.waitFor('load_fail')
  await answers(shape, 'alpha')
  await assertIdea(shape, 'alpha')
  await shape.fake.configure({ models: [...models, embedder] })
  await untilEmbedder(shape.app, 'warm')
  await embeds(shape)
})

test('with one slot the embedder does not hold: embeddings swap like all others, and are right', async t => {
  const shape = await startShape(t, { models: [...models, embedder], max_loaded: 1 })
  await untilEmbedder(shape.app, 'warm')
  for (let round = 0; round < 3; round++) {
    await answers(shape, 'alpha')
    await embeds(shape)
  }
  assert.equal(shape.app.queue.embeds.status.state, 'does_not_hold')
  await free(shape.app)
  await assertIdea(shape, 'embed')
  await answers(shape, 'alpha')
  await assertIdea(shape, 'alpha')
  assert.deepEqual(await truthOf(shape.fake), ['alpha'])
  assert.equal(await hasEmbedder(shape.fake), false)
})

test('jobs with load options of their own take its weights for a while, and it comes back', async t => {
  const shape = await startBoth(t)
  await embeds(shape, { options: { num_ctx: 512 } })
  await free(shape.app)
  await shape.app.queue.lookAtTarget()
  await embeds(shape)
  await answers(shape, 'alpha')
  await untilEmbedder(shape.app, 'warm')
  const loads = await embedLoads(shape.fake)
  for (let look = 0; look < 3; look++) await shape.app.queue.lookAtTarget()
  await embeds(shape)
  assert.equal(await embedLoads(shape.fake), loads, 'nothing is loaded over and over')
  await assertIdea(shape, 'alpha')
})
