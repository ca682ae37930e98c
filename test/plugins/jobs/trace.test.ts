/** The trace of a job, from every way in to the target. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bulk } from './line-client.ts'
import { chatBody, type Stage, startStage } from './stage.ts'

/** A trace for each `n` below 16. */
const traceOf = (n: number) => `00-${'4bf92f3577b34da6a3ce929d0e0e473'}${n.toString(16)}-00f067aa0ba902b7-01`

/** The values of a header of the calls that the target had on a path, one list a call. */
async function valuesAt({ fake }: Stage, path: string, header = 'traceparent'): Promise<string[][]> {
  const { requests } = await fake.state()
  return requests
    .filter(({ url }) => url === path)
    .map(({ headers }) => headers.filter((_, n) => n % 2 === 1 && headers[n - 1]!.toLowerCase() === header))
}

/** Hands the chat in. */
async function submit({ ask }: Stage, headers: Readonly<Record<string, string>>): Promise<string> {
  const { status, body, text } = await ask('POST', '/jobs', { body: chatBody, headers })
  assert.ok(status === 202 || status === 200, text)
  return body.id
}

function rowCount({ app }: Stage): unknown {
  return app.db.prepare('SELECT count(*) FROM job_trace').pluck().get()
}

test('the call of a job has the traceparent of who handed it in, and nothing else of its headers', async t => {
  const stage = await startStage(t)
  const headers = { traceparent: traceOf(1), tracestate: 'a=1', 'x-mark': 'me' }
  await stage.ended(await submit(stage, headers))
  assert.deepEqual(await valuesAt(stage, '/api/chat'), [[traceOf(1)]])
  assert.deepEqual(await valuesAt(stage, '/api/chat', 'tracestate'), [[]])
  assert.deepEqual(await valuesAt(stage, '/api/chat', 'x-mark'), [[]])
})

test('a call that holds its connection passes it on to the target as it is', async t => {
  const stage = await startStage(t)
  const later = traceOf(1).replace(/^00/, '01')
  await stage.ask('POST', '/api/chat', {
    body: { ...chatBody, stream: false },
    headers: { traceparent: later }
  })
  assert.deepEqual(await valuesAt(stage, '/api/chat'), [[later]])
  assert.equal(rowCount(stage), 0)
})

test('a job without one, or with one that cannot be read, is as all jobs were', async t => {
  const stage = await startStage(t)
  const none: Record<string, string>[] = [
    {},
    { traceparent: 'canary' },
    { traceparent: `${traceOf(1)}-more` },
    { tracestate: 'a=1' }
  ]
  for (const headers of none) await stage.ended(await submit(stage, headers))
  assert.deepEqual(await valuesAt(stage, '/api/chat'), [[], [], [], []])
  assert.equal(rowCount(stage), 0)
})

test('all lines of a request have its trace', async t => {
  const stage = await startStage(t)
  const lines = [chatBody, '{', chatBody]
  const [first, refused, last] = await bulk(stage, lines, { headers: { traceparent: traceOf(2) } })
  assert.equal(refused!.error?.code, 'malformed_json')
  for (const { id } of [first!, last!]) await stage.ended(id!)
  assert.deepEqual(await valuesAt(stage, '/api/chat'), [[traceOf(2)], [traceOf(2)]])
})

test('so has a native request that becomes a job', async t => {
  const stage = await startStage(t)
  const headers = { prefer: 'respond-async', traceparent: traceOf(3) }
  const { status, body } = await stage.ask('POST', '/api/chat', { body: chatBody, headers })
  assert.equal(status, 202)
  await stage.ended(body.id)
  assert.deepEqual(await valuesAt(stage, '/api/chat'), [[traceOf(3)]])
})

test('a key that comes again changes nothing of the first, and a retry belongs to who asks for it', async t => {
  const stage = await startStage(t)
  await stage.ask('POST', '/queue/pause')
  const key = { 'idempotency-key': 'k' }
  const id = await submit(stage, { ...key, traceparent: traceOf(4) })
  assert.equal(await submit(stage, { ...key, traceparent: traceOf(5) }), id)
  await stage.ask('POST', `/jobs/${id}/cancel`)
  const retry = async (headers: Readonly<Record<string, string>>) =>
    (await stage.ask('POST', `/jobs/${id}/retry`, { headers })).body.id
  const retried = [await retry({ traceparent: traceOf(6) }), await retry({})]
  const kept = stage.app.db
    .prepare('SELECT job.id, traceparent FROM job LEFT JOIN job_trace ON job_seq = job.seq ORDER BY job.seq')
    .raw()
    .all()
  assert.deepEqual(kept, [
    [id, traceOf(4)],
    [retried[0], traceOf(6)],
    [retried[1], null]
  ])
})
