/** What foreman takes to be in the target's memory beside what is there by the fake's own word. */
import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { FakeConfig, FakeOllama, ModelConfig } from '../../fake-ollama/start.ts'
import type { LocalForeman, Scope, SettingsPart } from '../../helpers/foreman.ts'
import { ended, resultOf, submit } from './jobs.ts'
import { startRig } from './rig.ts'

const weights = (digit: string): string => digit.repeat(64)

/** `twin` has the weights of `alpha`, so that one answers for the other. Each of the weights has words of its own. */
export const models: ModelConfig[] = [
  { name: 'alpha', weights: weights('a'), word: 'alpha', size_bytes: 1e9 },
  { name: 'twin', weights: weights('a'), word: 'alpha', size_bytes: 1e9 },
  { name: 'beta', weights: weights('b'), word: 'beta', size_bytes: 1e9 },
  { name: 'gamma', weights: weights('c'), word: 'gamma', size_bytes: 1e9 }
]

/** With this one beside them foreman has two slots to fill. */
export const embedder: ModelConfig = {
  name: 'embed',
  weights: weights('e'),
  capabilities: ['embedding'],
  size_bytes: 1e8
}

/** A fake and a foreman that looks at it when the test says so, or the end of a job that failed. */
export interface Shape extends LocalForeman {
  readonly fake: FakeOllama
}

/** Starts both. */
export function startShape(
  t: Scope,
  config: Partial<FakeConfig> = {},
  settings: SettingsPart = {}
): Promise<Shape> {
  return startRig(t, { models, ...config }, { poll: { ps_s: 5 }, ...settings })
}

/** Uses a model past foreman, as somebody on the same network would, and waits for the whole answer. */
export async function byOthers(fake: FakeOllama, model: string, body: object = {}): Promise<void> {
  const path = model === 'embed' ? '/api/embed' : '/api/generate'
  const answer = await fetch(fake.url + path, { method: 'POST', body: JSON.stringify({ model, ...body }) })
  assert.equal(answer.status, 200, await answer.text())
}

/** Runs a job to its end and holds its answer against what only its own weights say. @returns its attempts */
export async function answers(
  { app }: Pick<Shape, 'app'>,
  model: string,
  body: Readonly<Record<string, unknown>> = {}
): Promise<number> {
  const [submitted] = submit(app, { model, body: { ...body, stream: false } })
  const job = await ended(app, submitted!.id)
  assert.equal(job.state, 'done', JSON.stringify(job.error))
  const { model: answered, message } = resultOf(app, job) as { model: string; message: { content: string } }
  const word = models.find(({ name }) => name === model)!.word!
  assert.deepEqual([answered, message.content.split(' ')[0]], [model, `${word}0`])
  await free(app)
  return job.attempt
}

/** A job has ended a moment before the worker is free; only then does a look change anything. */
export async function free(app: FastifyInstance): Promise<void> {
  while (app.queue.busy) await nextTurn()
}

/** What foreman says after one look: the runner in `GET /queue`, the model in its record. */
export async function ideaOf({ app, url }: Pick<Shape, 'app' | 'url'>): Promise<string | undefined> {
  await app.queue.lookAtTarget()
  const queue = (await (await fetch(`${url}/queue`)).json()) as { resident: string | null }
  const { residentModel } = app.queue.worker
  assert.equal(queue.resident !== null, residentModel !== undefined, 'the record and GET /queue agree')
  return residentModel
}

/** What is in the fake's memory, embedding models left out. */
export async function truthOf(fake: FakeOllama): Promise<string[]> {
  const { resident } = await fake.state()
  return resident.map(({ model }) => model.replace(':latest', '')).filter(model => model !== 'embed')
}

/** Foreman takes `model` to be resident, or nothing, and so it is. */
export async function assertIdea(shape: Shape, model: string | undefined): Promise<void> {
  assert.equal((await ideaOf(shape))?.replace(':latest', ''), model)
  if (model === undefined) return
  const known = [...models, embedder].find(({ name }) => name === model)!
  const { resident } = await shape.fake.state()
  assert.ok(
    resident.some(one => one.weights === known.weights),
    `${model} is not in memory`
  )
}

/** The rows of the store that say so too. */
export function recordOf(app: FastifyInstance): string[] {
  const rows = app.db.prepare("SELECT model FROM resident WHERE slot LIKE 'worker%'").pluck().all()
  return (rows as string[]).map(model => model.replace(':latest', ''))
}
