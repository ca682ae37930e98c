/** Following one job: what comes, from where on, and that nothing is missing or doubled. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Block, eventsIn } from '../../helpers/event-stream.ts'
import { ended, until } from '../../strength/support/jobs.ts'
import { assertEnd, kept, slowly, startStage, textOf, typesOf } from './stage.ts'

interface Page {
  readonly data: readonly { readonly seq: number }[]
}

test('a job is followed while it runs: each event once, in order, as the page of its events has them', async t => {
  const stage = await startStage(t, slowly)
  const { id } = await stage.submit()
  const blocks = await stage.all(`/jobs/${id}/events`)
  assert.deepEqual(blocks[0], { retry: 2000, comment: 'foreman' })
  assertEnd(blocks, 'terminal')
  const events = eventsIn(blocks)
  const { body } = await stage.ask<Page>('GET', `/jobs/${id}/events?limit=1000`)
  assert.deepEqual(events, body.data)
  assert.ok(events.filter(({ type }) => type === 'job.output').length > 3, 'it was told piece by piece')
  const ids = blocks.flatMap(block => block.id ?? [])
  assert.deepEqual(
    ids,
    events.map(({ seq }) => `${id}:${seq}`)
  )
  const { result } = await stage.ended(id)
  assert.equal(textOf(events), (result!.message as { content: string }).content)
  const last = events.at(-1)!.data as { id: string; state: string; result: unknown }
  assert.deepEqual([last.id, last.state, last.result], [id, 'done', result])
})

test('the head says what proxies and browsers must know', async t => {
  const stage = await startStage(t, {}, {}, { cors: { origins: ['https://page.example'] } })
  const { id } = await stage.submit()
  for (const path of [`/jobs/${id}/events`, '/events']) {
    const origin = 'https://page.example'
    const { status, headers } = await stage.follow(path, { headers: { origin } })
    assert.equal(status, 200)
    assert.equal(headers['content-type'], 'text/event-stream; charset=utf-8')
    assert.equal(headers['cache-control'], 'no-store, no-transform')
    assert.equal(headers['x-accel-buffering'], 'no')
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['access-control-allow-origin'], origin)
  }
})

test('whoever comes back with the id of any event gets what came after it', async t => {
  const stage = await startStage(t, slowly)
  const { id } = await stage.submit()
  const path = `/jobs/${id}/events`
  const whole = (await stage.all(path)).slice(1)
  const resumed: string[] = []
  stage.app.telemetry.on('streamResumed', (_transport, result) => resumed.push(result))
  for (const [at, block] of whole.entries()) {
    if (block.id === undefined) continue
    const lastEventId = block.id
    const seq = lastEventId.split(':')[1]
    if (block === whole.at(-2)) {
      const { status } = await stage.follow(path, { lastEventId })
      assert.equal(status, 204, 'nothing is left, so that an EventSource stops')
      continue
    }
    const rest = whole.slice(at + 1)
    assert.deepEqual((await stage.all(path, { lastEventId })).slice(1), rest)
    assert.deepEqual((await stage.all(`${path}?last_event_id=${lastEventId}`)).slice(1), rest)
    assert.deepEqual((await stage.all(`${path}?after=${seq}`)).slice(1), rest)
  }
  const replays = (whole.length - 2) * 3
  assert.deepEqual(resumed, [...Array(replays).fill('replayed'), 'complete'])
})

test('the header beats the query, which beats after', async t => {
  const stage = await startStage(t)
  const { id } = await stage.submit()
  await ended(stage.app, id)
  const seqs = async (query: string, lastEventId?: string) =>
    eventsIn(await stage.all(`/jobs/${id}/events${query}`, lastEventId ? { lastEventId } : {}))[0]!.seq
  assert.equal(await seqs(`?last_event_id=${id}:1&after=2`, `${id}:3`), 4)
  assert.equal(await seqs(`?last_event_id=${id}:1&after=2`), 2)
  assert.equal(await seqs('?after=2'), 3)
  assert.equal(await seqs(''), 1)
})

test('after=latest tells only what comes', async t => {
  const stage = await startStage(t, slowly)
  const { id } = await stage.submit()
  await until(stage.app, id, 'working')
  const { eventSeq } = stage.app.jobs.get(id)!
  const blocks = await stage.all(`/jobs/${id}/events?after=latest`)
  assert.ok(eventsIn(blocks)[0]!.seq > eventSeq)
  assertEnd(blocks, 'terminal')
  assert.equal((await stage.follow(`/jobs/${id}/events?after=latest`)).status, 204)
})

test('a retried attempt voids the text that came before, and the text of the last one is whole', async t => {
  const faults = [{ kind: 'reset', after: 5, times: 1, path: '/api/chat' }] as const
  const stage = await startStage(t, { ...slowly, faults: [...faults] })
  const { id } = await stage.submit()
  const blocks = await stage.all(`/jobs/${id}/events`)
  const types = typesOf(blocks)
  assert.ok(types.indexOf('job.output') < types.indexOf('job.output_reset'))
  assert.ok(types.indexOf('job.output_reset') < types.lastIndexOf('job.output'))
  const { result } = await stage.ended(id)
  assert.equal(textOf(eventsIn(blocks)), (result!.message as { content: string }).content)
})

test('who asks for events that there never were is told of a gap, and gets all', async t => {
  const stage = await startStage(t)
  const { id } = await stage.submit()
  const { eventSeq } = await ended(stage.app, id)
  const resumed: string[] = []
  stage.app.telemetry.on('streamResumed', (_transport, result) => resumed.push(result))
  const [, gap, ...rest] = await stage.all(`/jobs/${id}/events`, { lastEventId: `${id}:${eventSeq + 7}` })
  assert.deepEqual(gap, { event: 'stream.gap', data: '{"oldest_seq":1,"snapshot_seq":null}' })
  assert.equal(eventsIn(rest).length, eventSeq)
  assert.deepEqual(resumed, ['gap'])
})

test('POST /jobs answers with the stream of its new job, and with the same key with that job again', async t => {
  const stage = await startStage(t, slowly)
  const body = { model: 'alpha', prompt: 'hello' }
  const headers = { 'idempotency-key': 'once' }
  const stream = await stage.follow('/jobs', { body, headers })
  assert.equal(stream.status, 200)
  assert.equal(stream.headers['content-type'], 'text/event-stream; charset=utf-8')
  const path = stream.headers.location!
  const blocks = kept(await stream.rest())
  assertEnd(blocks, 'terminal')
  const events = eventsIn(blocks)
  assert.deepEqual([events[0]!.type, `/jobs/${events[0]!.job_id}`], ['job.queued', path])
  const again = await stage.follow('/jobs', { body, headers })
  assert.deepEqual([again.headers.location, again.headers['idempotency-replayed']], [path, 'true'])
  assert.deepEqual(kept(await again.rest()), blocks)
  // A client that sends the same request to go on.
  const lastEventId = blocks.at(3)!.id!
  assert.deepEqual((await stage.all('/jobs', { body, headers, lastEventId })).slice(1), blocks.slice(4))
  const last = { lastEventId: `${events[0]!.job_id}:${events.at(-1)!.seq}` }
  assert.equal((await stage.follow('/jobs', { body, headers, ...last })).status, 204)
  const newer = await stage.follow('/jobs', { body, ...last })
  assert.deepEqual([newer.status, newer.headers['foreman-error-code']], [400, 'invalid_event_id'])
  const listed = await stage.ask<Page>('GET', '/jobs')
  assert.equal(listed.body.data.length, 1, 'no second job was made')
})

test('what is not stored is told as well, without an id', async t => {
  const stage = await startStage(t)
  await stage.ask('POST', '/queue/pause')
  const { id } = await stage.submit()
  const isPosition = ({ event }: Block) => event === 'queue.position'
  for (const path of [`/jobs/${id}/events`, '/events']) {
    const told = (await (await stage.follow(path)).until(isPosition)).at(-1)!
    const { type, job_id, data } = JSON.parse(told.data!)
    assert.deepEqual([told.id, type, job_id, data.position], [undefined, 'queue.position', id, 0])
  }
})
