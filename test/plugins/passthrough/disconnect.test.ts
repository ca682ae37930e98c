/** Clients that leave before they have their answer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldValue } from '../../differential/message-reader.ts'
import { begin } from '../../differential/raw-client.ts'
import { ask, chat, fault, nextIn, type Stage, start } from './stage.ts'

const goOn = ['Foreman-On-Disconnect', 'continue'] as const
const mark = (name: string) => ['X-Mark', name] as const

/** Numbers by which the fake knows the requests with this mark. */
async function numbersOf({ fake }: Stage, name: string): Promise<number[]> {
  const { requests } = await fake.state()
  return requests.filter(({ headers }) => headers.includes(name)).map(({ request }) => request)
}

/** Asserts that the target had seen the first client go before it got the second request. */
async function assertOneAfterTheOther(stage: Stage, first: string, second: string): Promise<void> {
  const [[gone], [next]] = [await numbersOf(stage, first), await numbersOf(stage, second)]
  const { events, max_concurrent_generations } = await stage.fake.state()
  const leftAt = events.find(event => event.type === 'client_gone' && event.request === gone)!.seq
  const beganAt = events.find(event => event.type === 'request' && event.request === next)!.seq
  assert.ok(leftAt < beganAt, `left at ${leftAt}, next began at ${beganAt}`)
  assert.equal(max_concurrent_generations, 1)
}

const phases = [
  ['before the head', fault('slow_headers')],
  ['in the middle of the stream', fault('stall', { after: 2 })]
] as const

for (const [phase, hang] of phases) {
  test(`a client that leaves ${phase} cancels its job, and the next one starts only after that`, async t => {
    const stage = await start(t)
    const running = nextIn(stage, 'working')
    const client = begin(stage.url, chat([hang, mark('leaves')]))
    const job = await running
    if (phase === 'before the head') {
      await stage.fake.waitFor(event => event.detail === 'POST /api/chat')
    } else await client.until(answer => answer.chunks.length === 2)
    const next = ask(stage, chat([mark('stays')]))
    await nextIn(stage, 'queued')
    const canceled = nextIn(stage, 'canceled')
    client.leave()
    assert.equal((await canceled).id, job.id)
    assert.ok((await next).complete)
    await assertOneAfterTheOther(stage, 'leaves', 'stays')
  })
}

test('a client that leaves while its job waits takes the job with it, and the target never hears of it', async t => {
  const stage = await start(t)
  const running = begin(stage.url, chat([fault('stall', { after: 1 })]))
  await running.until(answer => answer.chunks.length === 1)
  const queued = nextIn(stage, 'queued')
  const waiting = begin(stage.url, chat([mark('leaves')]))
  const job = await queued
  const canceled = nextIn(stage, 'canceled')
  waiting.leave()
  assert.equal((await canceled).id, job.id)
  assert.equal(stage.app.jobs.get(job.id)!.attempt, 0)
  running.leave()
  await ask(stage, chat())
  assert.deepEqual(await numbersOf(stage, 'leaves'), [])
})

test('a client that leaves while its model loads ends its job at once, and the load goes on', async t => {
  const stage = await start(t, { fake: { load_delay_ms: 300 } })
  const client = begin(stage.url, chat())
  await stage.fake.waitFor('load_start')
  const canceled = nextIn(stage, 'canceled')
  client.leave()
  await canceled
  await stage.fake.waitFor('load')
  const { counts } = await stage.fake.state()
  assert.equal(counts.load_abort, undefined)
})

/** What the store keeps of the answer to a job. */
function keptOf({ app }: Stage, id: string): Record<string, unknown> {
  const query = 'SELECT body FROM artifact JOIN job ON job_seq = job.seq WHERE job.id = ?'
  const body = app.db.prepare(query).pluck().get(id) as Buffer
  return JSON.parse(body.toString())
}

const wholeAnswer = { role: 'assistant', content: 'tok0 tok1 tok2 tok3 tok4 tok5 tok6 tok7' }

test('with Foreman-On-Disconnect: continue the job ends done, and its whole answer is kept', async t => {
  const stage = await start(t)
  const client = begin(stage.url, chat([goOn, fault('stall', { after: 2, for_ms: 300 })]))
  const answer = await client.until(so => so.chunks.length === 2)
  const id = fieldValue(answer.fields, 'foreman-job-id')!
  const done = nextIn(stage, 'done')
  client.leave()
  assert.equal(stage.app.jobs.get(id)!.state, 'working')
  assert.equal((await done).id, id)
  const { message, done: last, eval_count } = keptOf(stage, id)
  assert.deepEqual([message, last, eval_count], [wholeAnswer, true, 8])
})

test('with Foreman-On-Disconnect: continue a job that waits is run for nobody, and kept', async t => {
  const stage = await start(t)
  const running = begin(stage.url, chat([fault('stall', { after: 1 })]))
  await running.until(answer => answer.chunks.length === 1)
  const queued = nextIn(stage, 'queued')
  const waiting = begin(stage.url, chat([goOn]))
  const { id } = await queued
  waiting.leave()
  const done = nextIn(stage, 'done')
  running.leave()
  assert.equal((await done).id, id)
  assert.deepEqual(keptOf(stage, id).message, wholeAnswer)
})

test('a job whose client stays keeps nothing', async t => {
  const stage = await start(t)
  await ask(stage, chat())
  for (const table of ['artifact', 'job_request']) {
    assert.equal(stage.app.db.prepare(`SELECT count(*) FROM ${table}`).pluck().get(), 0)
  }
})

test('a call that passes the queue ends on the target when its client leaves', async t => {
  const stage = await start(t, { fake: { pull_delay_ms: 60_000 } })
  const client = begin(stage.url, { method: 'POST', path: '/api/pull', body: '{"model":"smollm2:135m"}' })
  await client.until(answer => answer.chunks.length === 1)
  client.leave()
  await stage.fake.waitFor('client_gone')
})
