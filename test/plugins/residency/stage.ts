/** The stage of these tests: a foreman with a num_ctx policy, and words for what reached the fake. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import type { FakeConfig, FakeOllama } from '../../fake-ollama/start.ts'
import { type Stage, startStage } from '../jobs/stage.ts'

/** A model with more room for context than the fake gives it by itself. */
export const alpha = { name: 'alpha', size_bytes: 1e9, context_length: 65_536 }
const models = [alpha, { ...alpha, name: 'beta' }]

/** Starts both. `num_ctx` is the policy. */
export function start(
  t: TestContext,
  num_ctx: object = { policy: 'high_water' },
  fake: Partial<FakeConfig> = {}
): Promise<Stage> {
  return startStage(t, { models, ...fake }, { plugins: { residency: { num_ctx } } })
}

/** A call that holds its connection: a body, or what differs from a plain chat. @throws unless it is answered */
export async function chat({ url }: Pick<Stage, 'url'>, more: object | string): Promise<void> {
  const plain = { model: 'alpha', messages: [{ role: 'user', content: 'hello' }], stream: false }
  const body = typeof more === 'string' ? more : JSON.stringify({ ...plain, ...more })
  const answer = await fetch(`${url}/api/chat`, { method: 'POST', body })
  assert.equal(answer.status, 200, await answer.text())
}

/** Begins a call that waits in the queue. Resolves when it waits, with the promise of its end. */
export async function enqueue({ app }: Stage, call: () => Promise<void>): Promise<{ ended: Promise<void> }> {
  const queued = once(app.jobEvents, 'event')
  const ended = call()
  await queued
  return { ended }
}

/** The mark of the only model that has one. */
export function markOf({ app }: Pick<Stage, 'app'>): { asked: number; automatic: number | null } | undefined {
  return app.db.prepare('SELECT asked, automatic FROM context_mark').get() as ReturnType<typeof markOf>
}

/** Resolves when foreman knows what the target takes by itself. */
export async function automatic(stage: Pick<Stage, 'app'>, context: number): Promise<void> {
  while (markOf(stage)?.automatic !== context) await once(stage.app.loadedModels, 'looked')
}

/** The bodies that the fake got at a path, or at both routes that text is made with; loads left out. */
export async function bodies({ fake }: Pick<Stage, 'fake'>, path?: string): Promise<string[]> {
  return (await sent(fake, path)).filter(body => !isLoad(body))
}

/** The num_ctx of each of them. */
export async function contexts(stage: Pick<Stage, 'fake'>): Promise<unknown[]> {
  return (await bodies(stage)).map(contextOf)
}

/** The num_ctx of each of foreman's loads. @throws unless they are all loads that there were */
export async function loads({ fake }: Pick<Stage, 'fake'>): Promise<unknown[]> {
  const asked = (await sent(fake)).filter(isLoad)
  assert.equal((await fake.state()).loads, asked.length)
  return asked.map(contextOf)
}

async function sent(fake: FakeOllama, path?: string): Promise<string[]> {
  const { requests } = await fake.state()
  return requests
    .filter(({ url }) => (path === undefined ? /^\/api\/(chat|generate)$/.test(url) : url === path))
    .map(({ body_base64 }) => Buffer.from(body_base64, 'base64').toString())
    .filter(body => !body.includes('"keep_alive":0'))
}

// A job with an empty prompt streams.
const isLoad = (body: string): boolean => body.includes('"prompt":""') && body.includes('"stream":false')

function contextOf(body: string): unknown {
  return JSON.parse(body).options?.num_ctx
}
