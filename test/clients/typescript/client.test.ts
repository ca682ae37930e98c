/** The TypeScript client against a real foreman: each of its methods. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startRig } from '../../strength/support/rig.ts'
import { load } from './built.ts'

const { Foreman, hasEnded } = await load('index')
const { ollama } = await load('ollama')
const native = { model: 'alpha', prompt: 'Why?' }

test('a job is handed in once for each key, waited for, looked at, explained and deleted', async t => {
  const { url } = await startRig(t)
  const foreman = new Foreman({ baseUrl: `${url}/` })
  const job = await foreman.submit(native, { idempotencyKey: 'once' })
  assert.equal((await foreman.submit(native, { idempotencyKey: 'once' })).id, job.id)
  const ended = await foreman.wait(job.id)
  assert.ok(ended.state === 'done' && hasEnded(ended) && !hasEnded(job))
  assert.deepEqual(await foreman.get(job.id), ended)
  assert.equal((await foreman.why(job.id)).job_id, job.id)
  const waited = await foreman.submit(native, { waitS: 20 })
  assert.ok(waited.id !== job.id && waited.state === 'done')
  await assert.rejects(foreman.delete('job_nobody'), { status: 404 })
  // Twice: the answer to the first may be lost.
  await foreman.delete(job.id)
  await foreman.delete(job.id)
  await assert.rejects(foreman.get(job.id), { name: 'ForemanError', status: 410, code: 'job_data_removed' })
})

test('a job is canceled, and done again as another', async t => {
  const { url } = await startRig(t)
  const foreman = new Foreman({ baseUrl: url })
  const { id } = await foreman.submit({
    ...native,
    not_before: new Date(Date.now() + 3_600_000).toISOString()
  })
  assert.equal((await foreman.cancel(id)).state, 'canceled')
  assert.equal((await foreman.cancel(id)).state, 'canceled')
  const again = await foreman.retry(id)
  assert.equal(again.retry_of, id)
  await assert.rejects(foreman.retry(again.id), { status: 409, code: 'job_not_retryable', retryable: false })
})

test('many are handed in over several requests, and listed page by page', async t => {
  const { url } = await startRig(t)
  const foreman = new Foreman({ baseUrl: url })
  const jobs = Array.from({ length: 25 }, (_, n) => ({ ...native, metadata: { report: 'r1', n: String(n) } }))
  const ids: (string | undefined)[] = []
  for await (const { index, id } of foreman.submitMany([...jobs, { model: 'nobody', prompt: '' }], {
    batch: 10
  }))
    ids[index] = id
  assert.equal(new Set(ids.slice(0, 25)).size, 25)
  assert.equal(ids[25], undefined)
  const listed: string[] = []
  for await (const { id } of foreman.list({ metadata: { report: 'r1' }, pageSize: 10 })) listed.push(id)
  assert.deepEqual(listed.reverse(), ids.slice(0, 25))
  for (const id of listed) await foreman.wait(id)
  const states: string[] = []
  for await (const { state } of foreman.list({ state: ['done', 'failed'], metadata: { n: '7' } }))
    states.push(state)
  assert.deepEqual(states, ['done'])
})

test('many: a queue that is soon full takes all of them, each once', async t => {
  const { url, fake } = await startRig(t, { token_delay_ms: 5 }, { queue: { max_queued: 5 } })
  const codes = new Set<string | undefined>()
  const retry = { onRetry: ({ error }: { error: Error & { code?: string } }) => codes.add(error.code) }
  const foreman = new Foreman({ baseUrl: url, retry })
  const jobs = Array.from({ length: 40 }, () => native)
  const ids = new Set<string | undefined>()
  for await (const { id } of foreman.submitMany(jobs)) ids.add(id)
  assert.ok(ids.size === 40 && !ids.has(undefined))
  assert.deepEqual([...codes], ['queue_full'])
  for (const id of ids) assert.equal((await foreman.wait(id!)).state, 'done')
  const { events } = await fake.state()
  assert.equal(events.filter(({ type }) => type === 'generation_start').length, 40)
})

test('what a job made is fetched, and what it needs is uploaded, once', async t => {
  const { url } = await startRig(t)
  const foreman = new Foreman({ baseUrl: url })
  const { id, result } = await foreman.submit(native, { waitS: 20 })
  assert.deepEqual(await (await foreman.artifact(id)).json(), result)
  assert.deepEqual(
    (await foreman.artifacts(id)).map(({ name, role }) => `${name} ${role}`),
    ['completion output']
  )
  const upload = await foreman.upload('some text', { contentType: 'text/plain', filename: 'bläh "1".txt' })
  assert.deepEqual([upload.role, upload.filename, upload.size_bytes], ['input', 'bläh "1".txt', 9])
  const again = await foreman.upload(new Blob(['some text']))
  assert.equal(again.id, upload.id)
})

test('the queue and the models are shown; the token is sent, and a wrong one refused', async t => {
  const token = 'a-token-of-the-typescript-client'
  const { url } = await startRig(t, {}, { plugins: { auth: { token } } })
  const foreman = new Foreman({ baseUrl: url, token })
  assert.equal((await foreman.queue()).depth.total, 0)
  const { data } = await foreman.models()
  assert.deepEqual(
    data.map(({ name }) => name).sort(),
    ['alpha', 'beta', 'gamma'].map(name => `${name}:latest`)
  )
  const stranger = new Foreman({ baseUrl: url, token: 'a-token-that-nobody-has-made' })
  await assert.rejects(stranger.queue(), { status: 401, code: 'unauthorized' })
  await assert.rejects(stranger.follow('job_1').next(), { status: 401, code: 'unauthorized' })
  assert.ok(!JSON.stringify(foreman).includes(token))
})

test('ollama() is the official client, which speaks to this foreman with its token', async t => {
  const token = 'a-token-of-the-typescript-client'
  const { url } = await startRig(t, {}, { plugins: { auth: { token } } })
  const foreman = new Foreman({ baseUrl: url, token })
  const client = ollama(foreman, { headers: { 'Foreman-Priority': 'batch' } })
  const { response } = await client.generate({ ...native, stream: false })
  assert.notEqual(response, '')
  const priorities: string[] = []
  for await (const job of foreman.list()) priorities.push(job.priority)
  assert.deepEqual(priorities, ['batch'])
})
