import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { ended, submit } from '../../strength/support/jobs.ts'
import { Ear, startStage } from './live-stage.ts'

test('a job that answers tells its tokens so far, once a second, until its end', async t => {
  const { app, fake, pass, follow } = await startStage(t, { token_delay_ms: 10, token_count: 5000 })
  const [job] = submit(app, {})
  const [one, all] = [new Ear(), new Ear()]
  follow.ofJob(job!.id, one)
  follow.ofAll(all)
  await moreText(app, job!.id, 2)
  await pass(1)
  await moreText(app, job!.id, 2)
  await pass(1)
  app.queue.cancel(job!.id)
  await ended(app, job!.id)
  await pass(3)
  const told = one.told.filter(({ type }) => type === 'job.progress')
  assert.deepEqual(all.told, one.told)
  assert.equal(told.length, 2)
  const tokens = told.map(({ data }) => data.tokens as number)
  assert.ok(tokens[0]! > 0 && tokens[1]! > tokens[0]!, String(tokens))
  assert.ok((told[1]!.data.tokens_per_s as number) > 1)
  assert.equal(told[0]!.attempt, 1)
  await fake.waitFor('generation_end')
})

/** So many more pieces of the job's text were stored. */
async function moreText(app: Awaited<ReturnType<typeof startStage>>['app'], id: string, pieces: number) {
  for (let left = pieces; left > 0; ) {
    const [event] = await once(app.jobEvents, 'stored')
    if (event.jobId === id && event.type === 'job.output') left -= 1
  }
}

test('a call with a stream of events is counted as well', async t => {
  const { app, url, fake, pass, follow } = await startStage(t, { token_delay_ms: 5, token_count: 5000 })
  const all = new Ear()
  follow.ofAll(all)
  const body = { model: 'alpha', messages: [{ role: 'user', content: 'hi' }], stream: true }
  const res = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify(body) })
  const reader = res.body!.getReader()
  for (let read = 0; read < 5; read += 1) await reader.read()
  await pass(1)
  assert.ok((all.told.at(-1)?.data.tokens as number) >= 3, JSON.stringify(all.told))
  await reader.cancel()
  await fake.waitFor('generation_end')
  assert.equal(app.queue.progressOf(all.told[0]!.jobId!)?.inputs, undefined)
})

test('a long list of texts to embed tells how many are done', async t => {
  const models = [{ name: 'alpha' }, { name: 'embedder', capabilities: ['embedding' as const] }]
  const { app, url, pass, follow } = await startStage(t, {
    models,
    prompt_delay_ms: 5
  })
  const all = new Ear()
  follow.ofAll(all)
  const input = Array.from({ length: 130 }, (_, index) => `text ${index}`)
  const post = (body: object) =>
    fetch(`${url}/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body)
    })
  const { id } = (await (await post({ model: 'embedder', input })).json()) as { id: string }
  do {
    await once(app.telemetry, 'targetCall')
    // What it brought is counted when everybody has heard of it.
    await new Promise(setImmediate)
  } while (app.queue.progressOf(id)?.inputs?.done === 0)
  await pass(1)
  const told = all.told.filter(({ type, jobId }) => type === 'job.progress' && jobId === id)
  assert.deepEqual(
    told.map(({ data }) => data),
    [{ done: 64, total: 130 }]
  )
  assert.deepEqual(app.queue.progressOf(id)?.inputs, { done: 64, total: 130 })
})
