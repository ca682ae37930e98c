import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EmbedBatches } from '../../../core/queue/embed-batches.ts'
import type { JobObject } from '../../../plugins/jobs/job-schema.ts'
import { startStage } from '../../plugins/jobs/stage.ts'

const models = [
  { name: 'nomic', capabilities: ['embedding' as const], embedding_length: 8 },
  { name: 'alpha' }
]

const request = (body: object | string) => ({
  method: 'POST',
  path: '/api/embed',
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
})
const texts = (count: number, length = 1) =>
  Array.from({ length: count }, (_, n) => `${n}`.padEnd(length, '.'))

test('a list is cut at 64 texts, or at about 256 KiB of them', () => {
  const sizes = (input: unknown) => EmbedBatches.of(request({ model: 'nomic', input }))?.progress.total
  assert.deepEqual(
    [sizes(texts(64)), sizes(texts(65)), sizes('one'), sizes([])],
    [undefined, 65, undefined, undefined]
  )
  assert.equal(sizes(texts(3, 100_000)), 3)
  assert.equal(sizes(texts(2, 100_000)), undefined)
})

test('a body in which the list is not plain is sent as it is', () => {
  const list = JSON.stringify(texts(100))
  assert.equal(EmbedBatches.of(request(`{"model":"m","input":${list},"Input":${list}}`)), undefined)
  assert.ok(EmbedBatches.of(request(`{"model":"m","INPUT" : ${list} }`)))
})

test('a job with a long list gets what one call for all of it gets, in its order', async t => {
  const { fake, submit, ended } = await startStage(t, { models })
  const body = { model: 'nomic', input: texts(150, 20), dimensions: 4 }
  const direct = await fetch(`${fake.url}/api/embed`, { method: 'POST', body: JSON.stringify(body) })
  const expected = (await direct.json()) as Record<string, unknown>
  const before = (await fake.state()).requests.filter(({ url }) => url === '/api/embed').length
  const { id } = await submit(body)
  const { state, result, usage, progress } = await ended(id)
  assert.deepEqual([state, progress], ['done', null])
  assert.deepEqual(result!.embeddings, expected.embeddings)
  assert.deepEqual(Object.keys(result!).sort(), Object.keys(expected).sort())
  assert.equal(result!.prompt_eval_count, expected.prompt_eval_count)
  assert.equal(usage!.input_tokens, expected.prompt_eval_count)
  const sent = (await fake.state()).requests.filter(({ url }) => url === '/api/embed').slice(before)
  assert.deepEqual(
    sent.map(({ body_base64: sentBody }) => JSON.parse(atob(sentBody)).input.length),
    [64, 64, 22]
  )
})

test('how far it is shows while it works, and a cancel leaves the target within a batch', async t => {
  const { fake, app, submit, ask } = await startStage(t, { models, prompt_delay_ms: 2 })
  const { id } = await submit({ model: 'nomic', input: texts(10_000) })
  await fake.waitFor('generation_end', 2)
  const { body } = await ask<JobObject>('GET', `/jobs/${id}`)
  assert.equal(body.progress!.total, 10_000)
  assert.ok(body.progress!.done >= 64 && body.progress!.done < 10_000)
  const canceled = new Promise<void>(resolve =>
    app.jobEvents.on('event', (_event, job) => job.state === 'canceled' && resolve())
  )
  await ask('POST', `/jobs/${id}/cancel`)
  await canceled
})

test('a batch that the target refuses fails the job with its words', async t => {
  const { submit, ended } = await startStage(t, { models })
  const input = [...texts(70), 'word '.repeat(9000)]
  const { id } = await submit({ model: 'nomic', input, truncate: false })
  const { state, error } = await ended(id)
  assert.equal(state, 'failed')
  assert.match(error!.message, /input length exceeds the context length/)
  assert.equal(error!.target_status, 400)
})
