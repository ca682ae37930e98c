/** What is never told: a call that holds its connection, whatever it asks for; and more than 32 KiB, whatever a job has. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Visit } from '../receiver-farm/start.ts'
import { handIn, makeEndpoint, settled, startWebhookRig } from './support/webhooks.ts'

const longestBodyBytes = 32 * 1024
const prompt = 'hello'
const messages = [{ role: 'user', content: prompt }]

test('no call that holds its connection is told of, whatever its headers, query and body say', async t => {
  const models = [{ name: 'alpha' }, { name: 'words', capabilities: ['embedding' as const] }]
  const { app, url, farm } = await startWebhookRig(t, { fake: { models } })
  await makeEndpoint(url, { url: farm.url('healthy', 'standing'), events: ['*'] })
  const wish = farm.url('healthy', 'attached')
  const calls: [path: string, body: object][] = [
    ['/api/chat', { model: 'alpha', messages, stream: false }],
    ['/api/chat', { model: 'alpha', messages, stream: true }],
    ['/api/generate', { model: 'alpha', prompt, stream: false }],
    ['/api/embed', { model: 'words', input: prompt }],
    ['/v1/chat/completions', { model: 'alpha', messages }],
    ['/v1/completions', { model: 'alpha', prompt }],
    ['/v1/responses', { model: 'alpha', input: prompt }],
    ['/v1/embeddings', { model: 'words', input: prompt }],
    ['/v1/messages', { model: 'alpha', messages, max_tokens: 10 }]
  ]
  for (const [path, body] of calls) {
    for (const disposition of ['cancel', 'continue']) {
      const status = await callAsking(url + path, body, wish, disposition)
      assert.equal(status, 200, path)
    }
  }
  const attached = app.db.prepare('SELECT count(*) FROM job WHERE attached = 1').pluck().get()
  assert.ok((attached as number) >= calls.length, 'they were no jobs')
  // Messages are made in the order of the events: that of a later job says that nothing is to come.
  const [id] = await handIn(url, [{ request: { model: 'alpha', prompt } }])
  await farm.waitFor(isOf('job.done'))
  const visits = await farm.visits()
  assert.deepEqual(new Set(visits.map(({ request }) => request!.path)), new Set(['/standing']))
  const jobs = visits.map(dataOf).filter(({ type }) => type.startsWith('job.'))
  assert.deepEqual(new Set(jobs.map(({ data }) => data.id)), new Set([id]))
  assert.deepEqual(
    app.db.prepare('SELECT DISTINCT job_id FROM webhook_delivery WHERE job_id NOTNULL').pluck().all(),
    [id]
  )
  assert.equal(app.db.prepare('SELECT count(*) FROM job_webhook').pluck().get(), 0)
})

test('no message is longer than 32 KiB, whatever its job has', { timeout: 60_000 }, async t => {
  const sizes = { large: 10_000_000, fitting: 8000, close: 10_000 }
  const models = [
    { name: 'alpha' },
    ...Object.entries(sizes).map(([name, size_bytes]) => ({
      name,
      fault: { kind: 'big_line' as const, size_bytes }
    })),
    { name: 'failing', fault: { kind: 'status' as const, status: 400, message: '\u0001'.repeat(10_000) } }
  ]
  const { app, url, farm } = await startWebhookRig(t, { fake: { models } })
  const forms = [{}, { payload: 'thin' }, { format: 'cloudevents' }, { signing: 'ed25519' }]
  for (const [n, form] of forms.entries()) {
    const path = `form/${n}/${'x'.repeat(1900)}`
    await makeEndpoint(url, { url: farm.url('healthy', path), ...form })
  }
  const metadata = [{}, longestMetadata('\u0001'), longestMetadata('\u{1F600}')]
  const wishes = ['alpha', ...Object.keys(sizes), 'failing'].flatMap(model =>
    metadata.map(words => ({
      request: { model, prompt },
      metadata: words,
      max_attempts: 1,
      webhook: { url: farm.url('healthy', `own/${model}/${'x'.repeat(1900)}`) }
    }))
  )
  await handIn(url, wishes)
  await settled(app.db)
  const visits = await farm.visits()
  // Each is queued, at work and over.
  assert.ok(visits.length >= 3 * (forms.length + 1) * wishes.length, `${visits.length} messages`)
  const longest = Math.max(...visits.map(({ request }) => Buffer.byteLength(request!.body)))
  t.diagnostic(`the longest has ${longest} bytes`)
  assert.ok(longest <= longestBodyBytes && longest > longestBodyBytes / 2, `${longest} bytes`)
  const ends = visits
    .filter(isOf('job.done'))
    .map(dataOf)
    .filter(({ data }) => 'result' in data)
  for (const { data } of ends) assertSaysWhatIsLeftOut(data)
  const whole = ends.filter(({ data }) => data.result !== null).map(({ data }) => data.model)
  assert.deepEqual(new Set(whole), new Set(['alpha', 'fitting', 'close']))
})

/** Asks in every place where somebody could hope to be heard. @returns the status, after the whole answer has come */
async function callAsking(url: string, body: object, wish: string, onDisconnect: string): Promise<number> {
  const names = [
    'state_webhook_url',
    'state-webhook-url',
    'foreman-webhook-url',
    'foreman-state-webhook-url',
    'webhook'
  ]
  const query = new URLSearchParams({ state_webhook_url: wish, webhook: wish, 'webhook.url': wish })
  const headers = {
    'content-type': 'application/json',
    prefer: 'wait=10',
    'foreman-on-disconnect': onDisconnect,
    ...Object.fromEntries(names.map(name => [name, wish]))
  }
  const asking = { ...body, state_webhook_url: wish, webhook: { url: wish } }
  const answer = await fetch(`${url}?${query}`, { method: 'POST', headers, body: JSON.stringify(asking) })
  await answer.text()
  return answer.status
}

function longestMetadata(character: string): Record<string, string> {
  const of = (length: number) => character.repeat(length / character.length)
  return Object.fromEntries(
    Array.from({ length: 16 }, (_, n) => [`${n % 10}${n > 9 ? 'b' : 'a'}${of(62)}`, of(512)])
  )
}

interface Told {
  readonly type: string
  readonly data: {
    readonly id: string
    readonly model: string
    readonly result: unknown
    readonly artifacts: unknown[]
    readonly omitted?: string[]
  }
}

function dataOf({ request }: Visit): Told {
  return JSON.parse(request!.body) as Told
}

function isOf(type: string): (visit: Visit) => boolean {
  return visit => dataOf(visit).type.endsWith(type)
}

/** A result that is not told is named, and the artifact has it. */
function assertSaysWhatIsLeftOut(data: Told['data']): void {
  const text = JSON.stringify(data).slice(0, 500)
  assert.equal(data.result === null, data.omitted?.includes('result') ?? false, text)
  assert.equal(data.artifacts.length, 1, text)
}
