/** How streams end, and what is sent while nothing happens. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { EventSource } from 'eventsource'
import { type Block, connect, eventsIn } from '../../helpers/event-stream.ts'
import { holdTimers } from '../../helpers/held-timers.ts'
import { until } from '../../strength/support/jobs.ts'
import { startStage as startAuthStage } from '../auth/stage.ts'
import { assertEnd, kept, slowly, startStage } from './stage.ts'

/** A job that runs for as long as a test can take. */
const endless = { model: 'alpha', prompt: 'count', options: { num_predict: 100_000 } }

test('in silence there is a comment, or an event ping for those who want one, without an id', async t => {
  const stage = await startStage(t, {}, { heartbeat_s: 0.05 })
  const plain = await stage.follow('/events')
  const seen = await stage.follow('/events?heartbeat=event')
  await plain.next()
  await seen.next()
  for (let count = 0; count < 2; count += 1) {
    assert.ok((await plain.until(({ comment }) => comment === '')).length > 0)
    const [ping] = (await seen.until(({ event }) => event === 'ping')).slice(-1)
    assert.deepEqual(ping, { event: 'ping', data: '{}' })
  }
})

test('a connection has its time, and the next one goes on from there', async t => {
  const stage = await startStage(t, { ...slowly, token_count: 100 }, { max_duration_s: 0.3 })
  const { id } = await stage.submit()
  const pieces: Block[] = []
  let connections = 0
  for (let last: string | undefined; ; ) {
    const stream = await stage.follow(`/jobs/${id}/events`, last === undefined ? {} : { lastEventId: last })
    if (stream.status === 204) break
    const blocks = kept(await stream.rest())
    assert.equal(stream.broke, false)
    const [, ...events] = blocks
    pieces.push(...events.slice(0, -1))
    // Nothing may have come in its time.
    last = stream.lastEventId ?? last
    connections += 1
    const isOver = events.at(-2)?.event === 'job.done'
    assertEnd(blocks, isOver ? 'terminal' : 'max_duration')
  }
  assert.ok(connections > 2)
  const seqs = eventsIn(pieces).map(({ seq }) => seq)
  assert.deepEqual(
    seqs,
    seqs.map((_seq, at) => at + 1)
  )
})

test('a stop is told to everybody, and does not use up the second that slow readers have', async t => {
  const stage = await startStage(t, { token_delay_ms: 20 }, {}, { limits: { shutdown_s: 0 } })
  const { id } = await stage.submit(endless)
  const streams = await Promise.all(
    [`/jobs/${id}/events`, '/events', '/events?after=latest'].map(path => stage.follow(path))
  )
  await until(stage.app, id, 'working')
  const second = holdTimers(t, 1000)
  await stage.app.close()
  for (const stream of streams) assertEnd(await stream.rest(), 'shutdown')
  assert.deepEqual([second.overdue, second.pending], [0, 0])
})

test('a token that is revoked ends its streams by the look that comes within a second, and they say so', async t => {
  // Time passes here for what is done at intervals: the looks at the tokens of open calls.
  t.mock.timers.enable({ apis: ['setInterval'] })
  const stage = await startAuthStage(t)
  const { id, token } = await stage.issue({ scopes: ['jobs:read', 'jobs:write'] })
  const headers = { authorization: `Bearer ${token}` }
  const made = await connect(`${stage.url}/jobs`, { headers, body: endless })
  const ticket = await (await stage.ask(token, 'POST', '/stream-tickets', {})).json()
  const all = await connect(`${stage.url}/events?ticket=${(ticket as { ticket: string }).ticket}`)
  const others = await connect(`${stage.url}/events`, { headers: { authorization: `Bearer ${stage.admin}` } })
  await made.until(({ event }) => event === 'job.output')
  await stage.ask(stage.admin, 'DELETE', `/tokens/${id}`)
  t.mock.timers.tick(1000)
  for (const stream of [made, all]) {
    assertEnd(await stream.rest(), 'token_revoked')
    assert.equal(stream.broke, false)
  }
  assert.equal((await connect(`${stage.url}/events`, { headers })).status, 401)
  // Those of others go on.
  await others.until(({ event }) => event === 'job.output')
  const more = await others.next()
  assert.notEqual(more?.event, 'stream.end')
  others.close()
})

test('an EventSource stops after the end of its job, and has had everything once', async t => {
  const stage = await startStage(t, slowly)
  const { id } = await stage.submit()
  const source = new EventSource(`${stage.url}/jobs/${id}/events`)
  t.after(() => source.close())
  const seqs: number[] = []
  let ends = 0
  for (const type of ['job.queued', 'job.loading', 'job.working', 'job.output', 'job.done'])
    source.addEventListener(type, ({ data }) => seqs.push(JSON.parse(data).seq))
  source.addEventListener('stream.end', () => {
    ends += 1
  })
  while (source.readyState !== EventSource.CLOSED) await once(source, 'error')
  assert.equal(ends, 1)
  const { eventSeq } = stage.app.jobs.get(id)!
  assert.deepEqual(
    seqs,
    Array.from({ length: eventSeq }, (_none, at) => at + 1)
  )
})
