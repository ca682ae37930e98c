/** What callers do to a foreman in a test: all kinds of work, and all that can go wrong with it. */
import assert from 'node:assert/strict'
import type { ScrapedForeman } from './watched.ts'

const hourMs = 3_600_000
const messages = [{ role: 'user', content: 'What is a foreman?' }]
const tools = [
  { type: 'function', function: { name: 'look', parameters: { type: 'object', properties: {} } } }
]

/** Work of every kind and class on three models, with swaps between them. All of it ends well. */
export async function healthyRun(foreman: ScrapedForeman): Promise<void> {
  const jobs = await Promise.all([
    ...['alpha', 'beta', 'gamma', 'alpha', 'beta', 'gamma'].map(model =>
      foreman.submit({ request: { model, messages, options: { num_predict: 6 } }, priority: 'batch' })
    ),
    foreman.submit({ request: { model: 'alpha', messages, tools } }),
    foreman.submit({ request: { model: 'alpha', prompt: 'Go on:' } }),
    foreman.submit({ request: { model: 'embedder', input: 'a foreman' } })
  ])
  const calls = [
    call(foreman, '/api/chat', { model: 'beta', messages }),
    call(foreman, '/api/generate', { model: 'alpha', prompt: 'Once', stream: false }),
    call(foreman, '/v1/chat/completions', { model: 'gamma', messages, stream: true }),
    call(foreman, '/api/embed', { model: 'embedder', input: 'a foreman' }),
    transcribe(foreman)
  ]
  await Promise.all(calls)
  for (const id of jobs) assert.equal(await foreman.ended(id), 'done')
  await keepThings(foreman)
  await beTold(foreman)
}

async function call(foreman: ScrapedForeman, path: string, body: object): Promise<void> {
  const answer = await foreman.ask('POST', path, { body })
  assert.equal(answer.status, 200, await answer.text())
}

async function transcribe(foreman: ScrapedForeman): Promise<void> {
  const body = new FormData()
  body.set('model', 'scribe')
  body.set('file', new File(['RIFF'], 'speech.wav', { type: 'audio/wav' }))
  const answer = await foreman.ask('POST', '/v1/audio/transcriptions', { body })
  assert.equal(answer.status, 200, await answer.text())
}

/** An upload and its way back, and a job that is handed in twice by one key. */
async function keepThings(foreman: ScrapedForeman): Promise<void> {
  const upload = await foreman.ask('POST', '/artifacts', {
    body: 'a note',
    headers: { 'content-type': 'text/plain' }
  })
  const { id } = (await upload.json()) as { id: string }
  assert.equal(await (await foreman.ask('GET', `/artifacts/${id}/content`)).text(), 'a note')
  const request = { request: { model: 'alpha', messages } }
  const key = { 'idempotency-key': 'twice' }
  const first = await foreman.submit(request, key)
  const again = await foreman.ask('POST', '/jobs', { body: request, headers: key })
  assert.equal(((await again.json()) as { id: string }).id, first)
  assert.equal(await foreman.ended(first), 'done')
  const job = await foreman.ask('GET', `/jobs/${first}/artifacts/completion`)
  assert.equal(job.status, 200)
  await job.arrayBuffer()
}

/** A job whose end is told, and taken. */
async function beTold(foreman: ScrapedForeman): Promise<void> {
  const webhook = { url: foreman.receiver.url, events: ['job.done'] }
  const id = await foreman.submit({ request: { model: 'alpha', messages }, webhook })
  const { json } = await foreman.receiver.nth(1)
  assert.equal(json.data.id, id)
}

/** What goes wrong in a usual day: a job that fails, two that are canceled, callers who are turned away. */
export async function unluckyRun(foreman: ScrapedForeman): Promise<void> {
  const failing = await foreman.submit({ request: { model: 'broken', messages } })
  assert.equal(await foreman.ended(failing), 'failed')
  const later = await foreman.submit({
    request: { model: 'alpha', messages },
    not_before: new Date(Date.now() + hourMs)
  })
  const silent = await foreman.submit({ request: { model: 'silent', messages } })
  await atWork(foreman, silent)
  for (const id of [later, silent]) {
    await (await foreman.ask('POST', `/jobs/${id}/cancel`)).arrayBuffer()
    assert.equal(await foreman.ended(id), 'canceled')
  }
  await refused(foreman, 401, '/jobs', { token: undefined })
  await refused(foreman, 401, '/jobs', { token: 'a-token-that-nobody-has' })
  await refused(foreman, 422, '/jobs', { body: { request: { model: 'alpha', messages }, priority: 'soon' } })
  const other = { request: { model: 'beta', messages } }
  await refused(foreman, 422, '/jobs', { body: other, headers: { 'idempotency-key': 'twice' } })
}

async function refused(
  foreman: ScrapedForeman,
  status: number,
  path: string,
  options: Parameters<ScrapedForeman['ask']>[2]
): Promise<void> {
  const answer = await foreman.ask('POST', path, options)
  assert.equal(answer.status, status, await answer.text())
}

/** Waits until the target works on the job. */
export async function atWork(foreman: ScrapedForeman, id: string): Promise<void> {
  for (let etag = ''; ; ) {
    // Without a version the wait would be for the end.
    const headers: Record<string, string> = etag === '' ? {} : { prefer: 'wait=10', 'if-none-match': etag }
    const answer = await foreman.ask('GET', `/jobs/${id}`, { headers })
    etag = answer.headers.get('etag') ?? ''
    const text = await answer.text()
    if (text !== '' && (JSON.parse(text) as { state: string }).state === 'working') return
  }
}
